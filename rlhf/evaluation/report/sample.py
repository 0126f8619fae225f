"""A stratified sample of a run's trajectories, small enough for a page; the full ones stay in `trajectories/`.

Steps are spread evenly from the first to the last. Of each step's groups, those whose samples disagree
(some correct, some not) take turns with those all correct and those all wrong, drawn at random within each
kind (a file is in the order of finishing: its first lines would be the short responses); groups whose tokens
were kept come first within their kind. The draw is seeded by the step: the same folder gives the same page.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rlhf.evaluation.report.details import page_details
from rlhf.evaluation.report.plain import TEXT_CHARS, both_outcomes, cut, in_turn, number, size, verdict

MAX_STEPS = 20
GROUPS = 80
TOTAL_CHARS = 2_000_000
DETAILS_SHARE = 0.5  # of a step's characters, for tokens; else a few long responses would be all that is shown
STRATA = ("mixed", "correct", "wrong")

_NAME = re.compile(r"^step_(\d+)\.jsonl$")


@dataclass(slots=True)
class TrajectorySample:
    """groups: as in the file, texts cut. total_*: what the folder holds. problems: lines that could not be read."""

    groups: list[dict[str, Any]] = field(default_factory=list)
    steps_shown: int = 0
    total_steps: int = 0
    samples_shown: int = 0
    detailed: int = 0
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
        if self.detailed:
            text += f" {self.detailed} responses carry token data; prompts that have them come first within their kind."
        if self.cut_texts:
            text += f" {self.cut_texts} long texts are cut in the middle."
        return text + " All trajectories are in the run folder, under trajectories/."


def sample_trajectories(folder: Path, groups: int = GROUPS, chars: int = TOTAL_CHARS) -> TrajectorySample:
    """Reads `folder/step_*.jsonl`, one group a line. A folder that is not there gives an empty sample.

    groups, chars: how much of a page it may take.
    """
    files = sorted((int(found[1]), path) for path in folder.glob("step_*.jsonl") if (found := _NAME.match(path.name)))
    sample = TrajectorySample(total_steps=len(files))
    chosen = [files[i] for i in spread(len(files), min(MAX_STEPS, groups))]
    for position, (step, path) in enumerate(chosen):
        left = len(chosen) - position
        budget = max(1, (groups - len(sample.groups)) // left)
        before = len(sample.groups)
        _take(step, path, budget, (chars - sample.chars) // left, sample)
        sample.steps_shown += len(sample.groups) > before
    return sample


def spread(n: int, k: int) -> list[int]:
    """At most `k` indices of `range(n)`, evenly spread, the first and the last among them."""
    if n <= k:
        return list(range(n))
    return [round(i * (n - 1) / (k - 1)) for i in range(k)] if k > 1 else [n - 1]


def _take(step: int, path: Path, budget: int, chars: int, sample: TrajectorySample) -> None:
    by_stratum = _draw(step, path, budget, sample)
    taken, for_tokens = 0, int(chars * DETAILS_SHARE)
    while taken < budget and any(by_stratum.values()):
        for name in STRATA:
            if not by_stratum[name] or taken == budget:
                continue
            raw = by_stratum[name].pop(0)
            group, places = _shorten({**raw, "step": step})
            length = size(group)
            if taken and length > chars:
                return  # this step's share of the page is full; what is left out stays in the folder
            added = _add_details(group, [raw["samples"][i] for i in places], min(for_tokens, chars - length), sample)
            taken, for_tokens, chars = taken + 1, for_tokens - added, chars - length - added
            sample.chars += length + added
            sample.cut_texts += sum(len(str(raw["samples"][i].get("text", ""))) > TEXT_CHARS for i in places)
            sample.groups.append(group)
            sample.samples_shown += len(group["samples"])


def _draw(step: int, path: Path, budget: int, sample: TrajectorySample) -> dict[str, list[dict[str, Any]]]:
    """At most `budget` groups of each stratum (a reservoir each: a file may hold thousands), detailed ones first."""
    draw = random.Random(step)
    seen = dict.fromkeys(STRATA, 0)
    held: dict[str, list[dict[str, Any]]] = {name: [] for name in STRATA}
    detailed: dict[str, list[dict[str, Any]]] = {name: [] for name in STRATA}
    for group in _groups(path, sample):
        name = _stratum(group)
        if len(detailed[name]) < budget and any("details" in one for one in group["samples"]):
            detailed[name].append(group)
            continue
        seen[name] += 1
        if len(held[name]) < budget:
            held[name].append(group)
        elif (place := draw.randrange(seen[name])) < budget:
            held[name][place] = group
    return {name: (detailed[name] + held[name])[:budget] for name in STRATA}


def _groups(path: Path, sample: TrajectorySample) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8", errors="replace") as file:
        for line_number, line in enumerate(file, start=1):
            try:
                group = json.loads(line)
            except (ValueError, RecursionError):
                sample.problems.append(f"trajectories/{path.name}:{line_number}: not JSON (torn?), left out")
                continue
            samples = group.get("samples") if isinstance(group, dict) else None
            if isinstance(samples, list) and samples and all(isinstance(s, dict) for s in samples):
                yield group
            else:
                sample.problems.append(f"trajectories/{path.name}:{line_number}: no list `samples`, left out")


def _stratum(group: Mapping[str, Any]) -> str:
    correct = [sample.get("status") == "correct" for sample in group["samples"]]
    return "correct" if all(correct) else "mixed" if any(correct) else "wrong"


def _shorten(group: dict[str, Any]) -> tuple[dict[str, Any], list[int]]:
    """The group as the page has it, with few samples (both outcomes kept) and cut texts; and which samples they are."""
    samples = group["samples"]
    places = both_outcomes([sample.get("status") == "correct" for sample in samples])
    reference = group.get("reference")
    return {
        "step": group["step"],
        "prompt_id": cut(str(group.get("prompt_id", ""))),
        "prompt": cut(str(group.get("prompt", ""))),
        "reference": None if reference is None else cut(str(reference)),
        "of": len(samples),
        "samples": [{**_known(samples[i]), "text": cut(str(samples[i].get("text", "")))} for i in places],
    }, places


def _add_details(group: dict[str, Any], raw: list[dict[str, Any]], room: int, sample: TrajectorySample) -> int:
    """Adds to the shown samples what was kept of their tokens, as far as there is room; what that takes."""
    added = 0
    for i in in_turn([one["status"] == "correct" for one in group["samples"]]):
        details, whole = page_details(raw[i].get("details"), str(raw[i].get("text", "")), TEXT_CHARS)
        if details is None:
            continue
        more = size(details) - (size(group["samples"][i]["text"]) if whole else 0)
        if added + more > room:
            continue
        if whole:
            del group["samples"][i]["text"]  # the page puts it together
        group["samples"][i]["details"] = details
        sample.detailed += 1
        added += more
    return added


def _known(sample: Mapping[str, Any]) -> dict[str, Any]:
    """The keys that the page shows, as types that it can rely on."""
    verdicts = sample.get("verdicts")
    rows = {}
    for name, found in verdicts.items() if isinstance(verdicts, Mapping) else ():
        rows[str(name)] = verdict(found if isinstance(found, Mapping) else {})
    versions = sample.get("versions")
    return {
        "reward": number(sample.get("reward")),
        "status": str(sample.get("status", "")),
        "tokens": number(sample.get("tokens")),
        "truncated": bool(sample.get("truncated", False)),
        "versions": sorted({int(v) for v in versions if type(v) is int}) if isinstance(versions, list) else [],
        "logp_mean": number(sample.get("logp_mean")),
        "verdicts": rows,
    }
