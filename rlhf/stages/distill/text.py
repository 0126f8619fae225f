"""The text that both stages learn from and are measured on, once the teacher has sampled it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from rlhf.evaluation.model import fingerprint
from rlhf.recipe.distill_schema import DistillRecipe
from rlhf.stages.distill.beginnings import Beginnings, begin_tokens, beginnings
from rlhf.stages.distill.folder import find_text
from rlhf.stages.distill.run import DistillText
from rlhf.stages.distill.samples import AboutText, Sample, TextError, TextFile
from rlhf.stages.distill.sequences import real_text, split

Note = Callable[[str], None]
SampleMore = Callable[[TextFile, Beginnings], Awaitable[list[Sample]]]
"""Samples what the file lacks and answers all that it then holds."""


async def text_of(
    recipe: DistillRecipe, folder: Path, teacher: Path, tokenizer: Any, sample_more: SampleMore, note: Note
) -> DistillText:
    """folder: of the run's own text. teacher: the model's folder. Raises TextError, DataError."""
    text = recipe.text
    heldout = {}
    if text.heldout_file is not None:  # before anything is sampled: it may not be what it should
        path, begin = Path(text.heldout_file).expanduser(), begin_tokens(text, tokenizer)[0]
        heldout["file"] = real_text(path, tokenizer, begin, text.length, text.heldout_file_tokens)
    model = fingerprint(teacher)
    if text.sampled is not None:
        samples = _of_another_run(find_text(recipe), model)
    else:
        samples = await _own(recipe, TextFile(folder), model, tokenizer, sample_more, note)
    train, held = split(samples, text.heldout, recipe.run.seed)
    tokens = sum(len(s.response_ids_R) for s in train), sum(len(s.response_ids_R) for s in held)
    note(f"text: {len(train):,} samples of {tokens[0]:,} tokens; held out {len(held):,} of {tokens[1]:,}")
    return DistillText(train, {"sampled": held, **heldout})


def _of_another_run(folder: Path, model: str) -> list[Sample]:
    file = TextFile(folder)
    about = file.about()
    if about is None:
        raise TextError(f"text.sampled: {file.folder} holds no text that was sampled to its end; name another run")
    if about.model != model:
        raise TextError(f"text.sampled: {file.folder} was sampled by another model than policy.model; name another run")
    return file.read()


async def _own(
    recipe: DistillRecipe, file: TextFile, model: str, tokenizer: Any, sample_more: SampleMore, note: Note
) -> list[Sample]:
    file.begin(model)
    if file.about() is not None:
        return file.read()
    starts, report = beginnings(recipe.text, tokenizer, recipe.run.seed)
    for line in report.splitlines():
        note(line)
    samples = await sample_more(file, starts)
    file.complete(AboutText(model, len(samples), sum(len(s.tokens) for s in samples)))
    return samples
