"""Asking for the answers of benchmarks: prompts, sampling, judging, a journal that outlives a kill, the results."""
