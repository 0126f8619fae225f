"""What a learner's process on a CPU is started with: it must be set before the first library loads OpenMP."""

from __future__ import annotations

from rlhf.memory import KEEP_FREED_MEMORY

_SPIN_ALONE, _SPIN_BESIDE_OTHERS = 3_000_000, 10_000


def cpu_environment(*, alone: bool) -> dict[str, str]:
    """alone: no engine samples while this rank learns.

    Threads of a parallel region wait for each other by spinning. Where another process wants a core, that wait lasts
    until the kernel takes the core away: measured at a tenth of the speed; so the spin is short there. Where none
    does, a thread that was put to sleep is 5 % slower: 20.0 against 19.0 s a step of SmolLM2.
    """
    spin = _SPIN_ALONE if alone else _SPIN_BESIDE_OTHERS
    return {"GOMP_SPINCOUNT": str(spin), "KMP_BLOCKTIME": "1", **KEEP_FREED_MEMORY}
