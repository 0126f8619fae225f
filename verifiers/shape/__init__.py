"""Rewards for how a response is written, whatever it says."""
