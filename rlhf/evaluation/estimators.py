"""What a benchmark's samples come to: avg@n, pass@k, maj@n, by category, and the lengths of the responses.

Each estimator makes one value of every problem, from 0 to 1, whose expectation does not depend on how many samples were
drawn (but for the majority's, which is a property of its n); `intervals.mean_interval` does the rest. Inputs hold the
samples that a verifier could judge, problems on axis P, samples on axis S; S may differ between problems.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from rlhf.evaluation.intervals import Interval, accuracy_interval, mean_interval
from rlhf.evaluation.results import Lengths, Metric, ProblemResult


def avg_at_n(correct_PS: Sequence[Sequence[bool]]) -> Interval:
    """Mean over problems of the share of correct samples: pass@1, from all samples there are.

    Raises ValueError for no problems or a problem without samples.
    """
    return accuracy_interval(correct_PS)


def pass_at_k(correct_PS: Sequence[Sequence[bool]], k: int) -> Interval:
    """Mean over problems of the unbiased chance that one of k samples is correct.

    1 - C(n - c, k) / C(n, k) with c of n correct (M. Chen et al., arXiv 2107.03374, section 2.1). Raises ValueError for
    a problem with fewer than k samples: from those nothing unbiased can be said.
    """
    if k < 1:
        raise ValueError(f"pass@{k}: k must be at least 1")
    if k == 1:
        return avg_at_n(correct_PS)
    for index, samples in enumerate(correct_PS):
        if len(samples) < k:
            raise ValueError(
                f"pass@{k} needs {k} samples of every problem; problem {index} has {len(samples)}: leave it out, take "
                "a smaller k or more samples"
            )
    values_P = [_any_of_k(len(samples), sum(map(bool, samples)), k) for samples in correct_PS]
    return mean_interval(values_P, sum(map(len, correct_PS)))


def _any_of_k(n: int, correct: int, k: int) -> float:
    return 1 - math.comb(n - correct, k) / math.comb(n, k)


def majority_at_n(votes_PS: Sequence[Sequence[str | None]], correct_PS: Sequence[Sequence[bool]]) -> Interval | None:
    """Mean over problems of whether the most frequent answer is correct; None where no sample has a vote (code).

    votes_PS: canonical answers; None is no vote. Votes are counted among equal answers, never by verdict. Answers
    that are equally frequent share the win evenly. The winner's score is the share of its samples that were judged
    correct: 0 or 1, unless equal votes were judged differently. A problem without a vote counts 0.
    """
    if not any(vote is not None for votes in votes_PS for vote in votes):
        return None
    values_P = [_majority(votes, correct) for votes, correct in zip(votes_PS, correct_PS, strict=True)]
    return mean_interval(values_P, sum(map(len, votes_PS)))


def _majority(votes_S: Sequence[str | None], correct_S: Sequence[bool]) -> float:
    verdicts: dict[str, list[bool]] = defaultdict(list)
    for vote, correct in zip(votes_S, correct_S, strict=True):
        if vote is not None:
            verdicts[vote].append(bool(correct))
    if not verdicts:
        return 0.0
    most = max(map(len, verdicts.values()))
    scores = [sum(found) / most for found in verdicts.values() if len(found) == most]
    return math.fsum(scores) / len(scores)


def pass_at_powers(n: int) -> list[int]:
    """1, 2, 4, … and n itself."""
    return [*(2**power for power in range(n.bit_length()) if 2**power < n), n]


def metrics_of(problems: Sequence[ProblemResult], samples: int, pass_at: Sequence[int] = ()) -> list[Metric]:
    """avg@n, then pass@k, then maj@n where there are votes and n > 1; all of problems with a judged sample.

    samples: n, as asked for. pass_at: the k; by default the powers of two up to n and n itself, but 1, which avg@n is.
    Where a verifier failed, a problem has fewer than n samples. It then counts in pass@k only if it has k, so that its
    n_problems is smaller; a pass@k of which no problem is left is not in the list.
    Raises ValueError if no problem has a judged sample, or for a k that is not from 1 to n.
    """
    for k in pass_at:
        if not 1 <= k <= samples:
            raise ValueError(f"pass@{k} of {samples} samples a problem: write a k from 1 to {samples}, or more samples")
    judged = [problem for problem in problems if problem.correct_S]
    if not judged:
        raise ValueError(f"none of {len(problems)} problems has a sample that was judged: there is nothing to estimate")
    correct_PS = [problem.correct_S for problem in judged]
    metrics = [Metric.of(f"avg@{samples}", avg_at_n(correct_PS))]
    for k in sorted(set(pass_at)) or pass_at_powers(samples)[1:]:
        if usable := [correct_S for correct_S in correct_PS if len(correct_S) >= k]:
            metrics.append(Metric.of(f"pass@{k}", pass_at_k(usable, k)))
    if samples > 1 and (majority := majority_at_n([problem.votes_S for problem in judged], correct_PS)) is not None:
        metrics.append(Metric.of(f"maj@{samples}", majority))
    return metrics


def categories_of(problems: Sequence[ProblemResult]) -> dict[str, Metric]:
    """avg by category, in the order of their names, of problems with a judged sample; one problem is enough.

    Empty where no problem has a category. A Metric's name is `avg`.
    """
    correct: dict[str, list[list[bool]]] = defaultdict(list)
    for problem in problems:
        if problem.category is not None and problem.correct_S:
            correct[problem.category].append(problem.correct_S)
    return {name: Metric.of("avg", avg_at_n(correct[name])) for name in sorted(correct)}


def lengths_of(problems: Sequence[ProblemResult]) -> Lengths:
    """Of all responses, judged or not, in tokens; percentiles are interpolated. Raises ValueError for none."""
    tokens = [count for problem in problems for count in problem.tokens]
    if not tokens:
        raise ValueError("lengths of no responses")
    p10, median, p90 = (float(value) for value in np.percentile(tokens, [10, 50, 90]))
    return Lengths(
        mean=math.fsum(tokens) / len(tokens), least=min(tokens), p10=p10, median=median, p90=p90, most=max(tokens)
    )
