"""Demonstrations for the supervised warm-up: worked examples as text, from a maker or from a jsonl file.

Imports no torch. A maker is a function of (config, size, seed); `DEMONSTRATIONS` names them all.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rlhf.data.overlap import fingerprint
from rlhf.data.rows import half_of_a_pair

SEED_BASE, SEED_STRIDE = 10**9, 10**7
"""reasoning-gym draws row i of seed s from s + i, so neighbouring seeds share rows: a demonstration's seeds
start far above those of prompts, and are this far apart (also the most rows that one seed may make)."""


class DemonstrationError(ValueError):
    """Demonstrations cannot be made or read; the message names the key or file:line and what to write."""


@dataclass(frozen=True, slots=True)
class Demonstration:
    """prompt_text: the user's text, before the chat template. response_text: without the end-of-sequence token."""

    prompt_text: str
    response_text: str


Maker = Callable[[Mapping[str, Any], int, int], Iterator[Demonstration]]


class WorkedSumsConfig(BaseModel):
    """`warmup.config` of `running_totals` and `reductions`."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    task: Literal["basic_arithmetic", "chain_sum"] = Field("basic_arithmetic", description="reasoning-gym task")
    task_config: dict[str, Any] = Field({}, description="its settings; sums and differences only, no parentheses")
    step_by_step: float = Field(0.5, ge=0.0, le=1.0, description="share that works step by step; the rest guesses")


def running_totals(config: Mapping[str, Any], size: int, seed: int) -> Iterator[Demonstration]:
    """Sums of several terms in two styles, both ending in the right answer.

    Step by step, one running total a line: `<think>3+8=11\\n11+9=20\\n</think>\\boxed{20}`. Or at once:
    `<think>guess</think>\\boxed{20}`, which a small policy cannot do reliably. So the warmed-up policy knows both,
    thinks only sometimes, and is mostly wrong when it does not: that thinking pays is left for RL to find.
    """
    return _worked_sums(trace, config, size, seed)


def reductions(config: Mapping[str, Any], size: int, seed: int) -> Iterator[Demonstration]:
    """The same sums, worked by rewriting: every line is the line before with its first two terms added up.

    `<think>3+8+9\\n11+9\\n20\\n</think>\\boxed{20}`. The length of a trace goes with the square of the terms, and each
    line is made from the one before it alone. Or at once, as in `running_totals`.
    """
    return _worked_sums(rewritten, config, size, seed)


def _worked_sums(
    work: Callable[[str], tuple[list[str], int]], config: Mapping[str, Any], size: int, seed: int
) -> Iterator[Demonstration]:
    try:
        settings = WorkedSumsConfig.model_validate(dict(config))
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        key = ".".join(("warmup.config", *(str(part) for part in fault["loc"])))
        raise DemonstrationError(f"{key}: {fault['msg']}; found {fault['input']!r}") from error
    if size > SEED_STRIDE:
        raise DemonstrationError(f"warmup.size: found {size}; write at most {SEED_STRIDE}")
    rows = _rows(settings, size, SEED_BASE + seed * SEED_STRIDE)
    return _worked(rows, work, settings.step_by_step, random.Random(seed))


def _worked(
    rows: Iterable[dict[str, Any]],
    work: Callable[[str], tuple[list[str], int]],
    step_by_step: float,
    style: random.Random,
) -> Iterator[Demonstration]:
    for row in rows:
        lines, total = work(row["metadata"]["expression"])
        thought = "".join(f"{line}\n" for line in lines) if style.random() < step_by_step else "guess"
        yield Demonstration(row["question"], f"<think>{thought}</think>\\boxed{{{total}}}")


_TERM = re.compile(r"-?\d+")


def trace(expression: str) -> tuple[list[str], int]:
    """`3 + 8 - 9` as (["3+8=11", "11-9=2"], 2). Raises DemonstrationError for anything but terms, + and -."""
    total, steps = _parsed(expression)
    lines = []
    for operator, term in steps:
        after = total + int(term) if operator == "+" else total - int(term)
        lines.append(f"{total}{operator}{term}={after}")
        total = after
    return lines, total


def rewritten(expression: str) -> tuple[list[str], int]:
    """`3 + 8 - 9` as (["3+8-9", "11-9", "2"], 2). Raises DemonstrationError like `trace`."""
    total, steps = _parsed(expression)
    lines = []
    for i in range(len(steps) + 1):
        lines.append(f"{total}" + "".join(f"{operator}{term}" for operator, term in steps[i:]))
        if i < len(steps):
            operator, term = steps[i]
            total += int(term) if operator == "+" else -int(term)
    return lines, total


def _parsed(expression: str) -> tuple[int, list[tuple[str, str]]]:
    """(first term, [(operator, term), ...])."""
    first, *rest = expression.split()
    operators, terms = rest[::2], rest[1::2]
    if len(operators) != len(terms) or set(operators) - {"+", "-"} or not all(map(_TERM.fullmatch, [first, *terms])):
        raise DemonstrationError(
            f"warmup.config.task_config: {expression!r} cannot be worked term by term; set operators: ['+', '-'] "
            "and allow_parentheses: false"
        )
    return int(first), list(zip(operators, terms, strict=True))


def _rows(settings: WorkedSumsConfig, size: int, seed: int) -> Iterable[dict[str, Any]]:
    import reasoning_gym

    try:
        made = reasoning_gym.create_dataset(settings.task, size=size, seed=seed, **settings.task_config)
    except (TypeError, ValueError, AssertionError) as error:
        found = f"task {settings.task} does not take {settings.task_config}"
        raise DemonstrationError(f"warmup.config.task_config: {found}: {error}") from error
    return (made[index] for index in range(size))


DEMONSTRATIONS: dict[str, Maker] = {
    "running_totals": running_totals,
    "reductions": reductions,
}


def make_demonstrations(name: str, config: Mapping[str, Any], size: int, seed: int) -> Iterator[Demonstration]:
    """`name`: of the registry, or the path of a jsonl file (then its first `size` lines; it takes no config).

    A wrong name or setting is raised at once, a malformed line when it is reached.
    """
    if name.endswith(".jsonl"):
        if config:
            raise DemonstrationError(f"warmup.config: {name} takes no settings; found {', '.join(config)}")
        return islice(read_demonstrations(Path(name)), size)
    if name not in DEMONSTRATIONS:
        known = ", ".join(DEMONSTRATIONS)
        raise DemonstrationError(f"warmup.demonstrations: found {name!r}; write {known}, or a file ending in .jsonl")
    return DEMONSTRATIONS[name](config, size, seed)


def read_demonstrations(path: Path) -> Iterator[Demonstration]:
    """One JSON object a line with the strings `prompt` and `response`; empty lines are passed over."""
    if not path.is_file():
        raise DemonstrationError(f"warmup.demonstrations: no file {path} as seen from {Path.cwd()}")
    return _lines(path)


def _lines(path: Path) -> Iterator[Demonstration]:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield _parse(line, f"{path}:{number}")


def _parse(line: bytes, where: str) -> Demonstration:
    try:
        row = json.loads(line)
    except ValueError as error:  # also bytes that are not UTF-8
        raise DemonstrationError(f"{where}: not a JSON object in UTF-8: {error}") from error
    if not isinstance(row, dict):
        raise DemonstrationError(f'{where}: found a {type(row).__name__}; write {{"prompt": "…", "response": "…"}}')
    for key in ("prompt", "response"):
        value = row.get(key)
        if not isinstance(value, str) or not value.strip():
            found = repr(value)[:80] if key in row else f"only {', '.join(map(str, row)) or 'no keys'}"
            raise DemonstrationError(f"{where}: {key}: found {found}; write a text that is not empty")
        if (broken := half_of_a_pair(value)) is not None:
            raise DemonstrationError(f"{where}: {key}: {broken}; write the whole character, or none")
    return Demonstration(row["prompt"], row["response"])


def without_heldout(
    demonstrations: Iterable[Demonstration], heldout_texts: Iterable[str]
) -> tuple[list[Demonstration], int]:
    """Those whose prompt is not among the held-out texts (normalised as in `rlhf.data.overlap`), and how many are."""
    held = {fingerprint(text) for text in heldout_texts}
    everything = list(demonstrations)
    kept = [d for d in everything if fingerprint(d.prompt_text) not in held]
    return kept, len(everything) - len(kept)
