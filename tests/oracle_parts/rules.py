"""Shaping, filters, sampling, stopping, sharing out."""

from __future__ import annotations

from typing import Any

from rlhf.algorithms.filters import accuracy_reason
from rlhf.algorithms.shaping import length_reward, overlong_penalty
from rlhf.data.sampling.difficulty import guessed_away, prioritised
from rlhf.learner.balance import partition
from rlhf.rollout.repetition import certain_run_end
from tests.oracle_parts.tensors import plain, t
from verifiers.shape.language import consistency

Inputs = dict[str, Any]


def kimi_length_reward(i: Inputs) -> Inputs:
    correct, found = t(i["correct"]), length_reward(t(i["len"]), t(i["correct"]))
    return {
        "len_reward": plain(found),
        "total": plain(correct + i["weight"] * found),
        "equal_len": plain(length_reward(t([200, 200, 200]), t([1, 0, 1]))),
        "longest_correct": plain(length_reward(t([100, 500]), t([0, 1]))),
    }


def dapo_overlong(i: Inputs) -> Inputs:
    return {"R_length": plain(overlong_penalty(t(i["len"]), i["Lmax"], i["Lcache"]))}


def dapo_dynamic_sampling(i: Inputs) -> Inputs:
    """An accuracy is a large group of which that share is right; one between 0 and 1 stays between."""
    size = 1000
    right = [round(size * a) if a in (0.0, 1.0) else min(max(round(size * a), 1), size - 1) for a in i["acc"]]
    groups = [[True] * k + [False] * (size - k) for k in right]
    return {"keep": [k for k, group in enumerate(groups) if accuracy_reason(group) is None]}


def kimi_prioritized(i: Inputs) -> Inputs:
    return {"prob": prioritised(i["success"])}


def kimi_easy_to_hack(i: Inputs) -> Inputs:
    return {"p_removed": [guessed_away(p, i["N"]) for p in i["p_guess"]]}


def r1_reward(i: Inputs) -> Inputs:
    language = consistency(i["target_words"], i["words"])
    return {"lang": language, "total": i["acc"] + i["fmt"] + language}


def m1_repetition_stop(i: Inputs) -> Inputs:
    return {"stop_index": certain_run_end(i["p"], i["n"], i["thr"])}


def _sums(costs: list[int], k: int, equal: bool) -> list[int]:
    return sorted(sum(costs[item] for item in share) for share in partition(costs, k, equal))


def karp_unequal(i: Inputs) -> Inputs:
    lengths, k = i["seqlens"], i["k"]
    return {"sums_free": _sums(lengths, k, False), "sums_equal_size": _sums(lengths, k, True)}


def karp(i: Inputs) -> Inputs:
    return {**karp_unequal(i), "classic_8_7_6_5_4": _sums([8, 7, 6, 5, 4], 2, False)}


ORACLES = {
    "kimi_length_reward": kimi_length_reward,
    "dapo_overlong": dapo_overlong,
    "dapo_dynamic_sampling": dapo_dynamic_sampling,
    "kimi_prioritized": kimi_prioritized,
    "kimi_easy_to_hack": kimi_easy_to_hack,
    "r1_reward": r1_reward,
    "m1_repetition_stop": m1_repetition_stop,
    "karp_unequal": karp_unequal,
    "karp": karp,
}
