"""Science."""

from __future__ import annotations

from rlhf.evaluation.benchmarks.spec import Benchmark, Hub

GPQA_DIAMOND = Benchmark(
    "gpqa_diamond",
    "198 graduate questions in physics, chemistry and biology with four options, shuffled by a fixed seed",
    "science",
    # The hub's page names gpqa_diamond and its licence; ten projects and more name the commit, one with the size and
    # git blob of gpqa_diamond.csv. Gated: its authors ask that nobody show its text.
    hub=Hub("Idavidrein/gpqa", "gpqa_diamond", "train", "633f5ee89ab8ad4522a9f850766b73f62147ffdd"),
    files=("gpqa_diamond.csv", "gpqa_diamond.jsonl", "gpqa_diamond.parquet"),
    reader="rlhf.evaluation.benchmarks.readers.science:gpqa",
    instruction=(
        "{question}\n\nPlease reason step by step, and put the letter of the right option (A, B, C or D) within "
        "\\boxed{}."
    ),
    verifier="choice",
    config={"extract": "final_answer"},
    samples=8,  # open-r1
    licence="CC BY 4.0; gated",
    categories="domain",
)

BENCHMARKS = (GPQA_DIAMOND,)
