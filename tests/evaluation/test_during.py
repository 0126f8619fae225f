"""Benchmarks of a training run: each evaluation a results file of its weights, none of weights that are gone."""

import json

import pytest

from rlhf.evaluation.during import Benchmarks, forget_after
from rlhf.evaluation.results import read_results, samples_path
from rlhf.evaluation.run.answer import Answer
from rlhf.evaluation.run.journal import read_samples
from rlhf.evaluation.run.prepare import Asked
from rlhf.recipe.evaluation_schema import TrainEvaluationConfig
from rlhf.recipe.schema import PolicyConfig, RolloutConfig
from tests.evaluation.run.factories import prepared, settings
from verifiers.base import Verdict


class Answers:
    """Every answer says which weights gave it."""

    def __init__(self):
        self.weights, self.asked = 0, 0

    async def answer(self, prompt_ids, temperature):
        self.asked += 1
        return Answer(f"\\boxed{{{self.weights}}}", len(prompt_ids), truncated=False, forced=False)


class Judge:
    async def verify(self, prompt, texts):
        right = prompt.reference
        found = [text.removeprefix("\\boxed{").removesuffix("}") for text in texts]
        return [{prompt.domain: Verdict.correct(x) if x == right else Verdict.wrong(x)} for x in found]


@pytest.fixture
def benchmarks(tmp_path):
    config = TrainEvaluationConfig(benchmarks=["gsm8k"], every=2)
    asked = Asked(config, (prepared(),), settings(), tokens=64)
    answers = Answers()
    policy = PolicyConfig(model="tiny-moe", dtype="float32")
    made = Benchmarks(asked, config.every, policy, RolloutConfig(), tmp_path / "run" / "evaluations", answers, Judge())
    return made, answers


async def test_an_evaluation_is_a_results_file_of_its_step(benchmarks):
    made, answers = benchmarks
    answers.weights, notes = 1, []
    metrics = await made.run(40, notes.append)
    assert metrics == {
        "eval/sums/avg": pytest.approx(1 / 3),
        "eval/sums/pass_at_2": pytest.approx(1 / 3),
        "eval/sums/maj": pytest.approx(1 / 3),
        "eval/sums/length_mean": 3.0,
        "eval/sums/truncated": 0.0,
        "eval/sums/forced": 0.0,
        "eval/sums/errors": 0.0,
    }
    results = read_results(made.folder / "step_000040.json")
    assert (results.step, results.model.asked, results.model.dtype) == (40, "tiny-moe", "float32")
    assert [note[:22] for note in notes] == ["sums avg@2 0.333 [0.00"]
    assert made.every == 2


async def test_what_was_measured_is_read_and_not_asked_for_again(benchmarks):
    made, answers = benchmarks
    first = await made.run(2, lambda _: None)
    answers.weights = 2
    assert await made.run(2, lambda _: None) == first
    assert answers.asked == 6


async def test_what_a_kill_left_half_done_was_of_other_weights(benchmarks):
    made, answers = benchmarks
    await made.run(2, lambda _: None)
    out = made.folder / "step_000002.json"
    out.unlink()
    answers.weights = 2
    metrics = await made.run(2, lambda _: None)
    assert metrics["eval/sums/avg"] == pytest.approx(1 / 3)
    assert {row.response for row in read_samples(samples_path(out))} == {"\\boxed{2}"}


async def test_a_resumed_run_forgets_evaluations_of_steps_that_are_gone(benchmarks):
    made, _ = benchmarks
    for step in (0, 2, 10):
        await made.run(step, lambda _: None)
    (made.folder / "step_notes.json").write_text(json.dumps("mine"))
    forget_after(made.folder, 2)
    assert sorted(path.name for path in made.folder.iterdir()) == [
        "step_000000.json",
        "step_000000.samples.jsonl",
        "step_000002.json",
        "step_000002.samples.jsonl",
        "step_notes.json",
    ]
    forget_after(made.folder / "nowhere", 2)
