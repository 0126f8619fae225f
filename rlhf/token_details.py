"""What is kept of the single tokens of a few groups a step, so that the report can shade a response by them.

Of each of their responses: the text of every token, its log-probability under the engine that sampled it, the version
of the weights that did, and the advantage that it was trained with.
"""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np

from rlhf.shown_samples import both_outcomes
from rlhf.types import Batch, Group, TrainSequence, Trajectory
from verifiers.base import Status

TOKENS_AT_EACH_END = 1_000
"""Of a response longer than two of these, the tokens in the middle are left out; its text is kept whole elsewhere."""
MOST_WAITED_FOR = 8
"""Tokens that one character may be spread over; UTF-8 has at most four bytes."""
BROKEN = "\N{REPLACEMENT CHARACTER}"

Decode = Callable[[Sequence[int]], str]


class TokenTexts:
    """The text that each token adds to a response. Keeps what it has decoded: use one for a whole run."""

    def __init__(self, decode: Decode) -> None:
        self._decode = decode
        self._alone: dict[int, str] = {}

    def of(self, token_ids_R: Sequence[int]) -> list[str]:
        """R texts whose concatenation is the decoded response, as far as a tokenizer lets one say that.

        A token that ends within a character adds nothing; the one that completes the character has all of it. Special
        tokens that `decode` leaves out add nothing either.
        """
        texts: list[str] = []
        waiting: list[int] = []
        before: tuple[int, ...] = ()  # a token after which the next one keeps its leading space
        for token in token_ids_R:
            waiting.append(int(token))
            text = self._after(before, waiting)
            if BROKEN in text[-1:] and len(waiting) < MOST_WAITED_FOR:
                texts.append("")
                continue
            texts.append(text)
            if text.strip() and BROKEN not in text:
                before = (waiting[-1],) if len(waiting) == 1 else before
            waiting = []
        if waiting:
            texts[-1] = self._after(before, waiting)
        return texts

    def _after(self, before: tuple[int, ...], tokens: Sequence[int]) -> str:
        """What the tokens add after `before`. By SentencePiece a text loses its first space, so not at the start."""
        if not before:
            return self._decode(tokens)
        if len(tokens) == 1 and tokens[0] in self._alone:
            return self._alone[tokens[0]]
        start = self._decode(before)
        text = self._decode([*before, *tokens]).removeprefix(start)
        if len(tokens) == 1:
            self._alone[tokens[0]] = text
        return text


@dataclass(frozen=True, slots=True)
class TokenDetails:
    """Of the K tokens that are kept of a response. advantage_K: None where the response was not trained on.

    left_out: tokens between the first TOKENS_AT_EACH_END and the last.
    """

    texts: Sequence[str]
    logp_K: np.ndarray
    version_K: np.ndarray
    advantage_K: np.ndarray | None
    left_out: int

    @classmethod
    def none(cls) -> TokenDetails:
        """Of an empty response, or of one that no page will show."""
        return cls([], np.zeros(0, np.float32), np.zeros(0, np.int64), None, 0)

    def to_json(self) -> dict[str, Any]:
        """Versions as [version, how many tokens] in order; the advantage as one number where all tokens have it."""
        return {
            "texts": list(self.texts),
            "logp": [_rounded(value) for value in self.logp_K.tolist()],
            "versions": [[int(version), len(list(same))] for version, same in groupby(self.version_K.tolist())],
            "advantage": None if self.advantage_K is None else _advantage(self.advantage_K),
            "gap": [TOKENS_AT_EACH_END, self.left_out] if self.left_out else None,
        }


