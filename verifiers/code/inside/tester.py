"""In a box of its own: runs a test that is a program, in which the functions under test are proxies.

A proxy sends its arguments out, to be called with in the box of the model's code, and raises or returns what comes
back, rebuilt from data. Nothing of the model's runs here, so that the test's comparisons compare what they seem to.
"""

from __future__ import annotations

import builtins
import importlib
import sys
from collections.abc import Callable
from typing import Any

from verifiers.code.inside.callee import describe
from verifiers.code.inside.frames import Channel
from verifiers.code.values import Encoder, UnsendableError, fill, value
from verifiers.sandbox.inside.program import prepare_interpreter


class CandidateError(Exception):
    """What the code under test raised, where that was no exception of Python's own, or it failed otherwise."""


_ENDS_A_LOOP = (StopIteration, StopAsyncIteration)
"""Raised within `all(map(check, cases))`, it would end the loop as if every case had passed."""


class Names(dict[str, Any]):
    """The names of a test. What neither it nor its setup nor Python defines is taken to be under test."""

    def __init__(self, channel: Channel) -> None:
        super().__init__(__name__="__main__")
        self._channel = channel

    def __missing__(self, name: str) -> Any:
        if hasattr(builtins, name) or name.startswith("__"):
            raise KeyError(name)
        if name in sys.stdlib_module_names:  # a test that counts on the imports of the code under test
            return importlib.import_module(name)
        return proxy(self._channel, name)


def serve() -> None:
    """Run `{"setup", "test", "entry"}`; end with `{"passed"}`, `{"failed"}` or, if the test is at fault, `{"broken"}`.

    setup: source that defines what the test needs. test: source of the test. entry: name of the function under test.
    """
    channel = Channel()
    message = channel.receive()
    prepare_interpreter(["test.py"])
    names = Names(channel)
    try:
        setup = compile(message["setup"], "setup.py", "exec", dont_inherit=True)
        exec(setup, names)  # noqa: S102 - a data set's source, in a sandbox
        test = compile(message["test"], "test.py", "exec", dont_inherit=True)
    except BaseException as problem:  # noqa: BLE001 - whatever it is, the test's own source is at fault
        channel.send({"broken": describe(problem)})
        return
    names[message["entry"]] = proxy(channel, message["entry"])
    try:
        exec(test, names)  # noqa: S102 - a data set's source, in a sandbox
    except BaseException as problem:  # noqa: BLE001 - a test may raise anything
        channel.send({"failed": describe(problem)})
        return
    channel.send({"passed": True})


def proxy(channel: Channel, name: str) -> Callable[..., Any]:
    def candidate(*arguments: Any, **keywords: Any) -> Any:
        encoder = Encoder()
        try:
            message = {
                "call": name,
                "arguments": [encoder.value(item) for item in arguments],
                "keywords": {key: encoder.value(item) for key, item in keywords.items()},
                "heap": encoder.heap(),
            }
        except UnsendableError as problem:
            raise NotImplementedError(f"the test calls {name} with {problem}") from problem
        channel.send(message)
        return received(channel.receive(), encoder.objects)

    candidate.__name__ = candidate.__qualname__ = name
    return candidate


def received(reply: dict[str, Any], objects: list[Any]) -> Any:
    """The result of a call, with what it changed in its arguments; or what it raised."""
    if "result" in reply:
        return value(reply["result"], fill(reply.get("heap"), objects))
    if "raised" in reply:
        known = getattr(builtins, str(reply["raised"]), None)
        text = str(reply.get("text"))
        if isinstance(known, type) and issubclass(known, Exception) and not issubclass(known, _ENDS_A_LOOP):
            raise new_exception(known, text)
        raise CandidateError(f"{reply['raised']}: {text}")
    for key in ("missing", "unloaded", "unsendable", "lost"):
        if key in reply:
            raise CandidateError(f"{key}: {reply[key]}")
    raise CandidateError("an answer that is none")


def new_exception(kind: type[Exception], text: str) -> Exception:
    try:
        return kind(text)
    except TypeError:  # UnicodeDecodeError and its like want more than a text
        return CandidateError(text)
