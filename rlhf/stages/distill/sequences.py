"""Sampled and real text as the learner takes it, what is held out of it, and the batches of a stage."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rlhf.stages.distill.samples import Sample, TextError
from rlhf.types import TrainSequence


def sequence_of(number: int, prompt: Sequence[int], tokens: Sequence[int]) -> TrainSequence:
    """Every token after the prompt is learned. number: sequences of the same one must have the same prompt."""
    zeros = np.zeros(len(tokens), np.float32)
    return TrainSequence(
        number, np.asarray(prompt, np.int64), np.asarray(tokens, np.int64), zeros, zeros, np.ones_like(zeros)
    )


def split(samples: Sequence[Sample], heldout: float, seed: int) -> tuple[list[TrainSequence], list[TrainSequence]]:
    """(learned from, held out): whole samples at random, until a share of the tokens is held out; one at least of
    each. Raises TextError where there are not two."""
    if len(samples) < 2:
        raise TextError(f"{len(samples)} samples are too few to hold one out; write more text.tokens")
    order = list(samples)
    random.Random(f"{seed}/heldout").shuffle(order)
    wanted, count, held = heldout * sum(len(s.tokens) for s in samples), 0, 0
    while count < len(order) - 1 and (held < wanted or count == 0):
        held += len(order[count].tokens)
        count += 1
    apart = {sample.number for sample in order[:count]}
    made = {s.number: sequence_of(s.number, s.prompt, s.tokens) for s in samples}
    return [q for n, q in made.items() if n not in apart], [q for n, q in made.items() if n in apart]


def real_text(path: Path, tokenizer: Any, begin: int, length: int, tokens: int) -> list[TrainSequence]:
    """The first `length` tokens of each text of a jsonl file, after a begin token, until there are enough. Raises
    TextError naming file and line."""
    found: list[TrainSequence] = []
    total = 0
    with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            ids = tokenizer(_text(line, f"{path}:{number}"), add_special_tokens=False)["input_ids"]
            if kept := ids[: min(length, tokens - total)]:
                found.append(sequence_of(len(found), [begin], kept))
                total += len(kept)
            if total >= tokens:
                break
    if not found:
        raise TextError(f"{path} holds no text; write one JSON object with `text` a line")
    return found


def _text(line: bytes, where: str) -> str:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise TextError(f"{where}: not a JSON object in UTF-8: {error}") from error
    if not isinstance(row, dict) or not isinstance(row.get("text"), str):
        raise TextError(f'{where}: found no `text`; write {{"text": "…"}}')
    return row["text"]


def batches(sequences: Sequence[TrainSequence], tokens: int, seed: str) -> Iterator[list[TrainSequence]]:
    """Without end, each of at least so many tokens; every sequence once an epoch, every epoch in another order."""
    batch: list[TrainSequence] = []
    held, epoch = 0, 0
    while True:
        order = list(sequences)
        random.Random(f"{seed}/{epoch}").shuffle(order)
        for sequence in order:
            batch.append(sequence)
            held += sequence.total_tokens
            if held >= tokens:
                yield batch
                batch, held = [], 0
        epoch += 1
