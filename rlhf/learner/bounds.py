"""What the learner promises about memory, for those who estimate it without importing numpy or torch."""

KEY_ROWS = 4
"""Rows of keys that a micro-batch holds at most for each token of its budget: a shared prompt's keys are copied."""
