"""One pool for the tests of this folder that do not count its restarts."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from verifiers.pool import VerifierPool

MODULES = str(Path(__file__).parent / "modules")


@pytest.fixture(scope="session")
def pool() -> Iterator[VerifierPool]:
    with VerifierPool(workers=1, timeout_s=3.0, memory_mb=2048, python_path=[MODULES]) as shared:
        yield shared
