"""Frames between processes of this package: a 4-byte big-endian length, then that many bytes of JSON.

Never a pickle: a process that has seen hostile text is not trusted to send one. Whoever reads a frame checks it
field by field for exact types; anything else is a `ProtocolError`, and the process is replaced.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Mapping
from typing import Any

HEADER = struct.Struct(">I")
MAX_REQUEST_BYTES = 64 << 20
MAX_REPLY_BYTES = 8 << 20


class ProtocolError(Exception):
    """The other side sent something that is not a frame of this protocol."""


def encode(message: Mapping[str, Any], limit: int = MAX_REQUEST_BYTES) -> bytes:
    """One frame. Raises ValueError if `message` holds anything but JSON values or is longer than `limit` bytes."""
    try:
        body = json.dumps(message, ensure_ascii=True, separators=(",", ":")).encode("ascii")
    except (TypeError, ValueError, RecursionError) as problem:
        raise ValueError(f"not JSON: {problem}; a sample's metadata and config hold JSON values only") from problem
    if len(body) > limit:
        raise ValueError(f"a message of {len(body)} bytes is longer than {limit}")
    return HEADER.pack(len(body)) + body


def decode(body: bytes) -> dict[str, Any]:
    """The JSON object of one frame's body."""
    try:
        message = json.loads(body)
    except (ValueError, RecursionError) as problem:
        raise ProtocolError(f"a frame that is not JSON: {problem}") from problem
    if type(message) is not dict:
        raise ProtocolError(f"a frame that holds a {type(message).__name__}, not an object")
    return message


class FrameBuffer:
    """Bytes as they arrive, cut into frames."""

    def __init__(self, limit: int = MAX_REPLY_BYTES) -> None:
        self._bytes = bytearray()
        self._limit = limit

    def feed(self, data: bytes) -> None:
        """Raises ProtocolError where more arrives than a frame holds, and nobody has taken one."""
        self._bytes += data
        if len(self._bytes) > 2 * self._limit + HEADER.size:
            raise ProtocolError(f"more than {2 * self._limit} bytes that nobody asked for")

    def next(self) -> dict[str, Any] | None:
        """The next whole frame, or None if it has not all arrived."""
        if len(self._bytes) < HEADER.size:
            return None
        (length,) = HEADER.unpack_from(self._bytes)
        if length > self._limit:
            raise ProtocolError(f"a frame of {length} bytes; at most {self._limit} are accepted")
        end = HEADER.size + length
        if len(self._bytes) < end:
            return None
        body = bytes(self._bytes[HEADER.size : end])
        del self._bytes[:end]
        return decode(body)


def read_frame(fd: int, limit: int = MAX_REQUEST_BYTES) -> dict[str, Any] | None:
    """Block for one frame on `fd`; None at its end."""
    header = _read_exactly(fd, HEADER.size)
    if header is None:
        return None
    (length,) = HEADER.unpack(header)
    if length > limit:
        raise ProtocolError(f"a frame of {length} bytes; at most {limit} are accepted")
    body = _read_exactly(fd, length)
    return None if body is None else decode(body)


def write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def _read_exactly(fd: int, count: int) -> bytes | None:
    parts = bytearray()
    while len(parts) < count:
        part = os.read(fd, min(count - len(parts), 1 << 20))
        if not part:
            return None
        parts += part
    return bytes(parts)
