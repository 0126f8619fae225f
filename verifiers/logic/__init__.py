"""Puzzles and procedural tasks, judged by what their rules say."""
