"""Made-up results of evaluations with their journals, the size of which a test chooses."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from rlhf.evaluation.results import (
    BenchmarkResult,
    Lengths,
    Metric,
    ModelFacts,
    ProblemResult,
    Results,
    Settings,
    SourceFacts,
    samples_path,
    write_results,
)

CATEGORIES = ("Algebra", "Counting & Probability", "Geometry", "Number Theory", "Precalculus")
QUESTION = "Natalia sold clips to {n} of her friends in April, and then she sold half as many in May. How many in all?"
ANSWER = "<think>\nIn May: {n}/2 clips. Together {n} + {n}/2.\n</think>\nShe sold \\boxed{{{answer}}} clips."


def make_metric(name: str, value: float, problems: int, samples: int, reach: float = 0.06) -> Metric:
    return Metric(
        name=name, value=value, low=max(0.0, value - reach), high=min(1.0, value + reach),
        method="t, clustered by problem", n_problems=problems, n_samples=problems * samples,
    )  # fmt: skip


def make_problems(name: str, count: int, samples: int, level: float, rng: random.Random) -> list[ProblemResult]:
    problems = []
    for index in range(count):
        chance = min(1.0, max(0.0, rng.betavariate(0.7, 0.7) * 0.5 + level * 0.6))
        statuses = [
            "correct" if rng.random() < chance else rng.choices(["wrong", "unparsed", "timeout"], [8, 2, 0.2])[0]
            for _ in range(samples)
        ]
        problems.append(
            ProblemResult(
                id=f"{name}/{index}", question=QUESTION.format(n=2 * index), reference=str(3 * index),
                category=CATEGORIES[index % 5], statuses=statuses,  # type: ignore[arg-type]
                votes=[str(3 * index) if s == "correct" else None if s == "unparsed" else "7" for s in statuses],
                tokens=[min(512, int(rng.lognormvariate(4.8, 0.5))) for _ in statuses], truncated=[s == "unparsed" for s in statuses],
            )
        )  # fmt: skip
    return problems


def make_benchmark(name: str, count: int, samples: int, level: float, rng: random.Random) -> BenchmarkResult:
    problems = make_problems(name, count, samples, level, rng)
    mean = sum(s == "correct" for p in problems for s in p.statuses) / (count * samples)
    ks = [k for k in (1, 2, 4, 8, 16, 32) if k <= samples]
    metrics = [make_metric(f"avg@{samples}", mean, count, samples)]
    metrics += [make_metric(f"pass@{k}", 1 - (1 - mean) ** (k**0.6), count, samples) for k in ks]
    metrics.append(make_metric(f"maj@{samples}", min(1.0, mean + 0.08), count, samples))
    tokens = sorted(n for problem in problems for n in problem.tokens)
    return BenchmarkResult(
        name=name, summary=f"{name}: grade-school problems in words.", licence="MIT",
        source=SourceFacts(kind="hub", name=f"openai/{name}", subset="main", split="test", revision="unverified", commit="e53f048856ff4f594e959d75785d2c2d37b678ee"),
        errata=[f"{name}-errata-1"], verifier="math", verifier_config={"tolerance": 1e-6},
        instruction="{question}\nAnswer in \\boxed{}.", few_shot=0, samples=samples, temperature=0.6 if samples > 1 else 0.0,
        metrics=metrics,
        categories={c: make_metric(f"avg@{samples}", min(1.0, mean * (0.7 + 0.12 * i)), count // 5, samples, 0.1) for i, c in enumerate(CATEGORIES)},
        extraction=0.94, truncation=0.04, timeouts=3, errors=1, left_out=0,
        lengths=Lengths(mean=sum(tokens) / len(tokens), least=tokens[0], p10=tokens[len(tokens) // 10], median=tokens[len(tokens) // 2], p90=tokens[9 * len(tokens) // 10], most=tokens[-1]),
        tokens=sum(tokens), seconds=312.4, problems=problems,
    )  # fmt: skip


def make_results(
    path: Path,
    benchmarks: tuple[str, ...] = ("gsm8k", "math500"),
    problems: int = 60,
    samples: int = 8,
    level: float = 0.4,
    step: int | None = None,
    answer: str = ANSWER,
    seed: int = 0,
) -> Path:
    """A results file with its journal beside it."""
    rng = random.Random(seed)
    results = Results(
        created="2026-11-23T06:00:00+00:00",
        model=ModelFacts(
            asked="HuggingFaceTB/SmolLM2-135M-Instruct", path="/models/smollm2", revision="main",
            commit="7e27bd9f95328f0f3b08261d1252705110c806f8", step=step, fingerprint="9c1185a5c5e9fc54", dtype="bfloat16",
        ),
        settings=Settings(
            top_p=0.95, top_k=0, min_p=0.0, max_response_tokens=512, thinking_tokens=256, thinking_end="</think>",
            system_prompt="Think, then answer.", chat_template="model", template_options={"enable_thinking": True}, stop=["<|end|>"], seed=0,
        ),
        versions={"longthought": "0.1.0", "vllm": "0.32.0", "math-verify": "0.9.0"},
        machine={"cpus": 2, "gpus": 0}, engines=1, seconds=655.0, samples_file=samples_path(path).name, step=step,
        benchmarks=[make_benchmark(name, problems, samples, level, rng) for name in benchmarks],
    )  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    write_results(path, results)
    write_journal(samples_path(path), results, answer)
    return path


def write_journal(path: Path, results: Results, answer: str) -> None:
    lines: list[dict[str, Any]] = [
        {"kind": "longthought-evaluation-samples", "format": 1, "contents": {}},
        {"session": 0},
    ]
    for result in results.benchmarks:
        for problem in result.problems:
            for index, status in enumerate(problem.statuses):
                number = int(problem.id.split("/")[-1])
                text = answer.format(n=2 * number, answer=problem.votes[index]) if answer is ANSWER else answer
                lines.append(
                    {
                        "benchmark": result.name, "problem": problem.id, "sample": index, "response": text, "status": status,
                        "score": float(status == "correct"), "extracted": problem.votes[index], "vote": problem.votes[index],
                        "reason": "" if status == "correct" else f"{status}: not {problem.reference}", "tokens": problem.tokens[index],
                        "truncated": problem.truncated[index], "forced": False, "seconds": 0.01, "began": 0.0, "ended": 1.0, "session": 0,
                    }
                )  # fmt: skip
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def make_evaluations(run: Path, steps: tuple[int, ...], **options: Any) -> None:
    """What a run evaluated of itself: better with every step."""
    for place, step in enumerate(steps):
        level = 0.1 + 0.6 * place / max(1, len(steps) - 1)
        make_results(run / "evaluations" / f"step_{step:06}.json", step=step, level=level, seed=step, **options)
