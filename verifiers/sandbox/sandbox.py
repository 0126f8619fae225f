"""Sandboxes and boxes, seen from outside: the processes that run what a model wrote, and the handles on them.

A `Sandbox` is a warm interpreter behind walls. A `Box` is made by it in milliseconds for one answer: its own processes,
files and network (none), nothing of any other box. What a run says about itself counts for nothing but its bytes.

    with Sandbox(Settings(level=Level.BWRAP)) as sandbox, sandbox.box() as box:
        box.put("main.py", source)
        ended = box.run(Python("main.py"), b"3 4\\n", Limits(wall_s=2.0))
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import TracebackType

from verifiers.frames import ProtocolError
from verifiers.sandbox import cgroup, leftovers, machine, wire
from verifiers.sandbox.box import Box
from verifiers.sandbox.inside.box import Walls
from verifiers.sandbox.launch import Spec
from verifiers.sandbox.watch import GroupWatch, MemoryWatch, TreeWatch

START_S = 30.0
_PACKAGES = "packages"


class SandboxError(RuntimeError):
    """The machinery failed, and not what ran in it."""


class SandboxLostError(SandboxError):
    """A sandbox ended after a program had run in a box of it: that program's doing, or the machine's."""


class Level(StrEnum):
    """BWRAP: bubblewrap's namespaces, and a box's own within them. LANDLOCK: one process, no namespaces."""

    BWRAP = "bwrap"
    LANDLOCK = "landlock"


@dataclass(frozen=True, slots=True)
class Settings:
    """memory_mb, processes: the most that a run in it will be given. disk_mb: of each file system of a box. packages:
    Python packages that programs may import. preload: functions of this package that runs will call, `module:function`.
    """

    level: Level
    memory_mb: int = 1024
    processes: int = 64
    disk_mb: int = 64
    packages: tuple[str, ...] = ()
    preload: tuple[str, ...] = ()


class Sandbox:
    """One warm interpreter behind walls. Not thread-safe. Ends with the thread that made it.

    Raises SandboxError where it does not start, with what the machine said.
    """

    def __init__(self, settings: Settings) -> None:
        sweep()
        self._level = settings.level
        self._folder: leftovers.Folder | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._group: cgroup.Group | None = None
        self._boxes: list[Box] = []
        self._used = False
        self._socket, theirs = socket.socketpair()
        self._socket.settimeout(START_S)
        with theirs:
            spec = self._spec(settings)
            self._process = subprocess.Popen(
                [spec.python, "-s", "-S", "-P", "-m", "verifiers.sandbox.launch", spec.to_json()],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env=_environment(self._folder.path if self._folder else None),
                start_new_session=True,
                cwd="/",
            )
        self._expect("ready")

    def _spec(self, settings: Settings) -> Spec:
        """What is to be started. From here on there are a folder and groups to be removed."""
        moved = settings.level is Level.BWRAP
        bwrap = shutil.which("bwrap") if moved else None
        if moved and bwrap is None:
            raise self._failed("there is no bwrap on the PATH (Debian, Ubuntu, Fedora: package bubblewrap)")
        try:
            shown = machine.show(settings.packages, moved=moved)
            self._folder = None if moved else _folder(shown)
        except OSError as problem:
            raise self._failed(str(problem)) from problem
        place = Path("/box") if self._folder is None else self._folder.path
        readable = () if moved else (*shown.readable(), str(place / _PACKAGES))
        walls = Walls(moved, str(place), settings.disk_mb, readable, settings.preload)
        self._group, self.no_group = _group()
        groups = tuple(str(folder) for folder in self._group.folders) if self._group else ()
        return Spec(bwrap, shown.python, shown.folders, shown.links, groups, walls, os.getpid())

    @contextlib.contextmanager
    def box(self) -> Iterator[Box]:
        """A new box; all that is in it is gone when this ends."""
        ours, theirs = socket.socketpair()
        with ours, theirs:
            self._send({"op": "open"}, [theirs.fileno()])
            pid = self._expect("pid")
            theirs.close()
            try:
                box = Box(ours, self._watch())
                with self._among_the_open(box):
                    yield box
            finally:
                ours.close()  # it ends by itself then, should the sandbox be gone
                self._end_box(pid)

    @contextlib.contextmanager
    def _among_the_open(self, box: Box) -> Iterator[None]:
        self._boxes.append(box)
        try:
            yield
        finally:
            self._used = self._used or box.used
            self._boxes.remove(box)

    def _end_box(self, pid: object) -> None:
        self._send({"op": "close", "pid": pid})
        self._expect("closed")
        if self._folder is not None:
            leftovers.remove(self._folder.path / str(pid))

    @property
    def pid(self) -> int:
        """Of the process that everything in it stems from."""
        assert self._process is not None
        return self._process.pid

    def _watch(self) -> MemoryWatch:
        return GroupWatch(self._group) if self._group else TreeWatch(self.pid)

    def _send(self, message: dict[str, object], fds: list[int] | None = None) -> None:
        try:
            wire.send(self._socket, message, fds or [])
        except OSError as problem:
            raise self._failed(str(problem)) from problem

    def _expect(self, key: str) -> object:
        try:
            reply = wire.receive(self._socket)
        except (OSError, ProtocolError) as problem:
            raise self._failed(f"{type(problem).__name__}: {problem}") from problem
        if reply is None or key not in reply[0]:
            raise self._failed("it ended" if reply is None else f"it answered {reply[0]!r}")
        return reply[0][key]

    def _failed(self, why: str) -> SandboxError:
        """The error to be raised, with what the process has written; everything is closed."""
        self.close()
        process = self._process
        said = ""
        if process is not None and process.stderr is not None:
            os.set_blocking(process.stderr.fileno(), False)  # a box may live, and hold its other end
            said = (process.stderr.read(4000) or b"").decode(errors="replace").strip()
        used = self._used or any(box.used for box in self._boxes)
        kind = SandboxLostError if used else SandboxError
        return kind(f"no {self._level} sandbox: {why}" + (f"; it wrote: {said}" if said else ""))

    def close(self) -> None:
        """End everything in it. May be called twice."""
        self._socket.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        if self._group is not None:
            self._group.remove()
        if self._folder is not None:
            self._folder.remove()
            self._folder = None

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def sweep() -> None:
    """Remove what sandboxes of processes that were killed have left."""
    leftovers.sweep(cgroup.groups(leftovers.PREFIX))


def _folder(shown: machine.Shown) -> leftovers.Folder:
    """Where boxes without namespaces have their folders, and programs find what packages they may import."""
    folder = leftovers.make_folder()
    packages = folder.path / _PACKAGES
    packages.mkdir()
    for source, target in shown.packages:
        (packages / Path(target).name).symlink_to(source)
    return folder


def _group() -> tuple[cgroup.Group | None, str]:
    """A control group for a sandbox, or why there is none."""
    try:
        return cgroup.Group(leftovers.new_name()), ""
    except OSError as problem:
        return None, str(problem)


def _environment(folder: Path | None) -> dict[str, str]:
    """All of it that is known inside."""
    package = str(Path(__file__).resolve().parents[2])
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": package if folder is None else f"{package}:{folder}/{_PACKAGES}",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
