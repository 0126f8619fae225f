"""What is to be asked: benchmarks made ready for a tokenizer, and of these the samples that are missing still."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rlhf.evaluation.benchmarks import Loaded
from rlhf.evaluation.run.journal import Key, SampleRow
from rlhf.recipe.checks_verifier import CODE
from rlhf.recipe.schema import BENCHMARK_DOMAIN, RewardComponent
from rlhf.types import Prompt


@dataclass(frozen=True, slots=True)
class Prepared:
    """A benchmark whose prompts are tokenised (axis P, as `loaded.problems`), and how it is sampled.

    samples: answers to every problem. temperature: 0 is greedy.
    """

    loaded: Loaded
    prompts: tuple[Prompt, ...]
    samples: int
    temperature: float
    few_shot: int

    @property
    def name(self) -> str:
        return self.loaded.benchmark.name

    @property
    def votes(self) -> bool:
        """Whether equal answers can be told: programs that do the same cannot."""
        return self.loaded.benchmark.verifier != CODE

    @property
    def component(self) -> RewardComponent:
        """What judges its problems, and nothing else's."""
        benchmark, label = self.loaded.benchmark, label_of(self.name)
        return RewardComponent(verifier=benchmark.verifier, name=label, domains=[label], config=dict(benchmark.config))

    @property
    def digest(self) -> str:
        """Changes with any prompt, gold answer, or what the verifier is told."""
        digest = hashlib.sha256()
        for problem, prompt in zip(self.loaded.problems, self.prompts, strict=True):
            told = [problem.id, problem.reference, dict(problem.metadata), list(prompt.token_ids)]
            digest.update(json.dumps(told, sort_keys=True).encode() + b"\n")
        return digest.hexdigest()[:16]


def label_of(benchmark: str) -> str:
    """The domain of a benchmark's prompts, and the name of what judges them."""
    return f"{BENCHMARK_DOMAIN}{benchmark}"


@dataclass(frozen=True, slots=True)
class Task:
    """One sample of one problem. answered: its answer is there and is only judged again."""

    benchmark: Prepared
    problem: str
    prompt: Prompt
    sample: int
    answered: SampleRow | None = None

    @property
    def key(self) -> Key:
        return (self.benchmark.name, self.problem, self.sample)


def tasks_of(benchmarks: Sequence[Prepared], done: Mapping[Key, SampleRow]) -> Iterator[Task]:
    """Every sample that is not done. One whose verifier failed is judged again, not asked for again."""
    for benchmark in benchmarks:
        for problem, prompt in zip(benchmark.loaded.problems, benchmark.prompts, strict=True):
            for sample in range(benchmark.samples):
                row = done.get((benchmark.name, problem.id, sample))
                if row is None or row.is_error:
                    yield Task(benchmark, problem.id, prompt, sample, row)
