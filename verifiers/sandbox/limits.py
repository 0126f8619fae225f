"""What one run of a program may use."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """wall_s: seconds by the clock, enforced from outside. cpu_s: processor seconds of one process (the kernel's
    limit, in whole seconds; default one more than wall_s). memory_mb: of all its processes together, and address space
    of each. processes: processes and threads at a time. output_kb: of standard output; standard error beyond 64 KiB is
    thrown away. file_mb: of one file. open_files: at a time.
    """

    wall_s: float = 10.0
    cpu_s: int | None = None
    memory_mb: int = 512
    processes: int = 32
    output_kb: int = 16 * 1024
    file_mb: int = 16
    open_files: int = 64

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if value is not None and value <= 0:
                raise ValueError(f"{name}: found {value!r}, write a positive number")

    def to_json(self) -> dict[str, Any]:
        """What is enforced from inside."""
        return {
            "cpu_s": int(self.wall_s) + 2 if self.cpu_s is None else self.cpu_s,
            "address_space": self.memory_mb * MIB,
            "processes": self.processes,
            "file_size": self.file_mb * MIB,
            "open_files": self.open_files,
        }
