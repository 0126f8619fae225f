"""The warm interpreter of a sandbox: it forks a box on request, each in new namespaces, and ends it on request.

Started by `launch.py` as `python -m verifiers.sandbox.inside.zygote WALLS`, the requests on descriptor 0. No text
of a model reaches this process.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import signal
import socket
import sys
from collections.abc import Callable

from verifiers.frames import ProtocolError
from verifiers.sandbox import linux, policies, seccomp, wire
from verifiers.sandbox.inside.box import Calls, Walls, serve
from verifiers.sandbox.inside.program import WARM, hide_this_package

BOX_NAMESPACES = linux.CLONE_NEWPID | linux.CLONE_NEWNS | linux.CLONE_NEWNET | linux.CLONE_NEWIPC | linux.CLONE_NEWUTS


def main() -> None:
    requests = socket.socket(fileno=os.dup(0))
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    walls = Walls(**json.loads(sys.argv[1]))
    linux.not_traceable()
    for name in WARM:
        importlib.import_module(name)
    calls = {name: _function(name) for name in walls.preload}
    _hidden = hide_this_package()
    seccomp.prepare(policies.PROGRAM, policies.PROGRAM_ALONE)
    gc.collect()
    gc.freeze()  # the objects made so far are shared with the boxes, not copied by their collector
    wire.send(requests, {"ready": True})
    boxes: set[int] = set()
    while (request := wire.receive(requests)) is not None:
        message, fds = request
        if message["op"] == "open":
            boxes.add(_open(requests, fds[0], walls, calls))
        elif message["op"] == "close":
            _close(message["pid"], boxes)
            wire.send(requests, {"closed": message["pid"]})
        else:
            raise ProtocolError(f"unknown operation {message['op']!r}")
    for pid in list(boxes):
        _close(pid, boxes)


def _function(name: str) -> Callable[..., None]:
    module, _, function = name.partition(":")
    return getattr(importlib.import_module(module), function)


def _open(requests: socket.socket, fd: int, walls: Walls, calls: Calls) -> int:
    pid = linux.fork_into(BOX_NAMESPACES) if walls.namespaces else os.fork()
    if pid == 0:
        requests.close()
        serve(socket.socket(fileno=fd), walls, calls)
    os.close(fd)
    wire.send(requests, {"pid": pid})
    return pid


def _close(pid: int, boxes: set[int]) -> None:
    """End a box: with its first process, all of a pid namespace. It is gone when this returns."""
    if pid not in boxes:
        raise ProtocolError(f"there is no box {pid}")
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    boxes.discard(pid)


if __name__ == "__main__":
    main()
