"""The first process of a box: it makes the box's own mounts, gives up its rights, and starts the runs.

It never touches what a model wrote, but stands among such programs, as the same user: it cannot be traced, and as the
first process of its pid namespace no signal from within reaches it. After every run whatever that run has left
behind is killed.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from verifiers.frames import ProtocolError
from verifiers.sandbox import landlock, linux, wire
from verifiers.sandbox.inside.child import become
from verifiers.sandbox.inside.files import Files

STDIN_FILE = "/tmp/stdin"  # noqa: S108 - of the box's own tmpfs
_TMPFS = linux.MS_NOSUID | linux.MS_NODEV


@dataclass(frozen=True, slots=True)
class Walls:
    """namespaces: the box has its own mounts and process ids. folder: where its programs run; without namespaces in a
    folder beneath it, by the id of the box's first process. disk_mb: of each of its file systems (with namespaces).
    readable: what may be read (without). preload: functions that runs will call, `module:function`."""

    namespaces: bool
    folder: str
    disk_mb: int
    readable: tuple[str, ...]
    preload: tuple[str, ...]


Calls = Mapping[str, Callable[..., None]]
"""What runs may ask for by name."""


def serve(sock: socket.socket, walls: Walls, calls: Calls) -> NoReturn:
    """Answer requests until the other end closes. Ends the process."""
    try:
        server = _Server(sock, walls, calls, Files(_close_in(walls)))
        wire.send(sock, {"ready": True})
        while (request := wire.receive(sock)) is not None:
            message, fds = request
            try:
                reply = server.answer(message, fds)
            finally:
                for fd in fds:
                    os.close(fd)
            wire.send(sock, reply)
    except (OSError, ProtocolError) as problem:
        wire.send(sock, {"problem": f"{type(problem).__name__}: {problem}"})
    finally:
        os._exit(0)


def _close_in(walls: Walls) -> list[Path]:
    """The folders that may be written to, the current one first."""
    folder = walls.folder if walls.namespaces else f"{walls.folder}/{os.getpid()}"
    if walls.namespaces:
        size = f"size={walls.disk_mb}m,nr_inodes=4096,mode=700,uid={os.getuid()},gid={os.getgid()}"
        linux.mount("box", folder, "tmpfs", _TMPFS, size)
        linux.mount("tmp", "/tmp", "tmpfs", _TMPFS, size)  # noqa: S108 - of the box's own
        linux.mount("shm", "/dev/shm", "tmpfs", _TMPFS | linux.MS_NOEXEC, size)  # noqa: S108
        for name in (signal.SIGINT, signal.SIGTERM):
            signal.signal(name, signal.SIG_DFL)  # the first process of a namespace ignores what it has no handler for
    else:
        os.mkdir(folder, 0o700)  # noqa: PTH102
        linux.adopt_orphans()
    os.environ["HOME"], os.environ["TMPDIR"] = folder, "/tmp" if walls.namespaces else folder  # noqa: S108
    os.chdir(folder)
    linux.drop_capabilities()
    linux.no_new_privileges()
    linux.not_traceable()
    if not walls.namespaces:
        landlock.restrict([Path(name) for name in walls.readable], [Path(folder), Path(os.devnull)])
    return [Path(name) for name in ((folder, "/tmp", "/dev/shm") if walls.namespaces else (folder,))]  # noqa: S108


@dataclass(frozen=True, slots=True)
class _Server:
    sock: socket.socket
    walls: Walls
    calls: Calls
    files: Files

    def answer(self, message: Mapping[str, Any], fds: list[int]) -> dict[str, Any]:
        match message["op"]:
            case "put":
                return self._put(message)
            case "run":
                self.files.begin()
                reply = self._run(message, fds)
                self.files.take(message.get("builds", ()))
                return reply
            case "kill":
                return {"killed": 0}  # it came too late: the run has ended by itself
        raise ProtocolError(f"unknown operation {message['op']!r}")

    def _put(self, message: Mapping[str, Any]) -> dict[str, Any]:
        name = message["name"]
        if Path(name).name != name:
            raise ProtocolError(f"{name!r} is not a plain file name")
        self.files.put(name, message["text"].encode("utf-8", "surrogatepass"))
        return {"put": name}

    def _run(self, message: Mapping[str, Any], fds: list[int]) -> dict[str, Any]:
        if message.get("stdin_file"):
            fds[0] = _as_file(fds[0], self.walls)
        told, started = os.pipe2(os.O_NONBLOCK)
        pid = os.fork()
        if pid == 0:
            become(message, fds, started, self.calls, alone=not self.walls.namespaces)
        os.close(started)
        killed = _wait_for_end(self.sock, pid)
        if not self.walls.namespaces:
            _end_group(pid)
        _, status, usage = os.wait4(pid, 0)
        _end_the_rest(self.walls)
        walled = os.read(told, 1) == b"1"
        os.close(told)
        code = os.waitstatus_to_exitcode(status)
        return {
            "walled": walled,
            "code": max(code, 0) if code >= 0 else None,
            "signal": -code if code < 0 else None,
            "killed": killed,
            "cpu_s": usage.ru_utime + usage.ru_stime,
            "memory_kb": usage.ru_maxrss,
        }


def _as_file(fd: int, walls: Walls) -> int:
    """Standard input as a file of the box, so that a program may seek in it or open /dev/stdin."""
    name = STDIN_FILE if walls.namespaces else "stdin"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(name)  # noqa: PTH108 - an earlier run may have left anything by this name
    copy_fd = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with open(fd, "rb") as source, open(copy_fd, "wb", closefd=False) as copy:
        shutil.copyfileobj(source, copy, 1 << 20)
    os.lseek(copy_fd, 0, os.SEEK_SET)
    return copy_fd


def _wait_for_end(sock: socket.socket, pid: int) -> bool:
    """Until the program ends, or the other side asks for its end; whether it was asked for."""
    handle = os.pidfd_open(pid)
    try:
        ready, _, _ = select.select([handle, sock.fileno()], [], [])
        if handle in ready:
            return False
        request = wire.receive(sock)
        signal.pidfd_send_signal(handle, signal.SIGKILL)
        if request is None or request[0]["op"] != "kill":
            os._exit(0)  # the other side has gone, and this box with it
        return True
    finally:
        os.close(handle)


def _end_group(pid: int) -> None:
    """Kill what is left of a run's session, whose number cannot be given away before its leader is waited for."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _end_the_rest(walls: Walls) -> None:
    """Kill and reap every process that a run has left: here they all end up as children of this one."""
    while True:
        if walls.namespaces:
            with contextlib.suppress(ProcessLookupError):
                os.kill(-1, signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return
