"""Checks of what a training run evaluates itself on: its benchmarks, and the metric that names its best weights."""

from __future__ import annotations

from collections.abc import Iterator

from rlhf.recipe.asked import asked_of, metric_names
from rlhf.recipe.checks_benchmarks import check_evaluation
from rlhf.recipe.checks_data import check_apart
from rlhf.recipe.data_schema import SourceConfig
from rlhf.recipe.evaluation_schema import EvaluationConfig
from rlhf.recipe.findings import Finding, refuse, warn
from rlhf.recipe.problems import nearest, shown
from rlhf.recipe.schema import TrainRecipe

HELDOUT = "accuracy/heldout"


def check_during(recipe: TrainRecipe) -> Iterator[Finding]:
    evaluation = recipe.evaluation
    if evaluation is not None:
        yield from check_evaluation(evaluation, recipe.verify)
        yield from _check_made_apart(recipe, evaluation)
        if evaluation.seed:
            yield refuse(
                "evaluation.seed", f"found {evaluation.seed}: the engines are the run's, seeded by run.seed; remove it"
            )
        if evaluation.every > recipe.trainer.steps:
            yield warn(
                "evaluation.every",
                f"found {evaluation.every}, more than trainer.steps {recipe.trainer.steps}: before and after only",
            )
    if recipe.trainer.best_metric is not None:
        yield from _check_best(recipe, recipe.trainer.best_metric)


def _check_made_apart(recipe: TrainRecipe, evaluation: EvaluationConfig) -> Iterator[Finding]:
    """Problems that are made here may not be those that are made to train on."""
    for asked in asked_of(evaluation):
        if asked.kind != "reasoning_gym":
            continue
        entry = asked.entry
        made = SourceConfig(
            source="reasoning_gym",
            task=asked.task,
            task_config=entry.task_config,
            difficulty=entry.difficulty,
            size=entry.size,
            seed=entry.seed,
        )
        for source in (recipe.data.train, *recipe.data.train_also):
            yield from check_apart(source, made, asked.key)


def _check_best(recipe: TrainRecipe, name: str) -> Iterator[Finding]:
    key, evaluation = "trainer.best_metric", recipe.evaluation
    known = [HELDOUT] if recipe.data.heldout is not None else []
    known += [] if evaluation is None else list(metric_names(evaluation))
    asked = {entry.name for entry in evaluation.benchmarks} if evaluation is not None else set()
    if name in known:
        every = recipe.trainer.eval_every if name == HELDOUT or evaluation is None else evaluation.every
        if every == 0:
            switch = "trainer.eval_every" if name == HELDOUT else "evaluation.every"
            yield warn(key, f"there are two evaluations, before and after; write {switch}, e.g. 10, for more")
    elif name == HELDOUT:
        yield refuse(key, f"found {HELDOUT}, but nothing is held out; write data.heldout, or another metric")
    elif name.startswith("eval/") and (benchmark := name.split("/")[1]) not in asked:
        there = f"it names: {', '.join(sorted(asked))}" if asked else "there is no such section"
        yield refuse(key, f"found {shown(name)}, but evaluation.benchmarks does not name {shown(benchmark)}; {there}")
    elif not known:
        yield refuse(key, f"found {shown(name)}, but nothing is evaluated; write data.heldout, or an evaluation")
    else:
        yield refuse(key, f"no evaluation measures {shown(name)}; {nearest(name, known)}")
