"""reasoning-gym's tasks as benchmarks: the generators of training, with seeds of their own."""

import json

import pytest

pytest.importorskip("reasoning_gym")

from rlhf.data.errors import BadRowError, DataError
from rlhf.data.rows import Row
from rlhf.data.sources import read_reasoning_gym
from rlhf.evaluation.benchmarks.spec import BOXED
from rlhf.recipe.data_schema import SourceConfig
from tests.evaluation.benchmarks.rows import load
from verifiers import Sample, Status
from verifiers.pool import VerifierPool


def test_problems_are_the_generators_own_and_their_golds_right():
    loaded = load("reasoning_gym:chain_sum", None, size=5, task_config={"min_terms": 2, "max_terms": 2})
    assert [p.id for p in loaded.problems] == ["0", "1", "2", "3", "4"]
    assert (loaded.benchmark.verifier, loaded.benchmark.instruction) == ("logic", BOXED)
    assert loaded.source.kind == "reasoning_gym"
    assert loaded.source.name == "chain_sum"
    made = {"seed": 1_000_000_000, "size": 5, "difficulty": [], "min_terms": 2, "max_terms": 2}
    assert json.loads(str(loaded.source.subset)) == made
    again = load("reasoning_gym:chain_sum", None, size=5, task_config={"min_terms": 2, "max_terms": 2})
    assert again.problems == loaded.problems
    with VerifierPool(1, timeout_s=30, isolation="process_only") as pool:
        samples = [Sample(p.question, f"\\boxed{{{p.reference}}}", p.reference, p.metadata) for p in loaded.problems]
        assert {v.status for v in pool.verify("logic", {}, samples)} == {Status.CORRECT}


def test_its_seed_is_not_that_of_training():
    asked = load("reasoning_gym:chain_sum", None, size=20)
    source = SourceConfig(source="reasoning_gym", task="chain_sum", size=20)
    trained = {item.text for item in read_reasoning_gym(source, "data.train") if isinstance(item, Row)}
    assert trained.isdisjoint(p.question for p in asked.problems)
    assert load("reasoning_gym:chain_sum", None, size=20, seed=0).problems[0].question in trained


def test_levels_take_turns_and_are_categories():
    problems = load("reasoning_gym:countdown", None, size=6, difficulty=[1, 3]).problems
    assert [p.category for p in problems] == ["level 1", "level 2", "level 3"] * 2
    assert {p.category for p in load("reasoning_gym:countdown", None, size=2, difficulty=2).problems} == {None}
    assert len(load("reasoning_gym:countdown", None, size=6, limit=4).problems) == 4


def rows(pattern):
    """A generator whose entries are good where the pattern says +."""

    def read(_config, _key):
        for index, sign in enumerate(pattern):
            good = Row(f"g:{index}", index, f"question {index}", str(index))
            yield good if sign == "+" else BadRowError(f"g:{index}", "it has no right answer: none")

    return read


def test_an_entry_without_a_right_answer_gives_its_place_to_the_next(monkeypatch):
    monkeypatch.setattr("rlhf.data.sources.read_reasoning_gym", rows("+-++-+"))
    problems = load("reasoning_gym:chain_sum", None, size=3).problems
    assert [p.id for p in problems] == ["0", "2", "3"]


def test_a_generator_that_mostly_fails_is_refused(monkeypatch):
    monkeypatch.setattr("rlhf.data.sources.read_reasoning_gym", rows("+-----"))
    with pytest.raises(DataError, match="1 of 6 entries are problems, 3 were asked for: g:1: it has no right answer"):
        load("reasoning_gym:chain_sum", None, size=3)


@pytest.mark.parametrize(
    ("name", "more", "said"),
    [
        ("reasoning_gym:chainsum", {}, "no task 'chainsum'; did you mean chain_sum"),
        ("reasoning_gym:chain_sum", {"difficulty": 3}, "chain_sum has no levels; there are for: "),
        ("reasoning_gym:chain_sum", {"task_config": {"terms": 2}}, "task chain_sum does not take {'terms': 2}"),
    ],
)
def test_what_cannot_be_made(name, more, said):
    with pytest.raises(DataError) as caught:
        load(name, None, **more)
    assert said in str(caught.value)
    assert str(caught.value).startswith(name)
