"""Resident memory of a process as Linux counts it, in bytes: now, and the most since the count was begun anew."""

from __future__ import annotations

import ctypes
from pathlib import Path


def resident(pid: int | str = "self") -> int:
    return _field(pid, "VmRSS")


def peak(pid: int | str = "self") -> int:
    """Since the process began, or since `forget_peak`."""
    return _field(pid, "VmHWM")


def forget_peak() -> None:
    """This process's peak is what it has now."""
    Path("/proc/self/clear_refs").write_text("5")


def give_back() -> None:
    """What this process has freed goes back to the kernel, as far as glibc can."""
    ctypes.CDLL("libc.so.6").malloc_trim(0)


def _field(pid: int | str, name: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        key, _, rest = line.partition(":")
        if key == name:
            return int(rest.split()[0]) * 1024
    raise ValueError(f"/proc/{pid}/status has no {name}")
