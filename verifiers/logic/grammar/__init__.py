"""Strict parsers for the shapes that answers have. Nothing here evaluates text; each works in linear time, with a bound
on length and depth, and raises Unreadable on anything else."""
