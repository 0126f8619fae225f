"""One answer: sampled, with a budget for its thinking part where one is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rlhf.protocols import Engines
from rlhf.recipe.evaluation_schema import EvaluationConfig
from rlhf.rollout.sampling import RETRIED, RawSample, Sampling

ATTEMPTS = 5
Decode = Callable[[Sequence[int]], str]
Encode = Callable[[str], Sequence[int]]


@dataclass(frozen=True, slots=True)
class Answer:
    """tokens: of the whole response. forced: the thinking part was ended by its budget."""

    text: str
    tokens: int
    truncated: bool
    forced: bool


@dataclass(frozen=True, slots=True)
class Answering:
    """Asks engines for answers. decode leaves special tokens out; decode_all keeps them."""

    engines: Engines
    decode: Decode
    decode_all: Decode
    encode: Encode
    config: EvaluationConfig

    async def answer(self, prompt_ids: Sequence[int], temperature: float) -> Answer:
        """Raises RuntimeError where the engines are lost again and again."""
        budget, after = self.config.thinking_tokens, self.config.max_response_tokens
        if budget is None:
            sample = await self._sample(prompt_ids, temperature, after)
            text = sample.text if sample.text is not None else self.decode(_ids(sample))
            return Answer(text, len(_ids(sample)), sample.finish_reason == "length", forced=False)
        return await self._think_first(prompt_ids, temperature, budget, after)

    async def _think_first(self, prompt_ids: Sequence[int], temperature: float, budget: int, after: int) -> Answer:
        """The thinking part in its budget, ended by force where that is spent; then the answer, in its own.

        (Budget forcing: Muennighoff et al., s1, arXiv 2501.19393, section 3.1.)
        """
        end = self.config.thinking_end
        first = await self._sample(prompt_ids, temperature, budget)
        ids = _ids(first)
        if first.finish_reason != "length":
            return Answer(self._text(ids), len(ids), truncated=False, forced=False)
        forced = end not in self.decode_all(ids)
        if forced:
            ids += list(self.encode(f"\n{end}\n\n"))
        second = await self._sample([*prompt_ids, *ids], temperature, after)
        ids += _ids(second)
        return Answer(self._text(ids), len(ids), second.finish_reason == "length", forced)

    def _text(self, ids: list[int]) -> str:
        """Without special tokens, but for the one that ends the thinking part where that is one: verifiers go by it."""
        end = list(self.encode(self.config.thinking_end))
        text = self.decode(ids)
        if len(end) == 1 and end[0] in ids and self.config.thinking_end not in text:
            at = ids.index(end[0])
            return self.decode(ids[:at]) + self.config.thinking_end + self.decode(ids[at + 1 :])
        return text

    async def _sample(self, prompt_ids: Sequence[int], temperature: float, max_tokens: int) -> RawSample:
        config = self.config
        sampling = Sampling(1, temperature, max_tokens, config.top_p, config.top_k, config.min_p)
        for _ in range(ATTEMPTS):
            try:
                (sample,) = await self.engines.generate(tuple(prompt_ids), sampling)
            except RETRIED as error:
                last: Exception = error
            else:
                return sample
        raise RuntimeError(f"an answer could not be had in {ATTEMPTS} attempts") from last


def answering_with(engines: Engines, tokenizer: Any, config: EvaluationConfig) -> Answering:
    """tokenizer: a Hugging Face one."""
    return Answering(
        engines,
        decode=lambda ids: tokenizer.decode(ids, skip_special_tokens=True),
        decode_all=lambda ids: tokenizer.decode(ids, skip_special_tokens=False),
        encode=lambda text: tokenizer.encode(text, add_special_tokens=False),
        config=config,
    )


def _ids(sample: RawSample) -> list[int]:
    return [int(token) for segment in sample.segments for token in segment.token_ids_R]
