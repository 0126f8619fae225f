"""Sandboxes shared by the tests, one of each level that this machine gives."""

from collections.abc import Iterator

import pytest

from verifiers.sandbox.probe import ASSAULT, probe
from verifiers.sandbox.sandbox import Level, Sandbox, Settings


@pytest.fixture(scope="session", params=list(Level), ids=str)
def level(request: pytest.FixtureRequest) -> Level:
    report = probe(request.param)
    if report.problem:
        pytest.skip(f"{report.level} is not to be had here: {report.problem}")
    return request.param


@pytest.fixture(scope="session")
def sandbox(level: Level) -> Iterator[Sandbox]:
    with Sandbox(Settings(level, memory_mb=256, preload=(ASSAULT,))) as started:
        yield started
