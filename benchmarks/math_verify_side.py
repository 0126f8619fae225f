"""Math-Verify alone, as it ships, in processes of their own that are killed when a case takes too long.

Its time limits are SIGALRM and need a main thread: the child has one. It is given the gold answer in a box where the
response has one, and both texts as they are where expressions are compared.

    python -m benchmarks.math_verify_side      # lines of JSON in: [gold, text]; out: true or false
"""

from __future__ import annotations

import json
import selectors
import subprocess
import sys
import time
from collections.abc import Sequence

from benchmarks.common import ROOT
from benchmarks.verifier_cases import WHOLE, Case

CAP_S = 20.0
START_S = 120.0


def judge(cases: Sequence[Case]) -> tuple[list[bool | None], list[float]]:
    """Math-Verify's verdicts and the seconds each took; None where the process was killed after CAP_S."""
    verdicts: list[bool | None] = []
    seconds: list[float] = []
    child = _started()
    for case in cases:
        gold = f"\\boxed{{{case.gold}}}" if case.how == WHOLE else case.gold
        begun = time.monotonic()
        verdict = _ask(child, gold, case.text, CAP_S)
        seconds.append(time.monotonic() - begun)
        verdicts.append(verdict)
        if verdict is None:
            _end(child)
            child = _started()
    _end(child)
    return verdicts, seconds


def _started() -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "benchmarks.math_verify_side"]
    child = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0
    )
    _ask(child, "\\boxed{\\sqrt{4}+x}", "\\boxed{x+2}", START_S)  # imports, and what a first comparison fills
    return child


def _ask(child: subprocess.Popen[bytes], gold: str, text: str, cap_s: float) -> bool | None:
    assert child.stdin and child.stdout
    child.stdin.write(json.dumps([gold, text]).encode() + b"\n")
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ)
        if not selector.select(cap_s):
            return None
    answer = child.stdout.readline()
    return bool(json.loads(answer)) if answer else None


def _end(child: subprocess.Popen[bytes]) -> None:
    child.kill()
    child.wait()
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            pipe.close()


def main() -> None:
    from math_verify import parse, verify

    out = sys.stdout.buffer
    for line in sys.stdin:
        gold, text = json.loads(line)
        try:
            same = bool(verify(parse(gold), parse(text)))
        except Exception:  # noqa: BLE001 - whatever it raises, it has not found them equal
            same = False
        out.write(json.dumps(same).encode() + b"\n")
        out.flush()


if __name__ == "__main__":
    main()
