"""Rewards for how a response is written, whatever it says: format, length, repetition, language."""
