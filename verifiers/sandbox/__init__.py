"""Walls around code and text that are hostile; see README.md."""
