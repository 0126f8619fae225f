"""`code`: a program or function in the response, run in a sandbox against the row's tests."""

from __future__ import annotations

import contextlib
import functools
import resource
import shutil
import time

from verifiers.base import Sample, Verdict
from verifiers.code.checker import CHECKING
from verifiers.code.extract import Source, extract
from verifiers.code.outcome import Clock, Outcomes, until, verdict
from verifiers.code.programs import CALLEE, TESTER, run_programs
from verifiers.code.rows import task_of
from verifiers.code.settings import COMPILE_MEMORY_MB, CodeSettings
from verifiers.code.stdio import COMPILER, run_stdio
from verifiers.code.task import ProgramTask, Task
from verifiers.registry import verifier
from verifiers.sandbox.box import BoxError
from verifiers.sandbox.probe import probe, weaker
from verifiers.sandbox.sandbox import Level, Sandbox, SandboxError, SandboxLostError, Settings
from verifiers.sandbox.walls import IsolationError
from verifiers.verifier import clip

_PRELOAD = (CALLEE, TESTER, CHECKING)


class SandboxKeeper:
    """The sandbox of a worker: started once, and anew where it has failed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._sandbox: Sandbox | None = None

    def get(self) -> Sandbox:
        if self._sandbox is None:
            self._sandbox = Sandbox(self._settings)
        return self._sandbox

    def drop(self) -> None:
        """End it; the next `get` starts another."""
        if self._sandbox is not None:
            self._sandbox.close()
            self._sandbox = None

    def renew(self) -> Sandbox:
        self.drop()
        return self.get()


@functools.lru_cache(maxsize=4)
def keeper(level: str, packages: tuple[str, ...]) -> SandboxKeeper:
    """One for each pair of settings that a worker is asked for."""
    return SandboxKeeper(Settings(Level(level), packages=packages, preload=_PRELOAD))


@functools.lru_cache(maxsize=2)
def proven(level: str) -> None:
    """Raises IsolationError unless this machine gives this level: it is attacked from within."""
    report = probe(Level(level))
    if report.problem:
        raise IsolationError(f"code is not run here. {report.line()}{weaker(report)}")


def prepare(
    sandbox: str = "bwrap",
    language: str = "python",
    packages: list[str] | None = None,
    memory_mb: int = 512,
    **_: object,
) -> None:
    """Prove the sandbox, and start it, before there is a sample to be judged."""
    if language != "python" and shutil.which(COMPILER) is None:
        raise ValueError(f"config.language: found {language}, and there is no {COMPILER}; install g++")
    space = resource.getrlimit(resource.RLIMIT_AS)[0]
    needed = max(memory_mb, COMPILE_MEMORY_MB if language != "python" else 0)
    if space != resource.RLIM_INFINITY and space < needed << 20:
        raise ValueError(
            f"config.memory_mb: programs get {needed} MB, and a worker has {space >> 20}; raise verify.memory_mb"
        )
    proven(sandbox)
    keeper(sandbox, tuple(packages or ())).get()


def gold_response(sample: Sample, format: str = "tests", language: str = "python", **_config: object) -> str | None:
    """The reference solution as a fenced block, where the row has one. Raises RowError for a malformed row."""
    task_of(sample, format)
    if sample.reference is None:
        return None
    tag = "cpp" if language == "cpp" else "python"
    return f"````{tag}\n{sample.reference}\n````"


@verifier(
    "code",
    summary="the program in the last fenced block passes the row's tests, in a sandbox",
    needs_reference=False,
    gold_response=gold_response,
    prepare=prepare,
)
def code_verifier(
    sample: Sample,
    format: str = "tests",
    language: str = "python",
    extract_from: str = "fence",
    reward: str = "all",
    checker: str = "tokens",
    time_s: float = 6.0,
    total_s: float = 9.0,
    compile_s: float = 8.0,
    memory_mb: int = 512,
    output_kb: int = 4096,
    processes: int = 32,
    packages: list[str] | None = None,
    sandbox: str = "bwrap",
    think_close: str = "</think>",
) -> Verdict:
    """Run the response's code on every test; what it wrote or returned is compared outside the sandbox."""
    settings = CodeSettings(checker, time_s, total_s, compile_s, memory_mb, output_kb, processes)
    task = task_of(sample, format)
    if isinstance(task, ProgramTask) and language != "python":
        raise ValueError(f"config.language: found {language}, and the row's tests call Python functions; write python")
    source = extract(sample.response, extract_from, language, think_close)
    if isinstance(source, str):
        return Verdict.unparsed(source)
    kept = keeper(sandbox, tuple(packages or ()))
    try:
        return _judged(kept.get(), source, task, settings, reward)
    except (SandboxError, BoxError):
        fresh = kept.renew()
    try:
        return _judged(fresh, source, task, settings, reward)
    except SandboxLostError:
        kept.drop()
        return Verdict.wrong(clip(source.text), "the program ended its sandbox, twice")


def _judged(sandbox: Sandbox, source: Source, task: Task, settings: CodeSettings, reward: str) -> Verdict:
    clock = Clock(settings.total_s, time.monotonic())
    with contextlib.closing(until(_outcomes(sandbox, source, task, settings, clock), clock)) as outcomes:
        return verdict(outcomes, len(task.tests), reward, clip(source.text))


def _outcomes(sandbox: Sandbox, source: Source, task: Task, settings: CodeSettings, clock: Clock) -> Outcomes:
    if isinstance(task, ProgramTask):
        return run_programs(sandbox, source, task, settings, clock)
    return run_stdio(sandbox, source, task, settings, clock)
