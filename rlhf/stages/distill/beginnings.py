"""What the teacher is asked to go on from: a token that a text may begin with, or a prompt to answer."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from rlhf.data.load import load_prompts
from rlhf.recipe.distill_schema import DistillTextConfig
from rlhf.stages.distill.samples import TextError


@dataclass(frozen=True, slots=True)
class Beginnings:
    """tokens: each alone. prompted: share of the requests that are prompts, spread evenly over them."""

    tokens: tuple[int, ...]
    prompts: tuple[tuple[int, ...], ...] = ()
    prompted: float = 0.0

    def of(self, number: int) -> tuple[int, ...]:
        """What request `number` begins with: the same whenever it is asked for."""
        before = int(number * self.prompted)
        if int((number + 1) * self.prompted) > before:
            return self.prompts[before % len(self.prompts)]
        return (self.tokens[(number - before) % len(self.tokens)],)

    @property
    def longest(self) -> int:
        return max((len(prompt) for prompt in self.prompts), default=1)


def beginnings(text: DistillTextConfig, tokenizer: Any, seed: int) -> tuple[Beginnings, str]:
    """And what came of the prompts, or nothing. Raises TextError for a token that there is not; DataError."""
    tokens = begin_tokens(text, tokenizer)
    if text.prompts is None:
        return Beginnings(tokens), ""
    found = load_prompts(text.prompts, tokenizer)
    prompts = [prompt.token_ids for prompt in found.train]
    if text.prompts.shuffle:
        random.Random(f"{seed}/prompts").shuffle(prompts)
    return Beginnings(tokens, tuple(prompts), text.prompted), str(found.report)


def begin_tokens(text: DistillTextConfig, tokenizer: Any) -> tuple[int, ...]:
    """Ids of text.begin; by default of the begin token, else of the end token."""
    if not text.begin:
        ids = [i for i in (tokenizer.bos_token_id, tokenizer.eos_token_id) if i is not None]
        if not ids:
            raise TextError("text.begin: the tokenizer has neither a begin nor an end token; name a token of it")
        return (int(ids[0]),)
    vocabulary = tokenizer.get_vocab()
    if missing := [token for token in text.begin if token not in vocabulary]:
        special = ", ".join(sorted(tokenizer.all_special_tokens)) or "none"
        raise TextError(f"text.begin: {', '.join(missing)} is no token of the model; its special ones: {special}")
    return tuple(int(vocabulary[token]) for token in text.begin)
