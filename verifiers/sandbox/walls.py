"""Taking away what a process that evaluates hostile text must not have, and proving that it is gone.

Threat model. Some scorers (reasoning-gym's) hand a model's text to `eval`. The text must not reach the network, read
files outside the Python installation, write or change any file, start, signal or trace processes, outlive its
time or memory limit, reach the frames between pool and worker, or change how a later sample is judged.

Three walls, each applied where the machine has it: namespaces (user, net, ipc, uts) and no capabilities; Landlock;
per sample a forked child (`forked.py`) with a seccomp filter, limits, and no descriptor but its result pipe.
What counts is not what was applied: `prove` tries the attacks from exactly such a child, and the pool refuses to run
where one succeeds (`verify.isolation: required`).

Not covered. The scorer holds the gold answer in the child's memory, so text that it evaluates can still forge the
verdict of its *own* sample (a grammar for the answers is the remedy); it can read the Python installation, and `stat`
any path; RLIMIT_AS bounds the memory of one process; time within the limit is spent; the kernel is trusted.
"""

from __future__ import annotations

import contextlib
import os
import resource
import secrets
import socket
import sys
import sysconfig
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from verifiers.sandbox import landlock, linux, policies, seccomp

MAX_OPEN_FILES = 64
ATTACKS = ("network", "write", "truncate", "read", "signal", "process")


class IsolationError(RuntimeError):
    """The machine does not give the isolation that was asked for; the message names what did not hold."""


@dataclass
class Applied:
    """What was applied in this process: wall -> "" if it took, else why it did not."""

    walls: dict[str, str] = field(default_factory=dict)

    @contextlib.contextmanager
    def wall(self, name: str) -> Iterator[None]:
        """Record an OSError of the body under `name`: whether it matters is for the proof to say."""
        try:
            yield
            self.walls[name] = ""
        except OSError as problem:
            self.walls[name] = str(problem)


def readable_folders() -> list[Path]:
    """The Python installation, its packages, and this package: what late imports of a scorer may need."""
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    folders = [Path(sysconfig.get_path(name)) for name in names]
    folders.append(
        Path(sysconfig.get_path("stdlib", vars={"base": sys.base_prefix, "installed_base": sys.base_prefix}))
    )
    folders += [Path(entry) for entry in sys.path if Path(entry).name in ("site-packages", "dist-packages")]
    folders.append(Path(__file__).resolve().parents[1])
    return list(dict.fromkeys(folders))


def isolate() -> Applied:
    """Walls around this process for good: call it after the imports and before the first sample."""
    applied = Applied()
    with applied.wall("namespaces"):
        _leave_namespaces()
    with applied.wall("capabilities"):
        linux.drop_capabilities()
    with applied.wall("no_new_privs"):
        linux.no_new_privileges()
    with applied.wall("landlock"):
        landlock.restrict_to_reading(readable_folders())
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (MAX_OPEN_FILES, MAX_OPEN_FILES))
    return applied


def isolate_child(applied: Applied) -> None:
    """The last walls, in the child that judges one sample: no processes, no signals, no sockets."""
    with applied.wall("process limit"):  # root is not bound by it; the filter is what holds then
        resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    with applied.wall("seccomp"):
        seccomp.install(policies.EVALUATOR)


def _leave_namespaces() -> None:
    """New user, network, ipc and uts namespaces; without the user one where only root may make the others."""
    others = linux.CLONE_NEWNET | linux.CLONE_NEWIPC | linux.CLONE_NEWUTS
    try:
        linux.unshare(linux.CLONE_NEWUSER | others)
    except OSError as problem:
        try:
            linux.unshare(others)
        except OSError:
            raise problem from None


def open_probe_target() -> socket.socket | None:
    """A listening socket to be connected to from inside, opened before the walls go up; None without loopback."""
    try:
        return socket.create_server(("127.0.0.1", 0))
    except OSError:
        return None


def prove(port: int, victim: str) -> dict[str, str]:
    """Try the attacks from where a sample is judged: attack -> "" if it was refused, else what succeeded.

    port: of a listener on 127.0.0.1 that was opened before the walls went up. victim: a file of this user's that is
    not empty, made for this by somebody outside the walls, who removes it.
    """
    return {
        "network": _try(lambda: socket.create_connection(("127.0.0.1", port), timeout=2), "connected over TCP"),
        "write": _try(_write_a_file, "wrote a file"),
        "truncate": _try(lambda: _cut_a_file_short(victim), "cut a file short"),
        "read": _try(_read_a_foreign_file, "read a file outside the Python installation"),
        "signal": _try(lambda: os.kill(os.getppid(), 0), "may signal its parent process"),
        "process": _try(_start_a_process, "started a process"),
    }


def check_proof(proof: dict[str, str], applied: dict[str, str]) -> None:
    """Raise IsolationError, naming what did not hold and what to write, unless every attack was refused."""
    holes = [f"{attack} ({proof.get(attack, 'not tried')})" for attack in ATTACKS if proof.get(attack, "not tried")]
    if not holes:
        return
    causes = "; ".join(f"{wall}: {why}" for wall, why in applied.items() if why)
    raise IsolationError(
        f"this machine does not isolate a process that evaluates model text: {', '.join(holes)}. "
        f"Not available: {causes or 'nothing was refused'}. Run where user namespaces, Landlock and seccomp work, or "
        "accept a killable process alone with verify.isolation: process_only"
    )


def _try(attack: Callable[[], object], what: str) -> str:
    try:
        attack()
    except OSError:
        return ""
    return what


def _write_a_file() -> None:
    """Create a file in any of the folders that everyone may write to."""
    for folder in ("/tmp", "/dev/shm", "/var/tmp"):  # noqa: S108 - the point is to try
        path = Path(folder) / f"longthought-probe-{secrets.token_hex(8)}"
        with contextlib.suppress(OSError):
            path.touch(exist_ok=False)
            path.unlink()
            return
    raise OSError("nothing could be written")


def _cut_a_file_short(name: str) -> None:
    """By name, and by opening it: for reading, and for what is neither reading nor writing (access mode 3)."""
    ways: tuple[Callable[[], object], ...] = (
        lambda: os.truncate(name, 0),
        lambda: os.open(name, os.O_RDONLY | os.O_TRUNC),
        lambda: os.open(name, os.O_ACCMODE | os.O_TRUNC),
    )
    for way in ways:
        with contextlib.suppress(OSError):
            way()
            return
    raise OSError("nothing could be cut short")


def _read_a_foreign_file() -> None:
    for name in ("/etc/passwd", "/proc/self/environ", "/etc/hostname"):
        with contextlib.suppress(OSError):
            Path(name).read_bytes()
            return
    raise OSError("nothing could be read")


def _start_a_process() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
