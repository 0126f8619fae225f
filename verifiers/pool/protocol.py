"""Samples and verdicts as the JSON of a frame."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from verifiers.base import Sample, Verdict
from verifiers.frames import ProtocolError
from verifiers.verifier import clip


def sample_to_json(sample: Sample) -> dict[str, Any]:
    return {
        "prompt": sample.prompt,
        "response": sample.response,
        "reference": sample.reference,
        "metadata": dict(sample.metadata),
    }


def sample_from_json(value: Mapping[str, Any]) -> Sample:
    return Sample(value["prompt"], value["response"], value["reference"], value["metadata"])


def verdict_from_json(value: object) -> Verdict:
    """A verdict from hostile JSON: exact types only, texts cut, score and status consistent."""
    if type(value) is not dict:
        raise ProtocolError(f"a verdict that is a {type(value).__name__}")
    score, status = value.get("score"), value.get("status")
    extracted, reason = value.get("extracted"), value.get("reason")
    if type(score) not in (float, int, type(None)) or type(status) is not str or type(reason) is not str:
        raise ProtocolError("a verdict whose score, status or reason has the wrong type")
    if type(extracted) not in (str, type(None)):
        raise ProtocolError("a verdict whose `extracted` is not a text")
    try:
        number = None if score is None else float(score)
        return Verdict(number, status, None if extracted is None else clip(extracted), clip(reason))  # type: ignore[arg-type]
    except (ValueError, OverflowError) as problem:
        raise ProtocolError(f"a verdict that contradicts itself: {problem}") from problem
