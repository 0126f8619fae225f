"""In the box of the model's code: loads it, and calls its functions as it is told.

The code runs in this very process and can do with it what it likes, short of leaving the box: what is sent from here is
data that a hostile program chose. It is judged elsewhere.
"""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any

from verifiers.code.inside.frames import Channel
from verifiers.code.values import Encoder, MalformedError, UnsendableError, fill, value
from verifiers.sandbox.inside.program import load, new_main, prepare_interpreter

CLASS = "Solution"


def serve(file: str, preamble: str | None = None) -> None:
    """Answer `{"call", "arguments", "keywords", "heap"}` until there are no more."""
    channel = Channel()
    prepare_interpreter([file])
    names = as_module(file).__dict__
    try:
        given = load(file, names, preamble)
    except BaseException as problem:  # noqa: BLE001 - a model's code raises anything
        channel.receive()
        channel.send({"unloaded": describe(problem)})
        return
    while True:
        channel.send(call(names, given, channel.receive()))


def as_module(file: str) -> types.ModuleType:
    """Loaded as an `import` would: what stands under `if __name__ == "__main__"` is not run."""
    module = new_main(file)
    module.__name__ = Path(file).stem
    sys.modules[module.__name__] = module
    return module


def call(names: dict[str, Any], given: dict[str, Any], message: dict[str, Any]) -> dict[str, Any]:
    function = find(names, given, message["call"])
    if function is None:
        return {"missing": message["call"]}
    objects = fill(message["heap"], [])
    arguments = [value(item, objects) for item in message["arguments"]]
    keywords = {key: value(item, objects) for key, item in message["keywords"].items()}
    try:
        result = function(*arguments, **keywords)
        encoder = Encoder(objects, opaque=True)
        return {"result": encoder.value(result), "heap": encoder.heap()}
    except (UnsendableError, MalformedError) as problem:
        return {"unsendable": str(problem)}
    except BaseException as problem:  # noqa: BLE001 - a model's code raises anything
        return {"raised": type(problem).__name__, "text": describe(problem, with_type=False)}


def find(names: dict[str, Any], given: dict[str, Any], name: str) -> Any:
    """A function of the module, or a method of its class `Solution` (as LeetCode wants it).

    given: what was put before the answer. That is no answer: a data set's `from operator import *` has an `add`.
    """
    if callable(names.get(name)) and names[name] is not given.get(name):
        return names[name]
    solution = names.get(CLASS)
    return getattr(solution(), name, None) if isinstance(solution, type) else None


def describe(problem: BaseException, *, with_type: bool = True) -> str:
    try:
        return f"{type(problem).__name__ + ': ' if with_type else ''}{problem}"[:500]
    except BaseException:  # noqa: BLE001 - its own __str__ may raise anything
        return type(problem).__name__
