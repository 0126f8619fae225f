"""Weights laid out once in anonymous shared memory, for every engine on the node to map.

An anonymous file (memfd) has no name to leave behind: when its process ends, however it ends, it is gone.
Other processes of the same user open it through /proc/PID/fd/N.
"""

from __future__ import annotations

import json
import mmap
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
        """Lay the tensors out as safetensors; the path for other processes, and the bytes written.

        Written here and not by `save_file`, which makes a named temporary file beside its target: each tensor
        is copied once, straight into the mapped memory.
        """
        import torch

        header, size = _header(tensors)
        fd = os.memfd_create("longthought-weights")
        os.truncate(fd, len(header) + size)
        with mmap.mmap(fd, len(header) + size) as memory:
            memory[: len(header)] = header
            offset = len(header)
            for tensor in tensors.values():
                count = tensor.numel()
                if count:
                    torch.frombuffer(memory, dtype=tensor.dtype, count=count, offset=offset).copy_(tensor.reshape(-1))
                offset += count * tensor.element_size()
        return self._keep(fd)

    def write_bytes(self, data: np.ndarray) -> tuple[str, int]:
        """The same from bytes that came from another node."""
        fd = os.memfd_create("longthought-weights")
        with os.fdopen(os.dup(fd), "wb") as file:
            file.write(data.tobytes())
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


def _header(tensors: Mapping[str, Tensor]) -> tuple[bytes, int]:
    """The header of the safetensors format (its length, then JSON padded to 8 bytes), and the size of the data."""
    names = {"torch.float32": "F32", "torch.bfloat16": "BF16", "torch.float16": "F16"}
    entries, offset = {}, 0
    for name, tensor in tensors.items():
        end = offset + tensor.numel() * tensor.element_size()
        entries[name] = {"dtype": names[str(tensor.dtype)], "shape": list(tensor.shape), "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(entries).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text, offset
