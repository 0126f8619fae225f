"""The formats of rows: from a sample's metadata to its task. `FORMATS` is the table."""

from __future__ import annotations

import ast
import base64
import builtins
import io
import json
import pickle
import zlib
from collections.abc import Callable, Mapping
from typing import Any

from verifiers.base import RowError, Sample
from verifiers.code.task import ProgramTask, ProgramTest, StdioTask, StdioTest, Task

MAX_UNPACKED_BYTES = 256 << 20

_SAME = """
def _expect(found, wanted, *, all=all, map=map, kind=isinstance, len=len, list=list, tuple=tuple, no=AssertionError):
    def same(found, wanted):
        if kind(found, (list, tuple)) and kind(wanted, list):
            return len(found) == len(wanted) and all(map(same, found, wanted))
        return found == wanted
    if not same(found, wanted):
        raise no(f"expected {wanted!r:.200}, got {found!r:.200}")
"""
"""What it uses is bound where it is defined, so that a function under test named `all` has no part in it."""

_IMPORTED = (
    "string, re, datetime, collections, heapq, bisect, copy, math, random, statistics, itertools, functools, operator, "
    "io, sys, json"
)
_LIVECODEBENCH = "".join(f"from {name} import *\n" for name in f"{_IMPORTED}, builtins, typing".split(", "))
_LIVECODEBENCH += f"import {_IMPORTED}\nsys.setrecursionlimit(50_000)\n"
"""What LiveCodeBench puts before every answer: many are written for it."""


def task_of(sample: Sample, format: str) -> Task:
    """Raises RowError."""
    task = FORMATS[format](sample)
    if not task.tests:
        raise RowError(f"format {format}: the row has no tests, so nothing could fail")
    return task


def tests(sample: Sample) -> Task:
    """`tests`: a list of `{"input", "output"}` for programs, or of `{"arguments", "expected"}` with `entry`, the name
    of a function; or of Python texts, each a test that calls `entry`. `checker`: optional source for the first."""
    rows = _field(sample, "tests", list)
    if rows and all(isinstance(row, Mapping) and {"input", "output"} <= set(row) for row in rows):
        return StdioTask(tuple(StdioTest(_text(row, "input"), _text(row, "output")) for row in rows), _checker(sample))
    if not rows:
        raise RowError("tests: the list is empty, so nothing could fail")
    if all(isinstance(row, Mapping) and set(row) & {"input", "output"} for row in rows):
        raise RowError(f'tests: found {_keys(rows)}; write {{"input", "output"}} in each')
    entry = _field(sample, "entry", str)
    setup = str(sample.metadata.get("setup", ""))
    if all(isinstance(row, str) for row in rows):
        return ProgramTask(entry, tuple(ProgramTest(row, _first_line(row)) for row in rows), setup)
    if all(isinstance(row, Mapping) and {"arguments", "expected"} <= set(row) for row in rows):
        made = tuple(_call(entry, list(row["arguments"]), row["expected"]) for row in rows)
        return ProgramTask(entry, made, _SAME + setup)
    raise RowError(
        'tests: found items of other shapes; write {"input", "output"}, {"arguments", "expected"}, or Python texts, '
        "one shape for all"
    )


def _keys(rows: list[Any]) -> str:
    """Of the first that lacks one."""
    lacking = next(row for row in rows if not {"input", "output"} <= set(row))
    return f"one with {', '.join(sorted(map(str, lacking))) or 'nothing'}"


def humaneval(sample: Sample) -> Task:
    """`prompt`, `entry_point`, `test` of openai/human-eval. What the prompt defines beside the function is taken from
    it, and not from the answer."""
    prompt = sample.metadata.get("prompt", sample.prompt)
    if not isinstance(prompt, str) or not prompt.strip():
        raise RowError("prompt: found none; write data.metadata_fields: [prompt, entry_point, test]")
    entry = _field(sample, "entry_point", str)
    test = ProgramTest(f"{_field(sample, 'test', str)}\ncheck({entry})", f"check({entry})")
    return ProgramTask(entry, (test,), setup=prompt, preamble=prompt)


def mbpp(sample: Sample) -> Task:
    """`test_list` and `test_imports` of google-research/mbpp (`test_setup_code` in its full version)."""
    asserts = _field(sample, "test_list", list)
    setup = "\n".join([*sample.metadata.get("test_imports", []), str(sample.metadata.get("test_setup_code") or "")])
    return ProgramTask(
        _called(asserts, setup), tuple(ProgramTest(str(row), _first_line(str(row))) for row in asserts), setup
    )


def livecodebench(sample: Sample) -> Task:
    """`test` as SandboxFusion writes it, or `public_test_cases` and `private_test_cases` as the data set has them."""
    if "test" in sample.metadata:
        packed = _unpacked(_field(sample, "test", str))
        cases = json.loads(packed["input_output"]) if isinstance(packed, Mapping) else packed
        pairs = list(zip(cases["inputs"], cases["outputs"], strict=True))
        entry = cases.get("fn_name")
    else:
        rows = [*_cases(sample, "public_test_cases"), *_cases(sample, "private_test_cases")]
        pairs = [(_text(row, "input"), _text(row, "output")) for row in rows]
        entry = _json_field(sample.metadata.get("metadata", {}), "metadata").get("func_name")
    if not entry:
        made_of = tuple(StdioTest(given, wanted) for given, wanted in pairs)
        return StdioTask(made_of, _checker(sample), _LIVECODEBENCH)
    made = tuple(
        _call(entry, [json.loads(line) for line in given.split("\n") if line.strip()], json.loads(wanted))
        for given, wanted in pairs
    )
    return ProgramTask(entry, made, _SAME, _LIVECODEBENCH)


