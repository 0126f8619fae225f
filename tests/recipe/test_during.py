"""Benchmarks of a training run: its section, the metric that names the best weights, and who judges what."""

from __future__ import annotations

import pytest

from rlhf.recipe.asked import metric_names, pass_at_of
from rlhf.recipe.problems import RecipeError
from rlhf.recipe.schema import BENCHMARK_DOMAIN, RewardComponent
from tests.recipe.helpers import GOOD, load, small_model

SECTION = "evaluation={benchmarks: [gsm8k, {name: 'reasoning_gym:chain_sum', samples: 6}], max_response_tokens: 64, every: 10}"

BAD = [
    ([SECTION, "evaluation.benchmarks.0=gsm9k"], "evaluation.benchmarks.0.name: no benchmark is named 'gsm9k'"),
    ([SECTION, "evaluation.benchmarks.1.seed=900"], "evaluation.benchmarks.1.seed: found 900: item i is made from seed + i, so these 100 prompts and the 1000 of data.train (seed 0) are partly the same; write 1000 or more"),
    ([SECTION, "evaluation.benchmarks.0=humaneval", "verify.timeout_s=5"], "verify.timeout_s: found 5, and evaluation.benchmarks.0 may run tests for 9 s"),
    ([SECTION, "evaluation.seed=5"], "evaluation.seed: found 5: the engines are the run's, seeded by run.seed; remove it"),
    ([SECTION, "evaluation.out=x.json"], "evaluation.out: unknown key"),
    ([SECTION, "evaluation.max_response_tokens=2048"], "evaluation.max_response_tokens: found 2048, and"),
    ([SECTION, "trainer.best_metric=accuracy/held"], "trainer.best_metric: no evaluation measures 'accuracy/held'; did you mean accuracy/heldout?"),
    ([SECTION, "trainer.best_metric=eval/gsm8k/average"], "trainer.best_metric: no evaluation measures 'eval/gsm8k/average'; did you mean eval/gsm8k/avg"),
    ([SECTION, "trainer.best_metric=eval/gsm8k/maj"], "trainer.best_metric: no evaluation measures 'eval/gsm8k/maj'; did you mean eval/gsm8k/avg"),
    ([SECTION, "trainer.best_metric=eval/math500/avg"], "trainer.best_metric: found 'eval/math500/avg', but evaluation.benchmarks does not name 'math500'; it names: gsm8k, reasoning_gym:chain_sum"),
    ([SECTION, "evaluation.benchmarks.0={name: mbpp, samples: 2}", "trainer.best_metric=eval/mbpp/maj"], "no evaluation measures 'eval/mbpp/maj'; did you mean eval/mbpp/avg"),
    (["trainer.best_metric=eval/math500/avg"], "trainer.best_metric: found 'eval/math500/avg', but evaluation.benchmarks does not name 'math500'; there is no such section"),
    (["trainer.best_metric=accuracy/heldout", "data.heldout=null"], "trainer.best_metric: found accuracy/heldout, but nothing is held out; write data.heldout, or another metric"),
    (["trainer.best_metric=loss/total", "data.heldout=null"], "trainer.best_metric: found 'loss/total', but nothing is evaluated; write data.heldout, or an evaluation"),
]  # fmt: skip


@pytest.mark.parametrize(("overrides", "fragment"), BAD, ids=[b[1][:70] for b in BAD])
def test_what_cannot_be_measured_is_refused(tmp_path, overrides, fragment):
    with pytest.raises(RecipeError) as refusal:
        load(tmp_path, GOOD, (small_model(tmp_path), *overrides))
    assert fragment in str(refusal.value)


ALLOWED = [
    [SECTION],
    [SECTION, "trainer.best_metric=eval/gsm8k/avg"],
    [SECTION, "trainer.best_metric=eval/reasoning_gym:chain_sum/pass_at_6"],
    [SECTION, "trainer.best_metric=eval/reasoning_gym:chain_sum/maj"],
    [SECTION, "evaluation.benchmarks.1.seed=1000"],
    [SECTION, "evaluation.benchmarks.1.task_config={min_terms: 3}", "evaluation.benchmarks.1.seed=0"],
    ["trainer.best_metric=accuracy/heldout", "trainer.eval_every=5"],
]


