"""A compiled engine: a publication must reach the tensors that its graph was traced with, not copies beside them."""

import pytest

from rlhf.publication import differences
from rlhf.rollout.sampling import Sampling
from tests.rollout.test_engine import Published, loop, run  # noqa: F401 - fixtures

pytestmark = pytest.mark.full


@pytest.mark.parametrize(("kind", "dtype"), [("dense", "bfloat16"), ("moe", "float32")])
def test_publications_into_a_compiled_engine_are_proven(kind, dtype, tmp_path, loop, run):  # noqa: F811
    served = Published(kind, dtype, tmp_path, enforce_eager=False)
    run(served.engine.start())
    try:
        for _ in range(2):
            manifest = served.next_manifest()
            # The canary is what tells: checksums are of the tensors that the engine holds, not of what its graph reads.
            assert differences(manifest, run(served.engine.publish(manifest))) == []
            samples = run(served.engine.generate(list(range(5, 15)), Sampling(4, 1.0, 12)))
            assert [s.segments[0].version for s in samples] == [served.version] * 4
    finally:
        served.engine.shutdown()
        served.shared.close()
