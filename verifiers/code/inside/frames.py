"""The channel of a session, from inside: frames on descriptors that a program's own `print` and `input` do not meet."""

from __future__ import annotations

import os
from typing import Any

from verifiers.frames import encode, read_frame, write_all


class Channel:
    """Takes over descriptors 0 and 1; from here on they are /dev/null."""

    def __init__(self) -> None:
        self._questions, self._answers = os.dup(0), os.dup(1)
        null = os.open(os.devnull, os.O_RDWR)
        for fd in (0, 1):
            os.dup2(null, fd)
        os.close(null)

    def receive(self) -> dict[str, Any]:
        """The next message. Ends the process where there is none."""
        message = read_frame(self._questions)
        if message is None:
            os._exit(0)
        return message

    def send(self, message: dict[str, Any]) -> None:
        write_all(self._answers, encode(message))
