"""Weights laid out once in anonymous shared memory, for every engine on the node to map.

An anonymous file (memfd) has no name to leave behind: when its process ends, however it ends, it is gone.
Other processes of the same user open it through /proc/PID/fd/N.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor


class SharedWeights:
    """The newest publication; the one before is freed when a new one is complete."""

    def __init__(self) -> None:
        self._fd: int | None = None

    def write(self, tensors: Mapping[str, Tensor]) -> tuple[str, int]:
        """Lay the tensors out as safetensors; the path for other processes, and the bytes written."""
        from safetensors.torch import save_file

        fd = os.memfd_create("longthought-weights")
        save_file(dict(tensors), f"/proc/self/fd/{fd}")
        return self._keep(fd)

    def write_bytes(self, data: np.ndarray) -> tuple[str, int]:
        """The same from bytes that came from another node."""
        fd = os.memfd_create("longthought-weights")
        with os.fdopen(os.dup(fd), "wb") as file:
            file.write(memoryview(data))
        return self._keep(fd)

    def read_bytes(self) -> np.ndarray:
        """All bytes of the newest publication, for the object store."""
        if self._fd is None:
            raise RuntimeError("no weights were published yet")
        return np.fromfile(f"/proc/self/fd/{self._fd}", dtype=np.uint8)

    def _keep(self, fd: int) -> tuple[str, int]:
        self.close()
        self._fd = fd
        path = f"/proc/{os.getpid()}/fd/{fd}"
        return path, Path(path).stat().st_size

    def close(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
