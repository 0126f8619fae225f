"""A group survives its JSON form bit for bit, hostile text and all."""

import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rlhf.group_json import group_from_json, group_record, group_to_json
from rlhf.types import Group, Scored, Segment, Trajectory
from tests.rollout.factories import group, prompt
from verifiers.base import Status, Verdict

float32 = st.floats(-80, 0, width=32)


@given(st.lists(st.tuples(st.integers(0, 2**31 - 1), float32), min_size=1), st.text())
def test_round_trip_is_exact(tokens, text):
    ids = np.array([t for t, _ in tokens], np.int32)
    logp = np.array([x for _, x in tokens], np.float32)
    sample = Trajectory("train/0", 0, (Segment(3, ids, logp), Segment(4, ids, logp)), "length", text, "engine-1")
    verdicts = {"math": Verdict.wrong("7", "not 42", 0.25).timed(0.5)}
    before = Group(prompt(), (Scored(sample, verdicts, 0.25, Status.WRONG),), attempt=2)
    after = group_from_json(json.loads(json.dumps(group_to_json(before))))
    assert after.prompt == before.prompt
    assert after.attempt == 2
    assert after.samples[0].verdicts == verdicts
    got = after.samples[0].trajectory
    assert (got.text, got.finish_reason, got.engine) == (text, "length", "engine-1")
    for a, b in zip(got.segments, sample.segments, strict=True):
        assert a.version == b.version
        assert a.token_ids_R.tobytes() == b.token_ids_R.tobytes()
        assert a.logp_R.tobytes() == b.logp_R.tobytes()


def test_the_record_for_people_has_the_verdicts_and_versions():
    record = group_record(group(0, (1.0, None), versions=(1, 2)), step=5)
    assert record["step"] == 5
    assert [s["status"] for s in record["samples"]] == ["correct", "error"]
    assert record["samples"][0]["versions"] == [1, 2]
    assert record["samples"][0]["tokens"] == 6
    assert record["samples"][1]["reward"] is None
