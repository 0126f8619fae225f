"""Probing before training: success rates and guesses, with a scripted engine."""

import math

import numpy as np

from rlhf.data.sampling.protocol import Probed
from rlhf.recipe.schema import TrainRecipe
from rlhf.rollout.rollouter import Rollouter
from rlhf.rollout.sampling import RawSample
from rlhf.stages.probe import probe
from rlhf.types import Prompt, Segment
from verifiers.base import Verdict

PROMPTS = [Prompt(f"train/{i}", f"q{i}", (3, i), str(i)) for i in range(4)]
PREFIX = "\\boxed{"


class Engines:
    """Answers prompt i with as many right tokens among its samples; a guess, whose prompt ends with 99, at odd i."""

    def __init__(self):
        self.asked = []

    async def generate(self, prompt_ids, sampling):
        self.asked.append((tuple(prompt_ids), sampling))
        right = (sampling.n if prompt_ids[1] % 2 else 0) if prompt_ids[-1] == 99 else prompt_ids[1]
        return [
            RawSample((Segment(0, np.array([int(k < right)], np.int32), np.zeros(1, np.float32)),), "stop", None)
            for k in range(sampling.n)
        ]


class Verifying:
    def __init__(self):
        self.texts = []

    async def verify(self, prompt, texts):
        self.texts += texts
        return [{"math": Verdict.correct() if text.endswith("1") else Verdict.wrong()} for text in texts]


class View:
    def __init__(self):
        self.said = []

    def stage(self, name, detail=""):
        self.said.append(name)

    def note(self, text):
        self.said.append(text)


def recipe(**sampling) -> TrainRecipe:
    return TrainRecipe.model_validate(
        {
            "policy": {"model": "tiny-moe"},
            "data": {
                "train": {"source": "reasoning_gym", "task": "chain_sum", "size": 8},
                "sampling": sampling,
            },
            "reward": [{"verifier": "math"}],
        }
    )


async def probed(verifying=None, **sampling):
    made, engines, verifying, view = recipe(**sampling), Engines(), verifying or Verifying(), View()
    rollouter = Rollouter(engines, verifying, lambda ids: "".join(map(str, ids)), made.reward, made.rollout, 8)
    found = await probe(made, rollouter, PROMPTS, lambda text: [99] if text == PREFIX else [], view)
    return found, engines, verifying, view


async def test_success_rates_are_shares_of_right_answers():
    found, engines, _, view = await probed(probe_samples=4)
    assert found == Probed((0.0, 0.25, 0.5, 0.75), None)
    assert {s.n for _, s in engines.asked} == {4}
    assert "success rates: 4 of 4 prompts, 0.375 solved" in view.said


async def test_a_guess_is_an_answer_that_begins_with_the_prefix():
    found, engines, verifying, _ = await probed(guesses=3, guess_tokens=5)
    assert found == Probed(None, (False, True, False, True))
    assert all(ids[-1] == 99 and s.max_tokens == 5 for ids, s in engines.asked)
    assert all(text.startswith(PREFIX) for text in verifying.texts), "the verifier sees the whole answer"


class Undecided(Verifying):
    """Fails on the first prompt."""

    async def verify(self, prompt, texts):
        if prompt.id == "train/0":
            return [{"math": Verdict.error("broke")} for _ in texts]
        return await super().verify(prompt, texts)


async def test_a_prompt_that_no_verifier_could_judge_has_no_rate_and_was_not_guessed():
    found, _, _, view = await probed(Undecided(), probe_samples=4, guesses=2)
    assert found.pass_rate_N is not None
    assert math.isnan(found.pass_rate_N[0])
    assert found.pass_rate_N[1:] == (0.25, 0.5, 0.75)
    assert found.guessed_N == (False, True, False, True)
    assert "success rates: 4 of 4 prompts, 0.500 solved" in view.said


async def test_both_are_asked_for_one_after_the_other():
    found, _, _, view = await probed(probe_samples=2, guesses=2)
    assert found.pass_rate_N is not None
    assert found.guessed_N is not None
    assert [s for s in view.said if s.startswith("probing")] == ["probing success rates", "probing guesses"]
