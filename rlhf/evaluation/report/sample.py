"""A stratified sample of a run's trajectories, small enough for a page; the full ones stay in `trajectories/`.

Steps are spread evenly from the first to the last. Of each step's groups, those whose samples disagree
(some correct, some not) take turns with those all correct and those all wrong, drawn at random within each
kind (a file is in the order of finishing: its first lines would be the short responses). The draw is seeded
by the step: the same folder gives the same page.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MAX_STEPS = 20
GROUPS = 80
SAMPLES_PER_GROUP = 8
TEXT_CHARS = 6_000
TOTAL_CHARS = 1_800_000
STRATA = ("mixed", "correct", "wrong")

_NAME = re.compile(r"^step_(\d+)\.jsonl$")


@dataclass(slots=True)
class TrajectorySample:
    """groups: as in the file, texts cut. total_*: what the folder holds. problems: lines that could not be read."""

    groups: list[dict[str, Any]] = field(default_factory=list)
    steps_shown: int = 0
    total_steps: int = 0
    samples_shown: int = 0
    cut_texts: int = 0
    chars: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def sentence(self) -> str:
        """How the sample was taken, for the reader."""
        text = (
            f"A stratified sample: {len(self.groups)} prompts with {self.samples_shown} responses from "
            f"{self.steps_shown} of {self.total_steps} steps, spread evenly; prompts with mixed outcomes, all correct "
            "and all wrong in turn, so the share of correct ones here is not the run's accuracy."
        )
        if self.cut_texts:
            text += f" {self.cut_texts} long texts are cut in the middle."
        return text + " All trajectories are in the run folder, under trajectories/."


def sample_trajectories(folder: Path) -> TrajectorySample:
    """Reads `folder/step_*.jsonl`, one group a line. A folder that is not there gives an empty sample."""
    files = sorted((int(found[1]), path) for path in folder.glob("step_*.jsonl") if (found := _NAME.match(path.name)))
    sample = TrajectorySample(total_steps=len(files))
    chosen = [files[i] for i in spread(len(files), MAX_STEPS)]
    for position, (step, path) in enumerate(chosen):
        left = len(chosen) - position
        budget = max(1, (GROUPS - len(sample.groups)) // left)
        before = len(sample.groups)
        _take(step, path, budget, (TOTAL_CHARS - sample.chars) // left, sample)
        sample.steps_shown += len(sample.groups) > before
    return sample


def spread(n: int, k: int) -> list[int]:
    """At most `k` indices of `range(n)`, evenly spread, the first and the last among them."""
    if n <= k:
        return list(range(n))
    return [round(i * (n - 1) / (k - 1)) for i in range(k)] if k > 1 else [n - 1]


def _take(step: int, path: Path, budget: int, chars: int, sample: TrajectorySample) -> None:
    by_stratum = _draw(step, path, budget, sample)
    taken = 0
    while taken < budget and any(by_stratum.values()):
        for name in STRATA:
            if not by_stratum[name] or taken == budget:
                continue
            group, cut = _shorten({**by_stratum[name].pop(0), "step": step})
            size = len(json.dumps(group))
            if taken and size > chars:
                return  # this step's share of the page is full; what is left out stays in the folder
            taken, chars = taken + 1, chars - size
            sample.chars += size
            sample.cut_texts += cut
            sample.groups.append(group)
            sample.samples_shown += len(group["samples"])


def _draw(step: int, path: Path, budget: int, sample: TrajectorySample) -> dict[str, list[dict[str, Any]]]:
    """At most `budget` groups of each stratum (a reservoir each: a file may hold thousands)."""
    draw = random.Random(step)
    seen = dict.fromkeys(STRATA, 0)
    held: dict[str, list[dict[str, Any]]] = {name: [] for name in STRATA}
    for group in _groups(path, sample):
        name = _stratum(group)
        seen[name] += 1
        if len(held[name]) < budget:
            held[name].append(group)
        elif (place := draw.randrange(seen[name])) < budget:
            held[name][place] = group
    return held


def _groups(path: Path, sample: TrajectorySample) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, start=1):
            try:
                group = json.loads(line)
            except ValueError:
                sample.problems.append(f"trajectories/{path.name}:{number}: not JSON (torn?), left out")
                continue
            samples = group.get("samples") if isinstance(group, dict) else None
            if isinstance(samples, list) and samples and all(isinstance(s, dict) for s in samples):
                yield group
            else:
                sample.problems.append(f"trajectories/{path.name}:{number}: no list `samples`, left out")


def _stratum(group: Mapping[str, Any]) -> str:
    correct = [sample.get("status") == "correct" for sample in group["samples"]]
    return "correct" if all(correct) else "mixed" if any(correct) else "wrong"


def _shorten(group: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """The group with at most SAMPLES_PER_GROUP samples (both outcomes kept) and texts of at most TEXT_CHARS."""
    samples = group["samples"]
    if len(samples) > SAMPLES_PER_GROUP:
        sides = [[s for s in samples if (s.get("status") == "correct") is side] for side in (True, False)]
        few = min(sides, key=len)[: SAMPLES_PER_GROUP // 2]
        many = max(sides, key=len)[: SAMPLES_PER_GROUP - len(few)]
        kept = {id(s) for s in (*few, *many)}
        samples = [s for s in samples if id(s) in kept]
    cut = 0
    shown = []
    for sample in samples:
        text = str(sample.get("text", ""))
        cut += len(text) > TEXT_CHARS
        shown.append({**_known(sample), "text": _cut(text)})
    reference = group.get("reference")
    return {
        "step": group["step"],
        "prompt_id": _cut(str(group.get("prompt_id", ""))),
        "prompt": _cut(str(group.get("prompt", ""))),
        "reference": None if reference is None else _cut(str(reference)),
        "of": len(group["samples"]),
        "samples": shown,
    }, cut


def _known(sample: Mapping[str, Any]) -> dict[str, Any]:
    """The keys that the page shows, as types that it can rely on."""
    verdicts = sample.get("verdicts")
    rows = {}
    for name, verdict in verdicts.items() if isinstance(verdicts, Mapping) else ():
        found = verdict if isinstance(verdict, Mapping) else {}
        rows[str(name)] = {
            "score": _number(found.get("score")),
            "status": str(found.get("status", "")),
            "extracted": None if found.get("extracted") is None else _cut(str(found["extracted"]), 500),
            "reason": _cut(str(found.get("reason", "")), 500),
        }
    versions = sample.get("versions")
    return {
        "reward": _number(sample.get("reward")),
        "status": str(sample.get("status", "")),
        "tokens": _number(sample.get("tokens")),
        "truncated": bool(sample.get("truncated", False)),
        "versions": sorted({int(v) for v in versions if type(v) is int}) if isinstance(versions, list) else [],
        "logp_mean": _number(sample.get("logp_mean")),
        "verdicts": rows,
    }


def _number(value: Any) -> float | int | None:
    if type(value) is int:
        return value
    return value if isinstance(value, float) and value - value == 0.0 else None  # finite


def _cut(text: str, limit: int = TEXT_CHARS) -> str:
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]}\n[… {len(text) - 2 * half:,} characters cut …]\n{text[-half:]}"
