"""Benchmarks made ready, answers and verdicts, for tests of the parts around them."""

from rlhf.evaluation.benchmarks import Benchmark, Loaded
from rlhf.evaluation.problem import Problem
from rlhf.evaluation.results import ModelFacts, Settings, SourceFacts
from rlhf.evaluation.run.journal import SampleRow
from rlhf.evaluation.run.tasks import Prepared, label_of
from rlhf.types import Prompt


def prepared(name="sums", problems=3, samples=2, temperature=0.6, references=None, verifier="math"):
    benchmark = Benchmark(
        name=name,
        summary="sums",
        kind="math",
        hub=None,
        files=("sums.jsonl",),
        reader="nowhere:read",
        instruction="{question}",
        verifier=verifier,
        config={},
        samples=samples,
        licence="none",
        errata={},
        categories="",
    )
    gold = references or [str(i) for i in range(problems)]
    made = tuple(Problem(str(i), f"what is {i}?", gold[i], {}, f"c{i % 2}") for i in range(problems))
    loaded = Loaded(benchmark, made, SourceFacts(kind="file", name="sums", file="sums.jsonl", sha256="0"), ())
    prompts = tuple(
        Prompt(f"{name}/{p.id}", p.question, (1, 2, 3 + i), p.reference, {}, label_of(name)) for i, p in enumerate(made)
    )
    return Prepared(loaded, prompts, samples, temperature, few_shot=0)


def row(problem="0", sample=0, status="correct", benchmark="sums", session=0, **more):
    given = dict(
        benchmark=benchmark,
        problem=problem,
        sample=sample,
        response=f"\\boxed{{{problem}}}",
        status=status,
        score={"correct": 1.0, "error": None}.get(status, 0.0),
        extracted=problem,
        vote=problem,
        reason="",
        tokens=5,
        truncated=False,
        forced=False,
        seconds=0.01,
        began=0.0,
        ended=1.0,
        session=session,
    )
    return SampleRow(**given | more)


def model(**more):
    given = dict(asked="m", path="folder", revision=None, commit=None, step=None, fingerprint="abc", dtype="float32")
    return ModelFacts(**given | more)


def settings(**more):
    given = dict(
        top_p=1.0,
        top_k=0,
        min_p=0.0,
        max_response_tokens=16,
        thinking_tokens=None,
        thinking_end="</think>",
        system_prompt=None,
        chat_template="model",
        template_options={},
        stop=[],
        seed=0,
    )
    return Settings(**given | more)
