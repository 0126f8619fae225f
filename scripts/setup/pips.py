"""Runs pip and says what it is doing: a line now and then, the whole output in a log, a useful end when it fails."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Protocol

PYTORCH_CPU_INDEX = "https://download.pytorch.org/whl/cpu"
TAIL = 15
TICK_S = 10.0

# Settings of the user's that would send packages somewhere else than into our environment.
DROPPED = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_REQUIRE_HASHES")
FORCED = {"PIP_USER": "0", "PIP_NO_INPUT": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PYTHONUNBUFFERED": "1"}

HINTS: tuple[tuple[str, str], ...] = (
    (
        "Failed to resolve 'download.pytorch.org'",
        "PyTorch's index cannot be reached: put the locked torch wheel into a folder and set PIP_FIND_LINKS to it",
    ),
    ("No space left on device", "the disk is full; the environment needs about 6 GB (CUDA: 16 GB)"),
    ("Python.h", "Python's headers are missing: apt-get install python3.11-dev"),
    ("error: command 'gcc'", "a C compiler is missing: apt-get install build-essential"),
    ("error: command 'cc'", "a C compiler is missing: apt-get install build-essential"),
    ("No such file or directory: 'gcc'", "a C compiler is missing: apt-get install build-essential"),
    ("ProxyError", "the proxy refused: look at HTTPS_PROXY, or `pip config list` for `proxy`"),
    ("CERTIFICATE_VERIFY_FAILED", "the certificate is not trusted: set PIP_CERT to your proxy's certificate bundle"),
    ("Max retries exceeded", "pip cannot reach its package index: look at `pip config list`, proxy and network"),
    ("Retrying (Retry(", "pip cannot reach its package index: look at `pip config list`, proxy and network"),
    ("No matching distribution found", "no index that pip knows holds this version for this machine (Linux x86_64)"),
)


class PipError(RuntimeError):
    """pip ended with an error; the text holds its last lines and what to do."""


class Pip(Protocol):
    """The two ways pip is used: for an answer, and to do work."""

    def ask(self, arguments: list[str]) -> tuple[int, str]:
        """Runs quietly; (exit status, output)."""

    def work(self, what: str, arguments: list[str]) -> None:
        """Runs with progress; raises `PipError`."""


def pip_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The caller's environment (so proxies, indexes and certificates hold), less what would redirect the install."""
    return {**{k: v for k, v in environ.items() if k not in DROPPED}, **FORCED}


def advice(output: str) -> str:
    """What to do about a failed pip, from its output; never empty."""
    found = dict.fromkeys(text for needle, text in HINTS if needle in output)
    return "; ".join(found) or "see the log; running `make setup` again continues where this stopped"


def torch_index_arguments(pip: Pip, requirement: str, say: Callable[[str], None]) -> list[str]:
    """Extra arguments under which pip finds `requirement` (torch's pin): none, or PyTorch's own CPU index.

    Only a `+cpu` build is ever looked for there, and only after pip, as it is configured, said that it has none: an
    index that cannot be reached costs minutes of retries.
    """
    if not requirement.endswith("+cpu"):
        return []
    status, output = pip.ask(
        ["install", "--dry-run", "--no-deps", "--ignore-installed", "--no-build-isolation", requirement]
    )
    if status == 0:
        return []
    if "No matching distribution found" not in output:
        raise PipError(f"pip could not look for {requirement}: {advice(output)}\n{last_lines(output)}")
    say(f"{requirement} is not where pip is configured to look; adding PyTorch's own index, {PYTORCH_CPU_INDEX}")
    return ["--extra-index-url", PYTORCH_CPU_INDEX]


def last_lines(output: str, count: int = TAIL) -> str:
    """The end of pip's output, indented, for an error text."""
    return "\n".join("    " + line for line in output.strip().splitlines()[-count:])


class VenvPip:
    """pip of one virtual environment; everything it prints goes to `log`.

    `held` are open files that pip inherits: the lock of the checkout among them outlives a set-up that is killed for as
    long as its pip goes on, so that the next set-up waits for it.
    """

    def __init__(
        self,
        python: Path,
        log: Path,
        say: Callable[[str], None],
        progress: Callable[[], str],
        held: tuple[int, ...] = (),
    ) -> None:
        self._command, self._held = [str(python), "-m", "pip"], held
        self._log, self._say, self._progress = log, say, progress

    def ask(self, arguments: list[str]) -> tuple[int, str]:
        """See `Pip.ask`."""
        done = subprocess.run(
            self._command + arguments,
            env=pip_environment(os.environ),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        output = done.stdout.decode("utf-8", "replace")
        with self._log.open("a", encoding="utf-8") as log:
            log.write(f"$ pip {' '.join(arguments)}\n{output}")
        return done.returncode, output

    def work(self, what: str, arguments: list[str]) -> None:
        """See `Pip.work`. Ends pip (and waits for it) when this process is interrupted."""
        self._say(what)
        lines: list[str] = []
        with self._log.open("a", encoding="utf-8") as log:
            log.write(f"$ pip {' '.join(arguments)}\n")
            process = subprocess.Popen(
                [*self._command, *arguments],
                env=pip_environment(os.environ),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                pass_fds=self._held,
            )
            assert process.stdout is not None
            reader = threading.Thread(target=_drain, args=(process.stdout, log, lines), daemon=True)
            reader.start()
            try:
                self._watch(process, lines)
            finally:
                if process.poll() is None:
                    process.terminate()
                    process.wait()
                reader.join()
        if process.returncode != 0:
            output = "\n".join(lines)
            raise PipError(
                f"{what}: pip ended with status {process.returncode}. Its last lines:\n{last_lines(output)}\n"
                f"  what to do: {advice(output)}\n  whole output: {self._log}"
            )

    def _watch(self, process: subprocess.Popen[str], lines: list[str]) -> None:
        spoken = time.monotonic()
        while True:
            try:
                process.wait(timeout=0.5)
            except subprocess.TimeoutExpired:
                if time.monotonic() - spoken >= TICK_S:
                    spoken = time.monotonic()
                    self._say(f"  {self._progress()}; {_activity(lines)}")
            else:
                return


def _drain(stream: IO[str], log: IO[str], lines: list[str]) -> None:
    for line in stream:
        log.write(line)
        log.flush()
        lines.append(line.rstrip())


def _activity(lines: list[str]) -> str:
    """pip's last telling line, shortened (`Collecting ray==2.60.0`)."""
    for line in reversed(lines[-200:]):
        text = line.strip()
        if text.startswith(("Installing collected", "Successfully")):
            return "unpacking"
        if text.startswith(("Collecting", "Downloading", "Building", "Preparing", "WARNING: Retrying")):
            return text.split(" (from")[0][:90]
    return "starting"


class Speaker:
    """Prints a line with the seconds since the start, unbuffered."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    def __call__(self, text: str) -> None:
        print(f"[setup {time.monotonic() - self._start:5.0f} s] {text}", file=sys.stderr, flush=True)
