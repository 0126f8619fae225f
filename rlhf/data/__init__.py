"""Prompts: where they come from, how they are checked, and the order in which they are handed out."""
