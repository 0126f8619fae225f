"""A million hostile inputs through the math verifier, in a process that can be killed.

    python -m benchmarks.fuzz_math --data-dir DIR [--count N] [--seed N] [--start N] [--findings FILE]

Inputs are made from a grammar, by mutation of real answers, and from loose tokens; input number i of a seed is always
the same, so that a run can be resumed with `--start`. Findings are verdicts with status `error` (an exception escaped)
and `timeout` (an input took longer than `--limit-s`, or more memory than the worker has).

This is no measurement, and may run beside other work.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from benchmarks.common import say
from tests.verifiers.math.tables import DIFFERENT, EQUAL, pairs
from verifiers.base import Sample, Status, Verdict
from verifiers.extract import balanced
from verifiers.pool import VerifierPool

BATCH = 2000
_SPELLINGS = r"""
    \frac \sqrt \sqrt[3] \left( \right) ( ) [ ] { } \{ \} | \| ^ _ ! !! ' % \% \$ $ , ; : . = < > \le \neq \approx \in
    \cup \cap \setminus \pm \mp + - * / \cdot \times \div x y n e i \pi \infty \alpha f g sin \sin \cos \tan \ln \log
    \log_2 \arcsin \text{ \text{cm} \text{or} \mathrm{ \mathbb{R} \begin{pmatrix} \end{pmatrix} & \\ \boxed{ \binom
    \overline{ \vec \angle ^\circ ^{\circ} and or cm 0 1 2 3.5 10 007 1e9 1e-9 99999999 0.333 1,000 {,} ½ √ ² ∞ ≤ π
    \quad \, \displaystyle \lfloor \rfloor \langle \rangle \int \sum \lim \prod ** <think> </think>
"""
_TOKENS = [*_SPELLINGS.split(), " ", "\n", "\u200b", "\u0301"]
_NAMES = ["x", "y", "n", "\\alpha", "x_1", "f(2)", "e", "i", "\\pi", "\\infty"]
_BINARY = [
    "+",
    "-",
    "*",
    "/",
    "\\cdot ",
    "^",
    " ",
    "\\pm ",
    "=",
    "<",
    "\\leq ",
    ",",
    ";",
    "\\cup ",
    ":",
    "\\text{ or }",
    "_",
]
_WRAPPINGS = r"""
    (#) {#} \left[#\right] \{#\} |#| \sqrt{#} \sqrt[3]{#} \sin# \cos(#) \log_{2}# \ln# -# #! #\% #^\circ #\text{cm}
    \lfloor#\rfloor e^{#} \tan^{-1}(#) \text{#} \frac{1}{#} (#)^{2} #^{-1} \binom{#}{2} x=# \boxed{#} \max(1,#) f(#)
    \overline{#} #_2 \begin{pmatrix}#\\1\end{pmatrix} |#|<3 \mathbb{R}\setminus\{#\} \pm# #,# #\text{or}#
"""
_WRAPPED = _WRAPPINGS.split()
_FINDINGS = (Status.ERROR, Status.TIMEOUT)


class Inputs:
    """Input i: a gold answer and a response. Deterministic in the seed, i and the seed texts."""

    def __init__(self, seed: int, texts: list[str]) -> None:
        self._seed = seed
        self._texts = texts
        self._golds = [text for text in texts if text.strip() and balanced(text) and len(text) < 200]

    def sample(self, index: int) -> Sample:
        rng = random.Random(f"{self._seed}/{index}")
        make: Callable[[random.Random], str] = rng.choice([self._grammar, self._mutated, self._mutated, self._loose])
        gold = rng.choice(self._golds)
        answer = make(rng)
        if rng.random() < 0.2:
            answer = self._disguised(rng, gold)
        response = answer if rng.random() < 0.1 else f"so \\boxed{{{answer}}}."
        return Sample("", response, gold)

    def _grammar(self, rng: random.Random, depth: int = 0) -> str:
        if depth > 6 or rng.random() < 0.25 + depth * 0.1:
            return rng.choice([*_NAMES, str(rng.randrange(20)), str(rng.randrange(10**9)), f"{rng.random():.3f}"])
        if rng.random() < 0.5:
            return rng.choice(_WRAPPED).replace("#", self._grammar(rng, depth + 1))
        return self._grammar(rng, depth + 1) + rng.choice(_BINARY) + self._grammar(rng, depth + 1)

    def _mutated(self, rng: random.Random) -> str:
        text = rng.choice(self._texts)
        for _ in range(rng.randrange(1, 6)):
            at, to = sorted((rng.randrange(len(text) + 1), rng.randrange(len(text) + 1)))
            match rng.randrange(6):
                case 0:
                    text = text[:at] + text[at + 1 :]
                case 1:
                    text = text[:at] + rng.choice(_TOKENS) + text[at:]
                case 2:
                    text = text[:to] + text[at:to] + text[to:]
                case 3:
                    text = text[:at] + text[to:] + text[at:to]
                case 4:
                    other = rng.choice(self._texts)
                    text = text[:at] + other[rng.randrange(len(other) + 1) :]
                case _:
                    text = text[:at] + text[at:to] * rng.randrange(1, 30) + text[to:]
        return text[:4000]

    def _loose(self, rng: random.Random) -> str:
        text = "".join(rng.choice(_TOKENS) for _ in range(rng.randrange(1, 40)))
        return text * rng.choice([1, 1, 1, 2, 50])

    def _disguised(self, rng: random.Random, gold: str) -> str:
        """Something that is, or nearly is, equal to the gold answer: what reaches the algebra."""
        other = self._grammar(rng, 4)
        forms = ["{g}+({o})-({o})", "({g})({o})/({o})", "({g})+10^{{-9}}", "{g}+0", "1\\cdot({g})", "({g})^{{1}}"]
        return rng.choice([*forms, "\\sqrt{{({g})^2}}"]).format(g=gold, o=other)


def seed_texts(data_dir: Path) -> list[str]:
    texts = [text for _, gold, answer in pairs(EQUAL) + pairs(DIFFERENT) for text in (gold, answer)]
    for name in ("verifier_examples.jsonl", "math_verify_tests.jsonl"):
        for line in (data_dir / name).read_text().splitlines():
            row = json.loads(line)
            texts += [text for text in (row["gold"], row["pred"]) if len(text) < 4000]
    texts += [json.loads(line)["answer"] for line in (data_dir / "math500_test.jsonl").read_text().splitlines()]
    return list(dict.fromkeys(texts))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, required=True, help="the folder of benchmark files")
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--start", type=int, default=0, help="the first input: where an earlier run ended")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--limit-s", type=float, default=2.0, help="seconds that one input may take")
    parser.add_argument("--findings", type=Path, help="a file to which findings are appended, one JSON object a line")
    args = parser.parse_args()
    inputs = Inputs(args.seed, seed_texts(args.data_dir))
    counts: Counter[str] = Counter()
    longest, started, end = 0.0, time.monotonic(), args.start + args.count
    with VerifierPool(workers=1, timeout_s=args.limit_s, queue_per_worker=BATCH) as pool:
        pool.prepare("math", {})
        for first in range(args.start, end, BATCH):
            samples = [inputs.sample(index) for index in range(first, min(first + BATCH, end))]
            verdicts = pool.verify("math", {"extract": "final_answer"}, samples)
            for index, (sample, verdict) in enumerate(zip(samples, verdicts, strict=True), start=first):
                counts[str(verdict.status)] += 1
                longest = max(longest, verdict.seconds)
                if verdict.status in _FINDINGS:
                    _report(index, sample, verdict, args.findings)
            if (first // BATCH) % 10 == 0:
                say(f"fuzz_math: resume with --start {first + BATCH}; {dict(counts)}, longest {longest:.2f} s")
    seconds = time.monotonic() - started
    found = sum(counts[str(status)] for status in _FINDINGS)
    print(f"{args.count} inputs of seed {args.seed} from {args.start} in {seconds:.0f} s: {found} findings")
    print(
        json.dumps(
            {"benchmark": "fuzz_math", "seed": args.seed, "counts": dict(counts), "longest_s": round(longest, 3)}
        )
    )


def _report(index: int, sample: Sample, verdict: Verdict, path: Path | None) -> None:
    found = {"index": index, "status": verdict.status, "reason": verdict.reason}
    line = json.dumps({**found, "gold": sample.reference, "response": sample.response})
    say(f"fuzz_math: {line[:300]}")
    if path is not None:
        with path.open("a") as file:
            file.write(line + "\n")


if __name__ == "__main__":
    main()
