"""Checks of an evaluation's recipe: what it asks, its engines, and the devices they would run on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rlhf.recipe.checks_benchmarks import check_evaluation
from rlhf.recipe.checks_cluster import check_engines
from rlhf.recipe.checks_run import check_run
from rlhf.recipe.devices import Devices
from rlhf.recipe.eval_schema import EvalRecipe
from rlhf.recipe.findings import Finding, refuse
from rlhf.recipe.problems import shown


def check_eval(recipe: EvalRecipe, devices: Devices) -> list[Finding]:
    """Every finding, the fatal ones first. A key is dotted, `evaluation.samples`: `options.py` knows its option."""
    topics = (
        check_run(recipe.run, recipe.policy),
        _check_out(recipe),
        check_evaluation(recipe.evaluation, recipe.verify),
        _check_engines(recipe),
        _check_cluster(recipe),
        check_engines("engines", recipe.engines, devices),
    )
    found = [finding for topic in topics for finding in topic]
    return sorted(found, key=lambda f: not f.fatal)


def _check_out(recipe: EvalRecipe) -> Iterator[Finding]:
    if recipe.out is not None and (recipe.out.endswith("/") or Path(recipe.out).expanduser().is_dir()):
        yield refuse("out", f"found {shown(recipe.out)}, a folder; write a file, e.g. results.json")


def _check_engines(recipe: EvalRecipe) -> Iterator[Finding]:
    engines, evaluation = recipe.engines, recipe.evaluation
    if "" in engines.stop:
        yield refuse("engines.stop", "an empty string would end every response at once; remove it")
    longest = evaluation.max_response_tokens + (evaluation.thinking_tokens or 0)
    if engines.max_model_len is not None and engines.max_model_len <= longest:
        parts = "evaluation.max_response_tokens" + (
            " and evaluation.thinking_tokens" if evaluation.thinking_tokens else ""
        )
        yield refuse(
            "engines.max_model_len",
            f"found {engines.max_model_len}, with no room for a prompt: {parts} may take {longest}; write more than "
            f"{longest}, or leave it out",
        )


def _check_cluster(recipe: EvalRecipe) -> Iterator[Finding]:
    for name in ("share_gpus", "separate_learner_node"):
        if getattr(recipe.cluster, name):
            yield refuse(f"cluster.{name}", "an evaluation has no learner to share with or to keep apart; remove it")
