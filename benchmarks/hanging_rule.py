"""A verifier of which some samples never end: `math`, but for responses that hold HANG."""

from __future__ import annotations

from verifiers import Sample, Verdict, verifier
from verifiers.math import math_verifier
from verifiers.math.verifier import warm_up

MARK = "HANG"


@verifier(warm_up=warm_up)
def math_or_hang(sample: Sample) -> Verdict:
    while MARK in sample.response:
        pass
    return math_verifier(sample)  # type: ignore[return-value]
