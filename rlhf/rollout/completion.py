"""vLLM's answers as plain data."""

from __future__ import annotations

from typing import Any

import numpy as np

from rlhf.recipe.schema import RepetitionConfig
from rlhf.rollout.repetition import ended_by_force
from rlhf.rollout.sampling import GenerationAbortedError, RawSample
from rlhf.types import FinishReason, Segment


def raw_sample(output: Any, request_id: str, rules: RepetitionConfig, end: int | None) -> RawSample:
    """vLLM's completion as segments by weight version; a response that was cut off raises. end: the end token."""
    reason = _finish_reason(output, request_id)
    token_R = np.asarray(output.token_ids, dtype=np.int32)
    logp_R = np.asarray(output.logprobs.logprobs, dtype=np.float32)
    if len(logp_R) != len(token_R) or not output.weight_versions:
        raise RuntimeError(f"{request_id}: {len(token_R)} tokens came with {len(logp_R)} log-probabilities")
    if end is not None and ended_by_force(token_R, logp_R, rules, end):
        token_R, logp_R, reason = token_R[:-1], logp_R[:-1], "repetition"
    spans = [(int(span.version), slice(span.start, min(span.end, len(token_R)))) for span in output.weight_versions]
    segments = tuple(Segment(version, token_R[at], logp_R[at]) for version, at in spans if at.start < at.stop)
    return RawSample(segments, reason, output.text or None)


def plain_sample(output: Any, request_id: str) -> RawSample:
    """The same of a response that was sampled without log-probabilities, in one segment of an unknown version, -1."""
    reason = _finish_reason(output, request_id)
    token_R = np.asarray(output.token_ids, dtype=np.int32)
    unknown_R = np.full(len(token_R), np.nan, np.float32)
    return RawSample((Segment(-1, token_R, unknown_R),), reason, output.text or None)


def _finish_reason(output: Any, request_id: str) -> FinishReason:
    reason: FinishReason = output.finish_reason
    if reason not in ("stop", "length", "repetition"):
        raise GenerationAbortedError(f"{request_id}: response {output.index} ended with {reason!r}")
    return reason
