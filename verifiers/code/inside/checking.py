"""In a box of its own: a checker that a row brings, for tasks with many right answers."""

from __future__ import annotations

from typing import Any

from verifiers.code.inside.callee import describe
from verifiers.code.inside.frames import Channel
from verifiers.sandbox.inside.program import new_main, prepare_interpreter


def serve() -> None:
    """Given `{"source", "input", "expected", "output"}`, of which the source defines `check(input, expected, output)`,
    answer `{"score"}` (it may return True, False or a number from 0 to 1); `{"broken"}` where the source itself fails,
    `{"raised"}` where the call does."""
    channel = Channel()
    asked = channel.receive()
    prepare_interpreter(["checker.py"])
    names = new_main("checker.py").__dict__
    channel.send(_answer(names, asked))


def _answer(names: dict[str, Any], asked: dict[str, Any]) -> dict[str, Any]:
    try:
        source = compile(asked["source"], "checker.py", "exec", dont_inherit=True)
        exec(source, names)  # noqa: S102 - a data set's source
        check = names["check"]
    except BaseException as problem:  # noqa: BLE001 - whatever it is, the checker is at fault
        return {"broken": describe(problem)}
    try:
        return {"score": float(check(asked["input"], asked["expected"], asked["output"]))}
    except BaseException as problem:  # noqa: BLE001 - whatever it is, it is told
        return {"raised": describe(problem)}
