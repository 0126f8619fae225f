"""One pool for all tests of code: its workers keep their sandboxes."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from verifiers import Sample, Verdict
from verifiers.pool import VerifierPool
from verifiers.sandbox.probe import probe
from verifiers.sandbox.sandbox import Level

Judge = Callable[..., Verdict]


@pytest.fixture(scope="session")
def code_pool() -> Iterator[VerifierPool]:
    report = probe(Level.BWRAP)
    if report.problem:
        pytest.skip(f"{report.line()}; runs where bubblewrap may make namespaces")
    with VerifierPool(1, timeout_s=30) as pool:
        pool.prepare("code", {})
        yield pool


@pytest.fixture
def judge(code_pool: VerifierPool) -> Judge:
    """`judge(source, metadata, tag="python", **config)`: the verdict on a response with that code."""

    def judged(source: str, metadata: dict[str, Any], tag: str = "python", **config: Any) -> Verdict:
        response = f"Here it is.\n```{tag}\n{source}\n```\n"
        return code_pool.verify("code", config, [Sample("", response, None, metadata)])[0]

    return judged
