"""Which level of sandbox this machine gives: what counts is what was tried in one, not what was switched on."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from verifiers.sandbox import leftovers
from verifiers.sandbox.attacks import ATTACKS, Targets
from verifiers.sandbox.box import BoxError, Call, Ended, Execute, Python
from verifiers.sandbox.limits import Limits
from verifiers.sandbox.sandbox import Level, Sandbox, SandboxError, Settings

ASSAULT = "verifiers.sandbox.inside.assault:assault"


@dataclass(frozen=True, slots=True)
class Report:
    """What one level gives here. problem: why it is not to be had; empty: it is. through: attacks that succeeded.
    bounded: the kernel bounds memory and processes of a whole sandbox (control groups), else they are watched."""

    level: Level
    problem: str
    through: tuple[str, ...] = ()
    bounded: bool = False
    no_group: str = ""

    def line(self) -> str:
        """For `rlhf check`."""
        if self.problem:
            return f"{self.level}: not here: {self.problem}"
        memory = "bounded by control groups" if self.bounded else f"watched, not bounded ({self.no_group})"
        return f"{self.level}: {len(ATTACKS)} attacks refused; memory and processes of a sandbox {memory}"


def probe(level: Level) -> Report:
    """Start a sandbox of this level and attack from within."""
    try:
        with targets() as aims, Sandbox(Settings(level, preload=(ASSAULT,))) as sandbox:
            bounded, no_group = not sandbox.no_group, sandbox.no_group
            with sandbox.box() as box:
                box.put("main.py", "print(sum(map(int, input().split())))")
                sum_of_two = box.run(Python("main.py"), b"3 4\n")
                shell = box.run(Execute(("/usr/bin/env",)))
                attacked = box.run(Call(ASSAULT, (asdict(aims),)), limits=Limits(wall_s=20.0))
    except (SandboxError, BoxError) as problem:
        return Report(level, str(problem))
    return _judged(level, (sum_of_two, shell, attacked), bounded, no_group)


def weaker(report: Report) -> str:
    """Beside a level that is not to be had: that a weaker one is, if it is."""
    works = report.level is Level.BWRAP and not probe(Level.LANDLOCK).problem
    return "; the weaker level works here: write config.sandbox: landlock to accept it" if works else ""


def _judged(level: Level, runs: tuple[Ended, Ended, Ended], bounded: bool, no_group: str) -> Report:
    sum_of_two, shell, attacked = runs
    for run, expected in ((sum_of_two, b"7\n"), (shell, None), (attacked, None)):
        if not run.ok or (expected is not None and run.stdout != expected):
            said = run.stderr.decode(errors="replace").strip()[-500:]
            return Report(level, f"an honest program failed in it ({run.stop or run.code or run.signal}): {said}")
    through = tuple(json.loads(attacked.stdout))
    if b"LONGTHOUGHT_PROBE" in shell.stdout:
        through = (*through, "read the environment outside")
    problem = f"it does not hold: a program in it can {', '.join(through)}" if through else ""
    return Report(level, problem, through, bounded, no_group)


@contextlib.contextmanager
def targets() -> Iterator[Targets]:
    """What the attacks aim at, for as long as they last."""
    abstract = f"longthought-probe-{secrets.token_hex(8)}"
    with contextlib.ExitStack() as stack:
        tcp = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        unix = stack.enter_context(socket.socket(socket.AF_UNIX))
        unix.bind("\0" + abstract)
        unix.listen()
        made = leftovers.make_folder()
        stack.callback(made.remove)
        folder = made.path
        secret = folder / "secret"
        secret.write_text("secret")
        secret.chmod(0o600)
        folder.chmod(0o777)
        environment = {**os.environ, "LONGTHOUGHT_PROBE": "secret"}
        victim = subprocess.Popen([sys.executable, "-I", "-S", "-c", "input()"], stdin=subprocess.PIPE, env=environment)
        stack.callback(victim.wait)
        stack.callback(victim.kill)
        yield Targets(tcp.getsockname()[1], abstract, str(secret), str(folder), victim.pid)