@pytest.mark.parametrize("overrides", ALLOWED, ids=[" ".join(a[-1:])[:60] for a in ALLOWED])
def test_what_is_measured_passes(tmp_path, overrides):
    assert load(tmp_path, GOOD, (small_model(tmp_path), *overrides)).warnings == ()


WARNINGS = [
    (["trainer.best_metric=accuracy/heldout"], "trainer.best_metric: there are two evaluations, before and after; write trainer.eval_every, e.g. 10, for more"),
    ([SECTION, "evaluation.every=0", "trainer.best_metric=eval/gsm8k/avg"], "write evaluation.every, e.g. 10, for more"),
    ([SECTION, "evaluation.every=200"], "evaluation.every: found 200, more than trainer.steps 100: before and after only"),
    ([SECTION, "evaluation.max_response_tokens=1900"], "evaluation.max_response_tokens: found 1900, and"),
]  # fmt: skip


@pytest.mark.parametrize(("overrides", "fragment"), WARNINGS)
def test_warning_does_not_refuse(tmp_path, overrides, fragment):
    loaded = load(tmp_path, GOOD, (small_model(tmp_path), *overrides))
    assert [w for w in loaded.warnings if fragment in str(w)], [str(w) for w in loaded.warnings]


def test_the_metrics_of_a_section_by_name(tmp_path):
    evaluation = load(tmp_path, GOOD, (SECTION,)).recipe.evaluation
    assert list(metric_names(evaluation)) == [
        "eval/gsm8k/avg",
        *(f"eval/reasoning_gym:chain_sum/{name}" for name in ("avg", "pass_at_2", "pass_at_4", "pass_at_6", "maj")),
    ]


@pytest.mark.parametrize(
    ("pass_at", "samples", "expected"),
    [
        ([], 1, []),
        ([], 2, [2]),
        ([], 4, [2, 4]),
        ([], 6, [2, 4, 6]),
        ([], 32, [2, 4, 8, 16, 32]),
        ([8, 1], 32, [1, 8]),
    ],
)
def test_the_k_of_pass_at_k(pass_at, samples, expected):
    assert pass_at_of(pass_at, samples) == expected


@pytest.mark.parametrize(
    ("domains", "domain", "judges"),
    [
        ([], "sums", True),
        (["sums"], "sums", True),
        (["sums"], "words", False),
        ([], f"{BENCHMARK_DOMAIN}gsm8k", False),
        (["sums"], f"{BENCHMARK_DOMAIN}gsm8k", False),
        ([f"{BENCHMARK_DOMAIN}gsm8k"], f"{BENCHMARK_DOMAIN}gsm8k", True),
        ([f"{BENCHMARK_DOMAIN}gsm8k"], f"{BENCHMARK_DOMAIN}math500", False),
        ([f"{BENCHMARK_DOMAIN}gsm8k"], "gsm8k", False),
    ],
)
def test_a_benchmark_is_judged_by_what_names_it_alone(domains, domain, judges):
    assert RewardComponent(verifier="math", domains=domains).judges(domain) is judges


@pytest.mark.parametrize("samples", [1, 2, 3, 4, 6, 32])
def test_they_are_those_that_the_results_hold(samples):
    from rlhf.evaluation.estimators import metrics_of
    from rlhf.evaluation.results import ProblemResult

    problem = ProblemResult(
        id="0",
        question="q",
        reference="1",
        category=None,
        statuses=["correct"] * samples,
        votes=["1"] * samples,
        tokens=[1] * samples,
        truncated=[False] * samples,
    )
    for pass_at in ([], [1], [1, samples]):
        names = {metric.name for metric in metrics_of([problem], samples, pass_at)}
        assert {f"pass@{k}" for k in pass_at_of(pass_at, samples)} == {n for n in names if n.startswith("pass@")}
