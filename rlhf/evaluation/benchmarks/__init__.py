"""Benchmarks: one table, and how its problems are loaded."""

from rlhf.evaluation.benchmarks.loading import Loaded, load_benchmark
from rlhf.evaluation.benchmarks.registry import BENCHMARKS, find, names
from rlhf.evaluation.benchmarks.spec import Benchmark, Erratum, Hub

__all__ = ["BENCHMARKS", "Benchmark", "Erratum", "Hub", "Loaded", "find", "load_benchmark", "names"]
