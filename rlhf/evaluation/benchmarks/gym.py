"""Any task of reasoning-gym, through the generators that training uses, with a seed of its own."""

from __future__ import annotations

import json
from importlib.metadata import version

from rlhf.data.difficulty import DIFFICULTIES
from rlhf.data.errors import BadRowError, DataError
from rlhf.evaluation.benchmarks.spec import BOXED, Benchmark
from rlhf.evaluation.problem import Problem
from rlhf.evaluation.results import SourceFacts
from rlhf.recipe.data_schema import SourceConfig
from rlhf.recipe.evaluation_schema import BenchmarkConfig

PREFIX = "reasoning_gym:"
SPARE = 2
"""Entries that may be made for each problem: some generators make questions that have no right answer."""


def gym_benchmark(task: str) -> Benchmark:
    """Its entry, without a look at whether reasoning-gym has the task."""
    return Benchmark(
        f"{PREFIX}{task}",
        f"problems made by reasoning-gym's {task}",
        "logic",
        hub=None,
        files=(),
        reader="",
        instruction=BOXED,
        verifier="logic",
        samples=1,
        licence="Apache-2.0",
        categories="level",
    )


def gym_problems(config: BenchmarkConfig) -> tuple[tuple[Problem, ...], SourceFacts]:
    """`size` problems; of several levels they take turns. An entry without a right answer is no problem: the next one
    takes its place, and ids, which are the entries' numbers, leave it out. Raises DataError."""
    from rlhf.data.sources import read_reasoning_gym

    task = config.name.removeprefix(PREFIX)
    if config.difficulty and task not in DIFFICULTIES:
        raise DataError(f"{config.name}.difficulty", f"{task} has no levels; there are for: {', '.join(DIFFICULTIES)}")
    source = SourceConfig(
        source="reasoning_gym",
        task=task,
        task_config=config.task_config,
        difficulty=config.difficulty,
        size=SPARE * config.size,
        seed=config.seed,
    )
    faults: list[BadRowError] = []
    problems: list[Problem] = []
    for item in read_reasoning_gym(source, config.name):
        if isinstance(item, BadRowError):
            faults.append(item)
            continue
        level = None if item.difficulty is None or len(config.difficulty) < 2 else f"level {item.difficulty:.0f}"
        problems.append(Problem(str(item.index), item.text, item.reference, item.metadata, level))
        if len(problems) == config.size:
            break
    if len(problems) < config.size:
        raise DataError(
            config.name,
            f"{len(problems)} of {SPARE * config.size} entries are problems, {config.size} were asked for: {faults[0]}",
        )
    return tuple(problems), _facts(config, task)


def _facts(config: BenchmarkConfig, task: str) -> SourceFacts:
    """What the problems are made from, so that they can be made again."""
    made = {"seed": config.seed, "size": config.size, "difficulty": config.difficulty, **config.task_config}
    return SourceFacts(
        kind="reasoning_gym", name=task, subset=json.dumps(made), revision=f"reasoning-gym {version('reasoning-gym')}"
    )
