"""The typed recipe: what it may say, how it is read and checked, and what it would need."""
