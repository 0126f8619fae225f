"""Evaluation: intervals, and the report of a run."""
