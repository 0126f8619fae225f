"""The limits and choices of the `code` verifier, in one piece."""

from __future__ import annotations

from dataclasses import dataclass

from verifiers.sandbox.limits import Limits

COMPILE_MEMORY_MB = 1024


@dataclass(frozen=True, slots=True)
class CodeSettings:
    """As the options in specs/programs.py, which say what each means."""

    checker: str
    time_s: float
    total_s: float
    compile_s: float
    memory_mb: int
    output_kb: int
    processes: int

    def test_limits(self, left_s: float) -> Limits:
        """For one test, with so much left of the total."""
        wall_s = max(min(self.time_s, left_s), 0.01)
        return Limits(wall_s, None, self.memory_mb, self.processes, self.output_kb)

    def compile_limits(self, left_s: float) -> Limits:
        wall_s = max(min(self.compile_s, left_s), 0.01)
        return Limits(wall_s, None, COMPILE_MEMORY_MB, 32, self.output_kb, file_mb=32)
