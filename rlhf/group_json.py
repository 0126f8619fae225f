"""Groups as JSON: for trajectory files (read by people and by the report) and for the buffer in a checkpoint.

Floats of log-probabilities are float32 written in full, so that reading them back gives the same bits.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from rlhf.token_details import TokenDetails
from rlhf.types import Group, Prompt, Scored, Segment, Trajectory
from verifiers.base import Status, Verdict


def group_record(group: Group, step: int, details: Sequence[TokenDetails] | None = None) -> dict[str, Any]:
    """One line of trajectories/step_N.jsonl: text and verdicts, with token statistics.

    details: of every sample's tokens, for the few groups of a step that the report shades by them; an empty one is
    left out.
    """
    samples = [_sample_record(sample) for sample in group.samples]
    for sample, of_it in zip(samples, details or (), strict=details is not None):
        if of_it.texts:
            sample["details"] = of_it.to_json()
    return {
        "step": step,
        "prompt_id": group.prompt.id,
        "prompt": group.prompt.text,
        "reference": group.prompt.reference,
        "attempt": group.attempt,
        "samples": samples,
    }


def _sample_record(sample: Scored) -> dict[str, Any]:
    trajectory = sample.trajectory
    return {
        "text": trajectory.text,
        "reward": sample.reward,
        "status": str(sample.status),
        "verdicts": {label: verdict.to_json() for label, verdict in sample.verdicts.items()},
        "tokens": len(trajectory),
        "truncated": trajectory.truncated,
        "repeats": trajectory.looping,
        "versions": sorted({s.version for s in trajectory.segments}),
        "logp_mean": float(trajectory.logp_R.mean()) if len(trajectory) else None,
        "engine": trajectory.engine,
    }


def group_to_json(group: Group) -> dict[str, Any]:
    """Everything, so that `group_from_json` gives an equal group."""
    prompt = dataclasses.asdict(group.prompt)
    prompt["metadata"] = dict(group.prompt.metadata)
    return {"prompt": prompt, "attempt": group.attempt, "samples": [_sample_to_json(s) for s in group.samples]}


def group_from_json(record: dict[str, Any]) -> Group:
    prompt = record["prompt"]
    prompt["token_ids"] = tuple(prompt["token_ids"])
    return Group(Prompt(**prompt), tuple(_sample_from_json(s) for s in record["samples"]), record["attempt"])


def _sample_to_json(sample: Scored) -> dict[str, Any]:
    trajectory = sample.trajectory
    return {
        "prompt_id": trajectory.prompt_id,
        "sample_index": trajectory.sample_index,
        "segments": [[s.version, s.token_ids_R.tolist(), s.logp_R.tolist()] for s in trajectory.segments],
        "finish_reason": trajectory.finish_reason,
        "text": trajectory.text,
        "engine": trajectory.engine,
        "verdicts": {label: dataclasses.asdict(verdict) for label, verdict in sample.verdicts.items()},
        "reward": sample.reward,
        "status": str(sample.status),
        "graded": sample.graded,
    }


def _sample_from_json(record: dict[str, Any]) -> Scored:
    segments = tuple(
        Segment(version, np.asarray(tokens, np.int32), np.asarray(logp, np.float32))
        for version, tokens, logp in record["segments"]
    )
    trajectory = Trajectory(
        record["prompt_id"],
        record["sample_index"],
        segments,
        record["finish_reason"],
        record["text"],
        record["engine"],
    )
    verdicts = {label: Verdict(**verdict) for label, verdict in record["verdicts"].items()}
    return Scored(trajectory, verdicts, record["reward"], Status(record["status"]), record["graded"])
