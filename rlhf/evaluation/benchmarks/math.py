"""Mathematics.

A revision is pinned where several independent public projects name the same commit for the same data set (each comment
says how many were seen, and what else confirmed it); no commit was downloaded here. Golds of the files in --data-dir
are all accepted by the verifier (tests/evaluation/benchmarks/test_real_data.py); those of minerva_math, olympiadbench
and beyond_aime have not been seen.

Verifier: `math`, for GSM8K too: it takes `$18`, `18 dollars`, `1,800` and `\\frac{36}{2}` for what they are worth, of
which `number` has to be told. `extract: final_answer`: without a box, `The answer is 18.` and `Answer: 18` count, since
models that are not tuned for boxes answer so; a bare number, or GSM8K's own `#### 18`, does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rlhf.evaluation.benchmarks.spec import BOXED, Benchmark, Erratum, Hub

_READERS = "rlhf.evaluation.benchmarks.readers.math"
_CONFIG: Mapping[str, Any] = {"extract": "final_answer"}

GSM8K = Benchmark(
    "gsm8k",
    "1,319 grade-school word problems, test split (Cobbe et al. 2021)",
    "math",
    # id, subset, split: lm-evaluation-harness and dozens more. Commit: ten projects and more, two of them with the
    # sha256 of the parquet file.
    hub=Hub("openai/gsm8k", "main", "test", "740312add88f781978c0658806c59bc2815b9866"),
    files=("gsm8k_test.jsonl", "gsm8k.jsonl", "gsm8k.parquet"),
    reader=f"{_READERS}:gsm8k",
    instruction=BOXED,
    verifier="math",
    config=_CONFIG,
    samples=1,  # 1,319 problems: one sample each is a standard error of at most 1.4 points
    licence="MIT",
    # Each was recomputed from the question; none needs an interpretation.
    errata={
        "gsm8k-apples": Erratum(
            "Marin and his neighbor Nancy each eat 4 apples a day",
            "240",
            "gold 150 adds 4 + 1 for `each eat 4 apples`; (4 + 4) × 30 = 240",
            "the question's own arithmetic; OpenAI's four example solutions; percent4.github.io, NLP(106)",
        ),
        "gsm8k-reports": Erratum(
            "Vince can staple 30 reports every 15 minutes",
            "1800",
            "gold 360 stops at 11 AM; from 8:00 AM until 11:00 PM are 15 hours, 15 × 4 × 30 = 1800",
            "the question's own arithmetic; percent4.github.io, NLP(106)",
        ),
        "gsm8k-carnival": Erratum(
            "The girls are trying to raise money for a carnival",
            "2180",
            "gold 2280 counts Sarah's 300 as 400; 750 + 430 + 700 + 300 = 2180",
            "the question's own arithmetic; percent4.github.io, NLP(106)",
        ),
    },
)

MATH500 = Benchmark(
    "math500",
    "500 competition problems of MATH's test set (Lightman et al. 2023)",
    "math",
    # Commit: ten projects and more, three with the sha256 of test.jsonl: that of the math500_test.jsonl seen here.
    hub=Hub("HuggingFaceH4/MATH-500", None, "test", "6e4ed1a2a79af7d8630a6b768ec859cb5af4d3be"),
    files=("math500_test.jsonl", "math500.jsonl", "math500.parquet"),
    reader=f"{_READERS}:answered",
    instruction=BOXED,
    verifier="math",
    config=_CONFIG,
    samples=4,  # open-r1
    licence="MIT (of MATH)",
    categories="subject",
)

AIME24 = Benchmark(
    "aime24",
    "30 problems of AIME I and II 2024; answers 0 to 999. Strong signs of contamination (arXiv 2505.23281)",
    "math",
    # The hub's own page of the data card shows commit 2fe88a2; nine projects name it in full.
    hub=Hub("HuggingFaceH4/aime_2024", None, "train", "2fe88a2f1091d5048c0f36abc874fb997b3dd99a"),
    files=("aime24.jsonl", "aime24.parquet"),
    reader=f"{_READERS}:whole_number",
    instruction=BOXED,
    verifier="math",
    config=_CONFIG,
    samples=32,  # lighteval #666; with 16 runs differ by about a point (#661)
    licence="problems: MAA; the copy declares none",
    errata={
        "aime24-385": Erratum(
            "Find the number of intersections of the graphs of",
            "385",
            "some copies say 384; counted on every monotone piece there are 385, one of them within 1e-5 of (1, 1)",
            "NVIDIA NeMo-Skills, pull request 118",
        )
    },
)

AIME25 = Benchmark(
    "aime25",
    "30 problems of AIME I and II 2025; answers 0 to 999",
    "math",
    # Ten projects and more, three with the sha256 of test.jsonl. opencompass/AIME2025 has the same in two subsets.
    hub=Hub("math-ai/aime25", None, "test", "563bb8404243c5f09de6ec262f2db674fe5bce9b"),
    files=("aime25.jsonl", "aime25.parquet"),
    reader=f"{_READERS}:whole_number",
    instruction=BOXED,
    verifier="math",
    config=_CONFIG,
    samples=32,  # as aime24
    licence="problems: MAA; the copy's has not been checked",
)

AMC23 = Benchmark(
    "amc23",
    "40 problems of AMC 12 2023, rewritten so that answers are whole numbers",
    "math",
    # Ten projects; two list its fields and row count.
    hub=Hub("math-ai/amc23", None, "test", "80815d37005feb82cd7f8fbc6901d5d3eff43057"),
    files=("amc23_test.jsonl", "amc23.jsonl", "amc23.parquet"),
    reader=f"{_READERS}:whole_number",
    instruction=BOXED,
    verifier="math",
    config=_CONFIG,
    samples=32,  # ours: as few problems as AIME
    licence="problems: MAA; the copy declares none",
)

MINERVA_MATH = Benchmark(
    "minerva_math",
    "272 undergraduate science problems of MIT courses (OCWCourses; Lewkowycz et al. 2022)",
    "math",
    # Five projects, two with its row count; `question` and `answer`: three.
    hub=Hub("math-ai/minervamath", None, "test", "ee46ddc498933b1977577953250ca5c66be64f96"),
    files=("minerva_math_test.jsonl", "minerva_math.jsonl", "minerva_math.parquet"),
    reader=f"{_READERS}:minerva",
    instruction=BOXED,
    verifier="math",
    config=_CONFIG,
    samples=4,  # ours: as math500
    licence="problems: MIT OpenCourseWare, CC BY-NC-SA 4.0; the copy's has not been checked",
)

OLYMPIADBENCH = Benchmark(
    "olympiadbench",
    "674 olympiad problems: open-ended, text only, English (He et al. 2024). Tolerances of rows are not applied",
    "math",
    # The hub's viewer lists this subset with 674 rows; nine projects name the commit, some with fields and layout.
    hub=Hub("Hothan/OlympiadBench", "OE_TO_maths_en_COMP", "train", "91184b52131e7fc9455fef848035173aea8cc01a"),
    files=("OE_TO_maths_en_COMP.jsonl", "OE_TO_maths_en_COMP.parquet", "olympiadbench.jsonl", "olympiadbench.parquet"),
    reader=f"{_READERS}:olympiad",
    instruction=BOXED,
    verifier="math",
    config=_CONFIG,
    samples=4,  # ours: as math500
    licence="Apache-2.0",
    categories="field",
)

BEYOND_AIME = Benchmark(
    "beyond_aime",
    "100 new problems at least as hard as the hardest of AIME; whole numbers (ByteDance Seed 2025)",
    "math",
    # Nine projects, two with row count and fields, one with the sha256 of data/test.parquet.
    hub=Hub("ByteDance-Seed/BeyondAIME", None, "test", "c705198ae1043810b1e1693bd879250b51a7a523"),
    files=("beyond_aime.jsonl", "beyond_aime.parquet"),
    reader=f"{_READERS}:whole_number",
    instruction=BOXED,
    verifier="math",
    config=_CONFIG,
    samples=8,  # ours: 100 problems
    licence="CC0-1.0",
)

BENCHMARKS = (GSM8K, MATH500, AIME24, AIME25, AMC23, MINERVA_MATH, OLYMPIADBENCH, BEYOND_AIME)
