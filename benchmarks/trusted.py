"""What a row's own tests say of a program that is trusted: run by a plain `python`, with nothing of `verifiers`.

For references and our own mutants of them alone: there are no walls here. Time, memory and what is written are bounded,
so that a mutant without an end does no harm.
"""

from __future__ import annotations

import base64
import json
import pickle
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.code_data import CodeRow

_LIMITS = 'ulimit -v 4194304; ulimit -f 65536; exec "$@"'  # 4 GiB of address space, files of 32 MiB
_CALLS = """
import json
_found = Solution()
for _given, _wanted in json.loads({cases!r}):
    _result = getattr(_found, {name!r})(*[json.loads(_line) for _line in _given.split("\\n")])
    assert _result == json.loads(_wanted)
"""


@dataclass(frozen=True, slots=True)
class Truth:
    """accepted: None where the time ran out, which settles nothing. seconds: of all its tests, up to the first that
    fails."""

    accepted: bool | None
    seconds: float
    why: str = ""


def truth(row: CodeRow, text: str, time_s: float) -> Truth:
    """Whether the row's tests accept the program. time_s: of one process."""
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="longthought-trusted-") as folder:
        try:
            why = _judged(row, text, Path(folder), time_s)
        except subprocess.TimeoutExpired:
            return Truth(None, time.perf_counter() - started, "time")
    return Truth(not why, time.perf_counter() - started, why)


def _judged(row: CodeRow, text: str, folder: Path, time_s: float) -> str:
    """Why it is not accepted; empty: it is."""
    match row.format:
        case "humaneval":
            test = f"{text}\n{row.metadata['test']}\ncheck({row.metadata['entry_point']})\n"
            return _failed(test, folder, time_s)
        case "mbpp":
            test = "\n".join([text, *row.metadata["test_imports"], *row.metadata["test_list"]])
            return _failed(test, folder, time_s)
        case "livecodebench":
            cases = _unpacked(row.metadata["test"])
            pairs = list(zip(cases["inputs"], cases["outputs"], strict=True))
            if cases["fn_name"]:
                calls = _CALLS.format(cases=json.dumps(pairs), name=cases["fn_name"])
                return _failed(f"from typing import *\n{text}\n{calls}", folder, time_s)
        case "code_contests":
            tests = json.loads(row.metadata["test"])
            pairs = [(test["input"]["stdin"], test["output"]["stdout"]) for test in tests]
    return _compared(_command(row, text, folder), pairs, row.metadata.get("checker"), folder, time_s)


def _unpacked(text: str) -> Any:
    """As LiveCodeBench packs it, and reads it: its data are trusted."""
    return json.loads(pickle.loads(zlib.decompress(base64.b64decode(text)))["input_output"])  # noqa: S301


def _failed(program: str, folder: Path, time_s: float) -> str:
    """Success is to come to the end: a program that calls `exit()` has an exit code of 0 too."""
    (folder / "main.py").write_text(f"{program}\nopen('end', 'w').close()\n")
    done = _run([sys.executable, str(folder / "main.py")], "", folder, time_s)
    ended_well = done.returncode == 0 and (folder / "end").exists()
    return "" if ended_well else _last_line(done.stderr) or "it did not come to the end of its tests"


def _command(row: CodeRow, text: str, folder: Path) -> list[str]:
    if row.language == "python":
        (folder / "main.py").write_text(text)
        return [sys.executable, str(folder / "main.py")]
    (folder / "main.cpp").write_text(text)
    compiler = ["g++", "-O2", "-std=c++20", "-o", str(folder / "main"), str(folder / "main.cpp")]
    subprocess.run(compiler, check=True, capture_output=True)
    return [str(folder / "main")]


def _compared(
    command: Sequence[str], pairs: Sequence[tuple[str, str]], checker: str | None, folder: Path, time_s: float
) -> str:
    names: dict[str, Any] = {}
    if checker is not None:
        exec(checker, names)  # noqa: S102 - our own
    for number, (given, wanted) in enumerate(pairs, 1):
        done = _run(command, given, folder, time_s)
        found = (folder / "output").read_text(errors="replace")
        if done.returncode:
            return f"test {number}: {_last_line(done.stderr) or done.returncode}"
        if not (names["check"](given, wanted, found) if checker is not None else found.split() == wanted.split()):
            return f"test {number}: expected {wanted[:80]!r}, got {found[:80]!r}"
    return ""


def _run(command: Sequence[str], given: str, folder: Path, time_s: float) -> subprocess.CompletedProcess[str]:
    """Its standard output goes to the file `output`."""
    with (folder / "output").open("w") as output:
        return subprocess.run(
            ["/bin/sh", "-c", _LIMITS, "sh", *command],
            input=given,
            stdout=output,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            timeout=time_s,
            cwd=folder,
            env={"PATH": "/usr/bin:/bin", "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"},
            check=False,
        )


def _last_line(text: str) -> str:
    return text.strip().split("\n")[-1][:200]
