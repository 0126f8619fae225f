"""How the threads of a parallel region on a CPU wait for each other: they spin, and then sleep.

Where another process wants a core that a spinning thread holds, it waits until the kernel takes the core away, some
milliseconds. Where none does, a thread that was put to sleep wakes some percent later than one that spins.
"""

from __future__ import annotations

SPIN_ALONE = 3_000_000
"""Where nothing else computes meanwhile (libgomp's own default is 300,000)."""

SPIN_BESIDE_OTHERS = 10_000
"""Where another process works in turn with this one, as vLLM's scheduler does with its worker: there a token of a small
policy took 4.1 ms, and with libgomp's default 5 to 11.6 ms, by chance (benchmarks/long_generation.py)."""


def spinning(count: int) -> dict[str, str]:
    """The environment for it; read when OpenMP is loaded."""
    return {"GOMP_SPINCOUNT": str(count)}
