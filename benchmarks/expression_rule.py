"""`equivalent(answer, gold)` as a verifier, so that expressions without a box run in the pool too."""

from __future__ import annotations

from verifiers import Sample, verifier
from verifiers.math import equivalent
from verifiers.math.verifier import warm_up


@verifier(warm_up=warm_up)
def expression(sample: Sample) -> bool:
    assert sample.reference is not None
    return equivalent(sample.response, sample.reference)