def details_of(trajectory: Trajectory, texts: TokenTexts, advantage_R: np.ndarray | None) -> TokenDetails:
    """advantage_R: of every token of the response, or None. Only what is kept is decoded: a step waits for this."""
    token_ids_R = trajectory.token_ids_R.tolist() if len(trajectory) else []
    if not token_ids_R:
        return TokenDetails.none()
    left_out = max(0, len(token_ids_R) - 2 * TOKENS_AT_EACH_END)
    kept = np.ones(len(token_ids_R), bool)
    kept[TOKENS_AT_EACH_END : TOKENS_AT_EACH_END + left_out] = False
    return TokenDetails(
        _ends(token_ids_R, texts) if left_out else texts.of(token_ids_R),
        trajectory.logp_R[kept],
        trajectory.version_R[kept],
        None if advantage_R is None else advantage_R[kept],
        left_out,
    )


def _ends(token_ids_R: Sequence[int], texts: TokenTexts) -> list[str]:
    """Texts of the first TOKENS_AT_EACH_END tokens and of the last.

    A few more are decoded after the first ones, so that a character that lies across the cut is not taken for a broken
    one, and before the last ones, where a character may have begun.
    """
    last = len(token_ids_R) - TOKENS_AT_EACH_END
    first = texts.of(token_ids_R[: TOKENS_AT_EACH_END + MOST_WAITED_FOR])[:TOKENS_AT_EACH_END]
    lead = min(MOST_WAITED_FOR, last)
    return first + texts.of(token_ids_R[last - lead :])[lead:]


def details_of_step(
    groups: Sequence[Group], batch: Batch | None, texts: TokenTexts, count: int, step: int
) -> Mapping[int, Sequence[TokenDetails]]:
    """Details of the samples of at most `count` groups, by the group's index. batch: what was learned from them.

    Of a group that is larger than a page shows, only the samples that it shows have any; the others' are empty.
    """
    chosen = choose(groups, count, step)
    advantages = {} if batch is None else advantages_of(groups, batch)
    found = {}
    for index in chosen:
        samples = groups[index].samples
        shown = set(both_outcomes([sample.status == Status.CORRECT for sample in samples]))
        found[index] = [
            details_of(sample.trajectory, texts, advantages.get((index, place)))
            if place in shown
            else TokenDetails.none()
            for place, sample in enumerate(samples)
        ]
    return found


def choose(groups: Sequence[Group], count: int, step: int) -> list[int]:
    """Indices of `count` groups, drawn by the step's number; groups whose samples differ in reward come first.

    Not the first ones: groups come in the order of finishing, short responses before long.
    """
    draw = random.Random(step)
    order = sorted(range(len(groups)), key=lambda index: (not _teaches(groups[index]), draw.random()))
    return sorted(order[:count])


def advantages_of(groups: Sequence[Group], batch: Batch) -> dict[tuple[int, int], np.ndarray]:
    """Advantages [R] by (group's index, sample's index), of the samples that were learned from.

    The batch holds, of each group that it holds, every sample that is usable and not empty, in their order
    (`rlhf.algorithms.batch.rows_of`). Raises ValueError for a batch that was made of other groups.
    """
    sequences: dict[int, list[TrainSequence]] = defaultdict(list)
    for sequence in batch.sequences:
        sequences[sequence.group].append(sequence)
    found = {}
    for index, held in sequences.items():
        places = list(_learned_from(groups[index])) if index < len(groups) else []
        lengths = [len(groups[index].samples[place].trajectory) for place in places]
        if lengths != [len(sequence.response_ids_R) for sequence in held]:
            raise ValueError(f"group {index} of the batch is not the group {index} that was given")
        for place, sequence in zip(places, held, strict=True):
            found[index, place] = sequence.advantage_R
    return found


def _learned_from(group: Group) -> Iterator[int]:
    for place, sample in enumerate(group.samples):
        if sample.reward is not None and len(sample.trajectory) > 0:
            yield place


def _teaches(group: Group) -> bool:
    return len({sample.reward for sample in group.usable}) > 1


def _advantage(advantage_K: np.ndarray) -> float | list[float | None] | None:
    values = [_rounded(value) for value in advantage_K.tolist()]
    return values[0] if values and len(set(values)) == 1 else values


def _rounded(value: float) -> float | None:
    """Three decimals; None for what JSON has no number for."""
    return round(value, 3) + 0.0 if math.isfinite(value) else None
