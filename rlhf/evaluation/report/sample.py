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
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from rlhf.evaluation.report.details import page_details
from rlhf.evaluation.report.plain import NAME_CHARS, TEXT_CHARS, cut, fitting, in_turn, number, size, verdict
from rlhf.evaluation.report.series import spread
from rlhf.shown_samples import both_outcomes

MAX_STEPS = 20
GROUPS = 80
TOTAL_BYTES = 2_000_000
DETAILS_SHARE = 0.5  # of a step's bytes, for tokens; else a few long responses would be all that is shown
MOST_VERDICTS = 8  # of a sample
STRATA = ("mixed", "correct", "wrong")

_NAME = re.compile(r"^step_(\d+)\.jsonl$")


@dataclass(slots=True)
class TrajectorySample:
    """groups: as in the file, texts cut. total_*: what the folder holds. size: bytes in the page.

    too_large: groups that do not fit even when cut to almost nothing. problems: lines that could not be read.
    """

    groups: list[dict[str, Any]] = field(default_factory=list)
    steps_shown: int = 0
    total_steps: int = 0
    samples_shown: int = 0
    detailed: int = 0
    cut_texts: int = 0
    too_large: int = 0
    size: int = 0
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
        if self.too_large:
            text += f" {self.too_large} prompts are too large for the page."
        return text + " All trajectories are in the run folder, under trajectories/."


def sample_trajectories(folder: Path, groups: int = GROUPS, room: int = TOTAL_BYTES) -> TrajectorySample:
    """Reads `folder/step_*.jsonl`, one group a line. A folder that is not there gives an empty sample.

    groups, room: how much of a page it may take, in groups and bytes.
    """
    files = sorted((int(found[1]), path) for path in folder.glob("step_*.jsonl") if (found := _NAME.match(path.name)))
    sample = TrajectorySample(total_steps=len(files))
    chosen = [files[i] for i in spread(len(files), min(MAX_STEPS, groups))]
    for position, (step, path) in enumerate(chosen):
        left = len(chosen) - position
        budget = max(1, (groups - len(sample.groups)) // left)
        before = len(sample.groups)
        _take(step, path, budget, (room - sample.size) // left, sample)
        sample.steps_shown += len(sample.groups) > before
    return sample


def _take(step: int, path: Path, budget: int, room: int, sample: TrajectorySample) -> None:
    """A step shows one group at least, however short it must be cut for that; others while there is room."""
    by_stratum = _draw(step, path, budget, sample)
    taken, for_tokens = 0, int(room * DETAILS_SHARE)
    while taken < budget and any(by_stratum.values()):
        for name in STRATA:
            if not by_stratum[name] or taken == budget:
                continue
            raw = {**by_stratum[name].pop(0), "step": step}
            fits = fitting(partial(_shorten, raw), room)
            if fits is None and not taken:
                sample.too_large += 1
                continue
            if fits is None or (taken and fits[1] < TEXT_CHARS):
                return  # this step's share of the page is full; what is left out stays in the folder
            group, limit = fits
            length = size(group)
            whole = [raw["samples"][i] for i in _places(raw, len(group["samples"]))]
            added = _add_details(group, whole, limit, min(for_tokens, room - length), sample)
            taken, for_tokens, room = taken + 1, for_tokens - added, room - length - added
            sample.size += length + added
            sample.cut_texts += sum(len(str(one.get("text", ""))) > limit for one in whole)
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
    try:
        file = path.open(encoding="utf-8", errors="replace")
    except OSError as error:
        sample.problems.append(f"trajectories/{path.name}: cannot be read ({error.strerror}), left out")
        return
    with file:
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


def _places(group: Mapping[str, Any], most: int) -> list[int]:
    return both_outcomes([sample.get("status") == "correct" for sample in group["samples"]], most)


def _shorten(group: dict[str, Any], most: int, limit: int) -> dict[str, Any]:
    """The group as the page has it, with few samples (both outcomes kept) and cut texts."""
    samples = group["samples"]
    reference = group.get("reference")
    return {
        "step": group["step"],
        "prompt_id": cut(str(group.get("prompt_id", "")), min(NAME_CHARS, limit)),
        "prompt": cut(str(group.get("prompt", "")), limit),
        "reference": None if reference is None else cut(str(reference), limit),
        "of": len(samples),
        "samples": [
            {**_known(samples[i], limit), "text": cut(str(samples[i].get("text", "")), limit)}
            for i in _places(group, most)
        ],
    }


def _add_details(
    group: dict[str, Any], raw: list[dict[str, Any]], limit: int, room: int, sample: TrajectorySample
) -> int:
    """Adds to the shown samples what was kept of their tokens, as far as there is room; what that takes."""
    added = 0
    for i in in_turn([one["status"] == "correct" for one in group["samples"]]):
        details, whole = page_details(raw[i].get("details"), str(raw[i].get("text", "")), limit)
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


def _known(sample: Mapping[str, Any], limit: int) -> dict[str, Any]:
    """The keys that the page shows, as types that it can rely on."""
    verdicts = sample.get("verdicts")
    rows = {}
    for name, found in islice(verdicts.items(), MOST_VERDICTS) if isinstance(verdicts, Mapping) else ():
        rows[cut(str(name), NAME_CHARS)] = verdict(found if isinstance(found, Mapping) else {}, limit)
    versions = sample.get("versions")
    held = {v for v in versions if type(v) is int} if isinstance(versions, list) else set()
    return {
        "reward": number(sample.get("reward")),
        "status": cut(str(sample.get("status", "")), NAME_CHARS),
        "tokens": number(sample.get("tokens")),
        "truncated": bool(sample.get("truncated", False)),
        "versions": sorted({min(held), max(held)}) if held else [],  # those in between are in the tokens' data
        "logp_mean": number(sample.get("logp_mean")),
        "verdicts": rows,
    }
