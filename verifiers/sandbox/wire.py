"""Messages with file descriptors over a Unix stream socket: a length, JSON, and up to three descriptors."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from typing import Any

from verifiers.frames import HEADER, MAX_REQUEST_BYTES, ProtocolError, decode, encode

MAX_FDS = 3


def send(sock: socket.socket, message: Mapping[str, Any], fds: Sequence[int] = ()) -> None:
    """Send one message. The descriptors stay open here."""
    data = encode(message)
    sent = socket.send_fds(sock, [data], list(fds)) if fds else sock.send(data)
    sock.sendall(data[sent:])


def receive(sock: socket.socket, limit: int = MAX_REQUEST_BYTES) -> tuple[dict[str, Any], list[int]] | None:
    """The next message and its descriptors, which are the caller's to close; None at the end.

    Raises ProtocolError for anything that is not such a message, and TimeoutError as the socket does.
    """
    fds: list[int] = []
    header = bytearray()
    while len(header) < HEADER.size:
        data, found, flags, _ = socket.recv_fds(sock, HEADER.size - len(header), MAX_FDS)
        fds += found
        if not data:
            return None
        if flags & socket.MSG_CTRUNC:
            raise ProtocolError("more descriptors than a message may bring")
        header += data
    (length,) = HEADER.unpack(header)
    if length > limit:
        raise ProtocolError(f"a message of {length} bytes; at most {limit} are accepted")
    body = bytearray()
    while len(body) < length:
        data = sock.recv(min(length - len(body), 1 << 20))
        if not data:
            return None
        body += data
    return decode(bytes(body)), fds
