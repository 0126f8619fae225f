"""One answer: greedy or sampled as asked, its thinking part within its budget, engines that are lost asked again."""

import dataclasses

import numpy as np
import pytest

from rlhf.evaluation.run.answer import ATTEMPTS, Answering
from rlhf.recipe.evaluation_schema import EvaluationConfig
from rlhf.rollout.sampling import EngineLostError, RawSample, Sampling
from rlhf.types import Segment


class Letters:
    """A token is a letter; `<` … `>` is one special token, 1000."""

    SPECIAL, END = "</think>", 1000

    def encode(self, text):
        return [self.END if c == "\0" else ord(c) for c in text.replace(self.SPECIAL, "\0")]

    def decode(self, ids):
        return "".join(chr(i) for i in ids if i != self.END)

    def decode_all(self, ids):
        return "".join(self.SPECIAL if i == self.END else chr(i) for i in ids)


class PlainLetters(Letters):
    """The same, where the text that ends the thinking is no token of its own."""

    def encode(self, text):
        return [ord(c) for c in text]


class Engines:
    """Says each script in turn, cut at the limit of tokens."""

    def __init__(self, letters, *scripts):
        self.letters, self.scripts, self.asked = letters, list(scripts), []

    async def generate(self, prompt_ids, sampling):
        self.asked.append((list(prompt_ids), sampling))
        script = self.scripts.pop(0)
        if isinstance(script, Exception):
            raise script
        ids = self.letters.encode(script)
        kept = np.asarray(ids[: sampling.max_tokens], np.int32)
        reason = "length" if len(ids) > sampling.max_tokens else "stop"
        return [RawSample((Segment(0, kept, np.zeros(len(kept), np.float32)),), reason, None)]


def answering(engines, **config):
    letters = engines.letters
    settings = EvaluationConfig(benchmarks=["gsm8k"], **config)
    return Answering(engines, letters.decode, letters.decode_all, letters.encode, settings)


async def test_a_plain_answer_is_asked_for_as_the_settings_say():
    engines = Engines(Letters(), "abc")
    answer = await answering(engines, max_response_tokens=5, top_p=0.9, top_k=3, min_p=0.1).answer([7], 0.6)
    assert engines.asked == [([7], Sampling(1, 0.6, 5, 0.9, 3, 0.1, plain=True))]
    assert (answer.text, answer.tokens, answer.truncated, answer.forced) == ("abc", 3, False, False)


async def test_an_answer_that_is_cut_off_says_so():
    answer = await answering(Engines(Letters(), "abcdef"), max_response_tokens=4).answer([7], 0.0)
    assert (answer.text, answer.tokens, answer.truncated) == ("abcd", 4, True)


@pytest.mark.parametrize("letters", [Letters(), PlainLetters()])
async def test_thinking_within_its_budget_is_left_alone(letters):
    engines = Engines(letters, "hm</think>ok")
    answer = await answering(engines, thinking_tokens=20, max_response_tokens=3).answer([7], 0.6)
    assert (answer.text, answer.truncated, answer.forced) == ("hm</think>ok", False, False)
    assert len(engines.asked) == 1


@pytest.mark.parametrize("letters", [Letters(), PlainLetters()])
async def test_thinking_beyond_its_budget_is_ended_and_the_answer_asked_for(letters):
    engines = Engines(letters, "hmmmmmmm", "ok")
    answer = await answering(engines, thinking_tokens=4, max_response_tokens=3).answer([7], 0.6)
    assert (answer.text, answer.truncated, answer.forced) == ("hmmm\n</think>\n\nok", False, True)
    (first, asked), (second, then) = engines.asked
    assert (first, asked.max_tokens, then.max_tokens) == ([7], 4, 3)
    assert second == [7, *letters.encode("hmmm\n</think>\n\n")]
    assert answer.tokens == len(letters.encode("hmmm\n</think>\n\nok"))


@pytest.mark.parametrize(
    ("first", "second", "asked", "text", "truncated"),
    [
        ("h</think>ab", None, [12], "h</think>ab", False),
        ("h</think>abc...", "def", [12, 1], "h</think>abcd", True),
        ("h</think>abc...", "d", [12, 1], "h</think>abcd", False),
        ("</think>abcdefgh", None, [12], "</think>abcd", True),
        ("</think>abcde", None, [13], "</think>abcd", True),
    ],
)
async def test_an_answer_begun_within_the_thinking_budget_is_held_to_its_own(first, second, asked, text, truncated):
    engines = Engines(PlainLetters(), first, *([second] if second else []))
    answer = await answering(engines, thinking_tokens=asked[0], max_response_tokens=4).answer([7], 0.6)
    assert (answer.text, answer.truncated, answer.forced) == (text, truncated, False)
    assert [sampling.max_tokens for _, sampling in engines.asked] == asked
    assert answer.tokens == len(text)


@pytest.mark.parametrize("config", [{}, {"thinking_tokens": 20}])
async def test_the_end_of_the_thinking_is_in_the_text_with_a_budget_and_without(config):
    engines = Engines(Letters(), "h</think>ok")
    assert (await answering(engines, **config).answer([7], 0.6)).text == "h</think>ok"


async def test_what_ends_in_a_loop_is_cut_off():
    class Looping(Engines):
        async def generate(self, prompt_ids, sampling):
            (sample,) = await super().generate(prompt_ids, sampling)
            return [dataclasses.replace(sample, finish_reason="repetition")]

    answer = await answering(Looping(Letters(), "aaa")).answer([7], 0.6)
    assert (answer.text, answer.truncated) == ("aaa", True)


async def test_a_lost_engine_is_asked_again_and_not_for_ever():
    engines = Engines(Letters(), EngineLostError("gone"), TimeoutError(), "abc")
    assert (await answering(engines).answer([7], 0.6)).text == "abc"
    with pytest.raises(RuntimeError, match=f"{ATTEMPTS} attempts") as failed:
        await answering(Engines(Letters(), *[EngineLostError("gone")] * ATTEMPTS)).answer([7], 0.6)
    assert isinstance(failed.value.__cause__, EngineLostError)


async def test_what_another_attempt_cannot_mend_is_raised():
    with pytest.raises(ValueError, match="odd"):
        await answering(Engines(Letters(), ValueError("odd"))).answer([7], 0.6)
