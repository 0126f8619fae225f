"""Prompts of a recipe: read, checked, tokenised, and the training ones kept apart from the held-out ones."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from rlhf.data.errors import BadRowError, DataError, LoadReport, SetReport
from rlhf.data.overlap import count_duplicates, fingerprint
from rlhf.data.prompts import Tokenizer, check_length, make_prompt
from rlhf.data.rows import Row
from rlhf.data.sources import read_rows
from rlhf.recipe.data_schema import DataConfig, SourceConfig
from rlhf.types import Prompt

SHOWN_OVERLAPS = 3


@dataclass(frozen=True, slots=True)
class PromptSets:
    """train and heldout in the order of their sources; no normalised text is in both."""

    train: tuple[Prompt, ...]
    heldout: tuple[Prompt, ...]
    report: LoadReport

    @property
    def fingerprint(self) -> str:
        """Changes with any training prompt or their order: a resumed sampler must find the same ones."""
        digest = hashlib.sha256()
        for prompt in self.train:
            digest.update(f"{prompt.id}:{','.join(map(str, prompt.token_ids))};".encode())
        return digest.hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class _Kept:
    prompt: Prompt
    row: Row
    mark: bytes


def load_prompts(data: DataConfig, tokenizer: Tokenizer) -> PromptSets:
    """Raises DataError for a source that cannot be read, a bad row or a long prompt (unless skipped), training
    prompts that are held out too (unless dropped), and a set with nothing left."""
    train, train_report = _load_train(data, tokenizer)
    heldout: list[_Kept] = []
    heldout_report = None
    if data.heldout is not None:
        heldout, heldout_report = _load_set("heldout", data.heldout, data, tokenizer)
        train = _keep_apart(train, heldout, data, train_report)
        _finish(heldout, heldout_report)
    _finish(train, train_report)
    report = LoadReport(train_report, heldout_report)
    return PromptSets(tuple(k.prompt for k in train), tuple(k.prompt for k in heldout), report)


def _load_train(data: DataConfig, tokenizer: Tokenizer) -> tuple[list[_Kept], SetReport]:
    """All sources of training prompts as one set; what came of them is counted together."""
    kept, report = _load_set("train", data.train, data, tokenizer)
    for number, source in enumerate(data.train_also):
        more, of_it = _load_set(f"train-{number + 2}", source, data, tokenizer, key=f"data.train_also.{number}")
        kept += more
        report.add(of_it)
    return kept, report


def _load_set(
    name: str, source: SourceConfig, data: DataConfig, tokenizer: Tokenizer, key: str = ""
) -> tuple[list[_Kept], SetReport]:
    """key: its place in the recipe; default data.<name>."""
    report = SetReport(name, wanted=source.size)
    kept: list[_Kept] = []
    for item in read_rows(source, key or f"data.{name}"):
        report.read += 1
        made = item if isinstance(item, BadRowError) else _make(item, name, data, tokenizer)
        if isinstance(made, BadRowError):
            _note_bad(made, data, report)
            continue
        assert isinstance(item, Row)
        if too_long := check_length(made, item, data.max_prompt_tokens):
            if data.on_long_prompt == "stop":
                raise too_long
            report.long.append(too_long)
            continue
        kept.append(_Kept(made, item, fingerprint(item.whole_text)))
        if len(kept) == source.size:
            break
    return kept, report


def _make(row: Row, name: str, data: DataConfig, tokenizer: Tokenizer) -> Prompt | BadRowError:
    try:
        return make_prompt(row, name, data, tokenizer)
    except BadRowError as fault:
        return fault


def _note_bad(fault: BadRowError, data: DataConfig, report: SetReport) -> None:
    if data.on_bad_row == "stop":
        raise BadRowError(
            fault.origin, f"{fault.message} (data.on_bad_row: skip would count and list it instead)"
        ) from fault
    report.bad.append(fault)


def _keep_apart(train: list[_Kept], heldout: list[_Kept], data: DataConfig, report: SetReport) -> list[_Kept]:
    held = {kept.mark: kept.row.origin for kept in reversed(heldout)}
    shared = [kept for kept in train if kept.mark in held]
    if not shared:
        return train
    if data.on_overlap == "stop":
        examples = "; ".join(
            f"{kept.row.origin} = {held[kept.mark]}: {_short(kept.row.text)}" for kept in shared[:SHOWN_OVERLAPS]
        )
        raise DataError(
            "data.heldout",
            f"{len(shared)} of {len(train)} training prompts are held out too ({examples}); write data.on_overlap: "
            "drop to leave them out of training, or use other sources",
        )
    report.overlapping = [kept.row.origin for kept in shared]
    return [kept for kept in train if kept.mark not in held]


def _finish(kept: list[_Kept], report: SetReport) -> None:
    if not kept:
        lost = f"{len(report.bad)} bad, {len(report.long)} too long, {len(report.overlapping)} held out"
        raise DataError(f"data.{report.name}", f"no prompt is left of {report.read} rows ({lost}); use another source")
    report.kept = len(kept)
    report.duplicates = count_duplicates(k.mark for k in kept)
    report.longest_prompt = max(len(k.prompt.token_ids) for k in kept)


def _short(text: str, limit: int = 50) -> str:
    line = " ".join(text.split())
    return repr(line if len(line) <= limit else line[: limit - 1] + "…")
