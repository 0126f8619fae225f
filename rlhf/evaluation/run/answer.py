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


class AnswerLostError(RuntimeError):
    """The engines were lost under the same question again and again."""


@dataclass(frozen=True, slots=True)
class Answer:
    """tokens: of the whole response. truncated: ended by a limit. forced: the thinking part was, by its budget."""

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
        """Raises AnswerLostError where the engines are lost again and again."""
        budget, after = self.config.thinking_tokens, self.config.max_response_tokens
        if budget is not None:
            return await self._think_first(prompt_ids, temperature, budget, after)
        sample = await self._sample(prompt_ids, temperature, after)
        text = sample.text if sample.text is not None else self._text(_ids(sample))
        return Answer(text, len(_ids(sample)), _cut(sample), forced=False)

    async def _think_first(self, prompt_ids: Sequence[int], temperature: float, budget: int, after: int) -> Answer:
        """The thinking part in its budget, ended by force where that is spent; then the answer, in its own.

        (Budget forcing: Muennighoff et al., s1, arXiv 2501.19393, section 3.1.)
        """
        first = await self._sample(prompt_ids, temperature, budget)
        ids = _ids(first)
        thought = self._thought(ids)
        if thought is None and not _cut(first):  # it ended without a word after its thoughts, or never thought
            return Answer(self._text(ids), len(ids), truncated=False, forced=False)
        forced = thought is None
        if thought is None:
            ids += list(self.encode(f"\n{self.config.thinking_end}\n\n"))
            thought = len(ids)
        left, cut = after - (len(ids) - thought), _cut(first)
        if cut and left > 0:
            second = await self._sample([*prompt_ids, *ids], temperature, left)
            ids, cut = ids + _ids(second), _cut(second)
        elif left < 0:  # the answer's own budget was spent within the thinking's
            ids, cut = ids[: thought + after], True
        return Answer(self._text(ids), len(ids), cut, forced)

    def _thought(self, ids: list[int]) -> int | None:
        """Tokens up to the end of the thinking part, that included; None where it has not ended."""
        end = self.config.thinking_end
        if end not in self.decode_all(ids):
            return None
        low, high = 1, len(ids)
        while low < high:  # the shortest beginning that holds it
            middle = (low + high) // 2
            low, high = (low, middle) if end in self.decode_all(ids[:middle]) else (middle + 1, high)
        return low

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
        sampling = Sampling(1, temperature, max_tokens, config.top_p, config.top_k, config.min_p, plain=True)
        for _ in range(ATTEMPTS):
            try:
                (sample,) = await self.engines.generate(tuple(prompt_ids), sampling)
            except RETRIED as error:
                last: Exception = error
            else:
                return sample
        raise AnswerLostError(f"an answer could not be had in {ATTEMPTS} attempts: {last}") from last


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


def _cut(sample: RawSample) -> bool:
    return sample.finish_reason != "stop"
