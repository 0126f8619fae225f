"""The cases that verifiers of mathematics are measured on: read from a folder of benchmark files, or made from them."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from verifiers.extract import last_boxed

WHOLE, EXPRESSION = "whole", "expression"
HOSTILE = ("hack", "injection", "dos")
_NUMBER = re.compile(r"-?\$?(?:\d[\d,]*)?\.?\d+%?")
_SAME_BUT_FOR = re.compile(r"^[a-z] *(?:=|\\in(?![a-z])) *|\\[$!,; ]|\^\\circ|\\text\{[^}]*\}|[\s,]")


@dataclass(frozen=True, slots=True)
class Case:
    """text: a response (WHOLE), or an expression (EXPRESSION). expect: whether it is right. name: to list it by."""

    group: str
    how: str
    gold: str
    text: str
    expect: bool
    name: str


def all_cases(folder: Path) -> list[Case]:
    return [*examples(folder), *math_verify_tests(folder), *gsm8k(folder), *math500(folder)]


def examples(folder: Path) -> Iterator[Case]:
    for row in _rows(folder / "verifier_examples.jsonl"):
        yield Case(f"examples: {row['tag']}", WHOLE, row["gold"], row["pred"], row["expect"], row["why"])


def math_verify_tests(folder: Path) -> Iterator[Case]:
    """Most have no box: judged as expressions."""
    for index, row in enumerate(_rows(folder / "math_verify_tests.jsonl"), start=1):
        name = f"line {index}, {row['test'].split('::')[-1]}"
        yield Case("math_verify_tests", EXPRESSION, row["gold"], row["pred"], row["expect"], name)


def gsm8k(folder: Path) -> Iterator[Case]:
    """Real answers of four models, where the one after `A:` is a number; `is_correct` is the file's own judgement."""
    for index, row in enumerate(_rows(folder / "gsm8k_example_model_solutions.jsonl"), start=1):
        gold = row["ground_truth"].rpartition("A:")[2].strip()
        for model, said in row.items():
            if not isinstance(said, dict):
                continue
            answer = said["solution"].rpartition("A:")[2].strip()
            if "A:" in said["solution"] and _NUMBER.fullmatch(answer):
                yield Case("gsm8k", WHOLE, gold, f"\\boxed{{{answer}}}", said["is_correct"], f"line {index}, {model}")


def math500(folder: Path) -> Iterator[Case]:
    """Every reference answer and solution; every answer swapped with different ones of three other problems."""
    rows = list(_rows(folder / "math500_test.jsonl"))
    for index, row in enumerate(rows, start=1):
        yield Case("MATH-500: answer", WHOLE, row["answer"], f"\\boxed{{{row['answer']}}}", True, f"line {index}")
        if last_boxed(row["solution"]) is not None:
            yield Case("MATH-500: solution", WHOLE, row["answer"], row["solution"], True, f"line {index}")
    for shift in (1, 7, 101):
        for index, row in enumerate(rows):
            other = rows[(index + shift) % len(rows)]["answer"]
            if _plain(other) != _plain(row["answer"]):
                name = f"line {index + 1} with that {shift} lines on"
                yield Case("MATH-500: swapped", WHOLE, row["answer"], f"\\boxed{{{other}}}", False, name)


def rollout_like(folder: Path, count: int, seed: int = 0) -> list[Case]:
    """MATH-500 answers as models give them: half right and respelled, half another problem's. No pair twice."""
    rng = random.Random(seed)
    answers = [row["answer"] for row in _rows(folder / "math500_test.jsonl")]
    seen: set[tuple[str, str]] = set()
    cases: list[Case] = []
    while len(cases) < count:
        gold = rng.choice(answers)
        right = len(cases) % 2 == 0
        source = gold if right else rng.choice(answers)
        answer = respelled(source, rng)
        if (gold, answer) in seen:
            answer += "\\," * rng.randrange(1, 6)  # space: another text, the same answer
        if (not right and _plain(source) == _plain(gold)) or (gold, answer) in seen:
            continue
        seen.add((gold, answer))
        cases.append(Case("speed", WHOLE, gold, f"Therefore $\\boxed{{{answer}}}$.", right, ""))
    return cases


def respelled(answer: str, rng: random.Random) -> str:
    """The same answer, written otherwise."""
    for pattern, new in _RESPELLINGS:
        if rng.random() < 0.5:
            answer = pattern.sub(new, answer)
    return answer


_RESPELLINGS = [
    (re.compile(r"\\frac(?=\{)"), r"\\dfrac"),
    (re.compile(r"^\\d?frac\{(\d+)\}\{(\d+)\}$"), r"\1/\2"),
    (re.compile(r"^(-?\d+)$"), r"\1.0"),
    (re.compile(r"^(-?\d+)$"), r"x=\1"),
    (re.compile(r"^(-?\d+)$"), r"\\mathbf{\1}"),
    (re.compile(r"^(\d{1,3})(\d{3})$"), r"\1,\2"),
    (re.compile(r"(?<=\S) ?([+=]) ?(?=\S)"), r" \1 "),
    (re.compile(r"^\((.*)\)$"), r"\\left(\1\\right)"),
    (re.compile(r"\\sqrt\{(\d)\}"), r"\\sqrt \1"),
    (re.compile(r"(\d) ?\\sqrt"), r"\1 \\cdot \\sqrt"),
    (re.compile(r"(\d+)\\pi"), r"\\pi \\cdot \1"),
    (re.compile(r"\\text\{(\w+)\}"), r"\\textbf{\1}"),
    (re.compile(r"pmatrix"), "bmatrix"),
    (re.compile(r"\^\\circ"), ""),
    (re.compile(r"^([^=<>{}()]+) \+ ([^=<>+{}()]+)$"), r"\2 + \1"),
]


def _plain(answer: str) -> str:
    """Without what may be left out, so that `x=5` and `5` do not count as different answers."""
    return _SAME_BUT_FOR.sub("", answer)


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)
