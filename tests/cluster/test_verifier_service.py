"""The verifier pools as Ray actors: what must not wait for verdicts, and the gold answers at the start of a run."""

import asyncio
import os
import select
import threading
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.actors import VerifierActor
from rlhf.recipe.schema import RewardComponent, VerifyConfig
from rlhf.types import Prompt
from tests.verifiers.conftest import MODULES
from verifiers.pool.jobs import PoolClosedError
from verifiers.pool.slot import VerifierLoadError

ray = pytest.importorskip("ray")
from cluster import verifier_service  # noqa: E402 - imports Ray
from cluster.verifier_service import GoldError, VerifierService, evenly_spaced  # noqa: E402

WAIT_S = 30


@pytest.fixture(scope="module")
def cluster():
    ray.init(address="local", num_cpus=4, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


@pytest.fixture
async def make(cluster, monkeypatch):
    """Makes services with one pool, which are closed afterwards; `make.notes` is what they said.

    They are started from the folder of the test's own verifiers, as a user starts a run.
    """
    monkeypatch.chdir(MODULES)
    made = []

    def make_service(*names, **verify):
        reward = [RewardComponent(verifier=name) for name in names]
        made.append(VerifierService([{"num_cpus": 0}], VerifyConfig(**verify), reward, make_service.notes.append))
        return made[-1]

    make_service.notes = []
    yield make_service
    for service in made:
        await asyncio.wait_for(service.close(), WAIT_S)


def prompts(name, references):
    return [Prompt(f"{name}/{i}", f"question {i}", (1,), reference) for i, reference in enumerate(references)]


async def test_neither_metrics_nor_close_wait_for_verdicts(make):
    service = make("custom_rules:hangs", timeout_s=3600)
    await service.start()
    (prompt,) = prompts("train", [None])
    busy = [asyncio.ensure_future(service.verify(prompt, ["hang"])) for _ in range(verifier_service._CONCURRENCY + 8)]
    await asyncio.sleep(0)  # each has now been sent: what is asked next stands behind them
    metrics = await asyncio.wait_for(service.metrics(), WAIT_S)
    assert (metrics["verifier/count/correct"], metrics["verifier/restarts/timeout"]) == (0.0, 0.0)
    assert not any(task.done() for task in busy)
    await asyncio.wait_for(service.close(), WAIT_S)
    ends = await asyncio.wait_for(asyncio.gather(*busy, return_exceptions=True), WAIT_S)
    assert {type(end) for end in ends} <= {PoolClosedError, ray.exceptions.ActorDiedError}
    assert (await service.metrics())["verifier/pools_lost"] == 0.0  # and none was started in its place


class Deaf(VerifierActor):
    """Does not end by itself."""

    def close(self):
        threading.Event().wait()

    def pid(self):
        return os.getpid()


async def test_a_pool_that_does_not_close_is_killed(make, monkeypatch):
    monkeypatch.setattr(verifier_service, "VerifierActor", Deaf)
    monkeypatch.setattr(verifier_service, "CLOSE_S", 0.1)
    service = make("custom_rules:hangs")
    await service.start()
    handle = os.pidfd_open(await service._actors[0].pid.remote())
    try:
        await asyncio.wait_for(service.close(), WAIT_S)
        assert select.select([handle], [], [], WAIT_S)[0]
    finally:
        os.close(handle)
    assert make.notes == ["verifier pools did not end within 0.1 s; they are killed"]


async def test_gold_answers_that_are_accepted_are_counted(make):
    service = make("math", "format")
    await service.start(prompts("train", ["1", "\\frac{1}{2}"]), prompts("heldout", ["x^2"]))
    assert make.notes == ["gold answers of 3 prompts: math accepts its 3, format has none to check"]
    assert (await service.metrics())["verifier/count/correct"] == 0.0  # they are no answers of a policy


async def test_code_runs_in_the_sandbox_of_a_node(make):
    service = make("code", "custom_rules:together")
    row = {"tests": [{"input": "3 4", "output": "7"}]}
    prompt = Prompt("train/0", "add", (1,), "print(sum(map(int, input().split())))", row)
    await service.start([prompt])
    assert make.notes == ["gold answers of 1 prompts: code accepts its 1, together has none to check"]
    texts = [f"```python\nprint({answer})\n```" for answer in (7, 8)]
    verdicts = await service.verify(prompt, texts)
    assert [str(verdict["code"].status) for verdict in verdicts] == ["correct", "wrong"]
    assert [verdict["together"].extracted for verdict in verdicts] == texts


async def test_a_gold_answer_that_is_not_accepted_stops_the_run(make):
    service = make("format", "math")
    with pytest.raises(GoldError) as caught:
        await service.start(prompts("train", ["1", "2", "3}", "4"]), prompts("heldout", ["5", "1 or"]))
    assert str(caught.value).splitlines()[:2] == [
        "reward 'math' does not accept 1 of its own gold answers (checked: 6 prompts):",
        "  train/2 (data.train, row 2 counted from 0): reference '3}', verdict error, extracted nothing, math: the braces of "
        "the reference do not balance: 3}",
    ]


async def test_of_many_prompts_as_many_of_each_set_are_checked(make, monkeypatch):
    monkeypatch.setattr(verifier_service, "GOLD_PROMPTS", 4)
    service = make("math")
    await service.start(prompts("train", map(str, range(20))), prompts("heldout", ["1", "2"]))
    assert make.notes == ["gold answers of 6 of 22 prompts, evenly spaced: math accepts its 6"]
    bad = ["{" if i in (0, 15) else "1" for i in range(20)]
    with pytest.raises(
        GoldError, match=r"2 of its own gold answers \(checked: 4 of 20 prompts, evenly spaced\)"
    ) as caught:
        await service.check_gold(prompts("train", bad))
    assert [line.split()[0] for line in str(caught.value).splitlines()[1:-1]] == ["train/0", "train/15"]


async def test_a_missing_reference_is_found_too(make):
    service = make("custom_rules:same_text")
    with pytest.raises(
        GoldError, match="reference None, verdict error, extracted nothing, same_text needs a reference"
    ):
        await service.start(prompts("train", [None]))


async def test_what_is_wrong_with_a_verifier_is_raised_as_itself(make):
    with pytest.raises(VerifierLoadError) as caught:
        await make("custom_rules:no_such").start()
    assert str(caught.value).startswith("verifier 'custom_rules:no_such' could not be loaded: ImportError")


@given(st.integers(0, 300), st.integers(1, 50))
def test_evenly_spaced_prompts(number, limit):
    every = prompts("train", [None] * number)
    places = [int(prompt.id.partition("/")[2]) for prompt in evenly_spaced(every, limit)]
    assert len(places) == min(number, limit)
    assert places[:1] == [0][:number]
    gaps = [after - before for before, after in pairwise([*places, number])]
    assert not gaps or max(gaps) - min(gaps) <= 1