def code_contests(sample: Sample) -> Task:
    """`test` as SandboxFusion writes it (a list of `{"input": {"stdin"}, "output": {"stdout"}}`), or `public_tests`,
    `private_tests`, `generated_tests` as deepmind/code_contests has them. `checker`: optional source, which the data
    sets lack, and which a task with many right answers needs."""
    if "test" in sample.metadata:
        rows = _json_field(sample.metadata["test"], "test")
        given = tuple(StdioTest(row["input"]["stdin"], row["output"]["stdout"]) for row in rows)
        return StdioTask(given, _checker(sample))
    made: list[StdioTest] = []
    for name in ("public_tests", "private_tests", "generated_tests"):
        part = _json_field(sample.metadata.get(name) or {"input": [], "output": []}, name)
        made += [StdioTest(given, wanted) for given, wanted in zip(part["input"], part["output"], strict=True)]
    return StdioTask(tuple(made), _checker(sample))


FORMATS: Mapping[str, Callable[[Sample], Task]] = {
    "tests": tests,
    "humaneval": humaneval,
    "mbpp": mbpp,
    "livecodebench": livecodebench,
    "code_contests": code_contests,
}


def _call(entry: str, arguments: list[Any], expected: Any) -> ProgramTest:
    """A test that is data, as a program: JSON is read by the test, so that nothing of it is source."""
    if entry in ("_expect", "json"):
        raise RowError(f"entry: {entry} is a name that the tests use themselves; rename the function")
    given, wanted = json.dumps(arguments), json.dumps(expected)
    source = f"import json\n_expect({entry}(*json.loads({given!r})), json.loads({wanted!r}))"
    return ProgramTest(source, f"{entry}({given[1:-1][:200]})")


def _called(asserts: list[Any], setup: str) -> str:
    """The function that every assert calls, and that the setup does not bring."""
    common: set[str] | None = None
    brought = _bound(setup)
    for text in asserts:
        try:
            tree = ast.parse(str(text))
        except SyntaxError as problem:
            raise RowError(f"test_list: {text!r} is no Python: {problem.msg}") from problem
        called = {n.func.id for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
        called -= brought
        common = called if common is None else common & called
    if not common:
        raise RowError("test_list: the tests call no function in common")
    return min(common, key=lambda name: (hasattr(builtins, name), name))


def _bound(setup: str) -> set[str]:
    """Names that a setup imports or defines."""
    try:
        found = list(ast.walk(ast.parse(setup)))
    except SyntaxError as problem:
        raise RowError(f"test_imports: no Python: {problem.msg}") from problem
    names = {n.name for n in found if isinstance(n, (ast.FunctionDef, ast.ClassDef))}
    imports = [a for n in found if isinstance(n, (ast.Import, ast.ImportFrom)) for a in n.names]
    return names | {(a.asname or a.name).partition(".")[0] for a in imports}


def _field(sample: Sample, name: str, kind: type) -> Any:
    found = sample.metadata.get(name)
    if isinstance(found, str) and kind is not str:
        found = _json_field(found, name)
    if not isinstance(found, kind):
        there = ", ".join(sorted(sample.metadata)) or "nothing"
        raise RowError(
            f"{name}: found {type(found).__name__}, wanted a {kind.__name__}; the row's metadata has {there}; write "
            f"data.metadata_fields so that it brings {name}, or another config.format"
        )
    return found


def _json_field(value: Any, name: str) -> Any:
    """A field that is JSON, or JSON in a text."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError as problem:
        raise RowError(f"{name}: found {value[:60]!r}, which is not JSON: {problem}") from problem


def _cases(sample: Sample, name: str) -> list[Any]:
    found = sample.metadata.get(name, "[]")
    if not isinstance(found, str):
        return list(found)
    try:
        return list(json.loads(found))
    except ValueError:
        return list(json.loads(_unpacked(found)))


def _text(row: Mapping[str, Any], name: str) -> str:
    if not isinstance(row[name], str):
        raise RowError(f"{name}: found a {type(row[name]).__name__}, write a text")
    return str(row[name])


def _checker(sample: Sample) -> str | None:
    found = sample.metadata.get("checker")
    if found is not None and not isinstance(found, str):
        raise RowError(f"checker: found a {type(found).__name__}, write the source of check(input, expected, output)")
    return found


def _first_line(source: str) -> str:
    return source.strip().split("\n")[0][:200]


class _Plain(pickle.Unpickler):
    """Reads texts, numbers and containers, and refuses every name: nothing that a file says is imported or called."""

    def find_class(self, module: str, name: str) -> Any:
        raise RowError(f"test: the packed data names {module}.{name}; texts, numbers and lists alone are read")


def _unpacked(text: str) -> Any:
    """Data packed as LiveCodeBench does: base64 of zlib of a pickle (of plain values, or of a JSON text)."""
    try:
        inflater = zlib.decompressobj()
        data = inflater.decompress(base64.b64decode(text, validate=True), MAX_UNPACKED_BYTES)
    except (ValueError, zlib.error) as problem:
        raise RowError(f"test: neither JSON nor packed as LiveCodeBench packs it: {problem}") from problem
    if inflater.unconsumed_tail:
        raise RowError(f"test: unpacks to more than {MAX_UNPACKED_BYTES >> 20} MiB")
    try:
        return _Plain(io.BytesIO(data)).load()
    except (pickle.UnpicklingError, EOFError, IndexError, KeyError, ValueError) as problem:
        raise RowError(f"test: cannot be unpacked: {problem}") from problem
