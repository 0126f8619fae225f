"""Which implementation the mixers of a live model run: decided by `backends.py`, put in place here, and told."""

from __future__ import annotations

from collections.abc import Iterable

from rlhf.attention.backends import Backend, DeviceKind, choose, is_installed
from rlhf.attention.catalog import CATALOG
from rlhf.attention.mixers.base import Mixer


def implement(mixers: Iterable[Mixer], device: DeviceKind, backend: Backend = "auto") -> list[str]:
    """A line a kernel: what computes it and why. Raises ValueError for what cannot run there."""
    told: dict[str, str] = {}
    for mixer in mixers:
        spec = CATALOG[mixer.KERNEL.name]
        choice = choose(spec, device, backend, is_installed(spec))
        if choice.name != "torch":
            from rlhf.attention.gpu import implementation

            mixer.kernel = implementation(spec, choice)
        told[spec.name] = f"attention {spec.name} is computed by {choice.name}: {choice.reason}"
    return list(told.values())
