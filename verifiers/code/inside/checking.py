"""In a box of its own: a checker that a row brings, for tasks with many right answers."""

from __future__ import annotations

from verifiers.code.inside.callee import describe
from verifiers.code.inside.frames import Channel
from verifiers.sandbox.inside.program import new_main, prepare_interpreter


def serve() -> None:
    """Given `{"source"}`, which defines `check(input, expected, output)`, answer every `{"input", "expected",
    "output"}` with `{"score"}`: True, False or a number from 0 to 1; or, if the checker is at fault, `{"broken"}`."""
    channel = Channel()
    prepare_interpreter(["checker.py"])
    names = new_main("checker.py").__dict__
    try:
        source = compile(channel.receive()["source"], "checker.py", "exec", dont_inherit=True)
        exec(source, names)  # noqa: S102 - a data set's source
        check = names["check"]
        channel.send({"ready": True})
        while True:
            asked = channel.receive()
            channel.send({"score": float(check(asked["input"], asked["expected"], asked["output"]))})
    except BaseException as problem:  # noqa: BLE001 - whatever it is, the checker is at fault
        channel.send({"broken": describe(problem)})
