"""Overrides, YAML's numbers, and the round trip through dump_recipe."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rlhf.recipe.data_schema import SourceConfig
from rlhf.recipe.load import dump_recipe, load_recipe
from rlhf.recipe.problems import RecipeError
from rlhf.recipe.schema import LearnerConfig
from rlhf.recipe.yaml_lines import dump, parse
from tests.recipe.helpers import GOOD, load, write

SCALARS = [
    ("1e-6", 1e-6), ("1E5", 1e5), ("1.e-6", 1e-6), (".5", 0.5), ("5.", 5.0), ("-1.5e+3", -1500.0), ("+2", 2),
    ("012", 12), ("0x10", 16), ("0o17", 15), ("10_000", 10000), ("yes", "yes"), ("off", "off"), ("true", True),
    ("False", False), ("1:30", "1:30"), ("2024-01-01", "2024-01-01"), ("~", None), ("", None), ("'1'", "1"),
    ("1e", "1e"), (".", "."), ("1_", "1_"), ("0x", "0x"), ("1.2.3", "1.2.3"), ("-.inf", float("-inf")),
]  # fmt: skip


@pytest.mark.parametrize(("text", "value"), SCALARS)
def test_scalar_is_read_as_yaml_1_2(text, value):
    found = parse(f"a: {text}").data["a"]
    assert found == value
    assert type(found) is type(value)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text().filter(lambda k: k != "<<"), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(json_values)
@example("a\x85b\u2028c")
@example(["yes", "1e-6", "012", "~", "", "a: b", "# c", " d ", "e\n", "- f", "1:30", "'", '"', "\\boxed{}", "x" * 300])
def test_dump_is_read_back(value):
    found = parse(dump({"a": value}))
    assert found.faults == []
    assert found.data == {"a": value}


def test_lines_count_from_one_and_the_shebang_counts():
    document = parse("#!/usr/bin/env x\na:\n  b: 1\n\n  c:\n    - d: 2\n    - 3\n")
    assert document.lines[("a",)] == 2
    assert document.lines[("a", "b")] == 3
    assert document.lines[("a", "c")] == 5
    assert document.lines[("a", "c", 0, "d")] == 6
    assert document.lines[("a", "c", 1)] == 7


def test_a_whole_number_is_a_key_and_a_place():
    document = parse("a:\n  12: x\n  '3': y\n")
    assert document.data == {"a": {"12": "x", "3": "y"}}
    assert document.lines[("a", "12")] == 2
    assert [str(f) for f in parse("12: x\n'12': y\n").faults] == ["written twice, first in line 1; keep one of the two"]


OVERRIDES = [
    (["rollout.engines=2"], lambda r: r.rollout.engines, 2),
    (["rollout.engines=2", "rollout.engines=3"], lambda r: r.rollout.engines, 3),
    (["learner.learning_rate=1e-3"], lambda r: r.learner.learning_rate, 1e-3),
    (["learner.learning_rate=1"], lambda r: r.learner.learning_rate, 1.0),
    (["learner.betas=[0.8, 0.9]"], lambda r: r.learner.betas, (0.8, 0.9)),
    (["reward.0.weight=0.5"], lambda r: r.reward[0].weight, 0.5),
    (["data.system_prompt=Think, then answer a=b"], lambda r: r.data.system_prompt, "Think, then answer a=b"),
    (["data.system_prompt="], lambda r: r.data.system_prompt, None),
    (["data.system_prompt='true'"], lambda r: r.data.system_prompt, "true"),
    (["data.heldout=null"], lambda r: r.data.heldout, None),
    (["data.train.task_config={min_terms: 3}"], lambda r: r.data.train.task_config, {"min_terms": 3}),
    (["data.train.task_config.min_terms=3"], lambda r: r.data.train.task_config, {"min_terms": 3}),
    (["rollout.stop=[a, '']", "rollout.stop.1=b"], lambda r: r.rollout.stop, ["a", "b"]),
    (["warmup.demonstrations=running_totals"], lambda r: r.warmup.demonstrations, "running_totals"),
    ([" rollout.engines =2"], lambda r: r.rollout.engines, 2),
]


@pytest.mark.parametrize(("overrides", "read", "value"), OVERRIDES)
def test_override_is_applied(tmp_path, overrides, read, value):
    assert read(load(tmp_path, GOOD, tuple(overrides)).recipe) == value


BAD_OVERRIDES = [
    ("rollout.engine=2", "override 'rollout.engine=2': rollout.engine: unknown key; did you mean rollout.engines?"),
    ("rollout.engines=two", "override 'rollout.engines=two': rollout.engines: found 'two'; write a whole number"),
    ("rollout.engines", "override 'rollout.engines': found 'rollout.engines'; write key.path=value"),
    ("=2", "override '=2': found '=2'; write key.path=value"),
    ("a..b=2", "override 'a..b=2': found 'a..b=2'; write key.path=value"),
    ("rollout.stop=[a", "override 'rollout.stop=[a': rollout.stop: not YAML: expected"),
    ("rollout.stop=!x a", "override 'rollout.stop=!x a': rollout.stop: the tag '!x' is not read"),
    ("rollout={engines: 1, engines: 2}", "written twice"),
    ("reward.1.weight=2", "override 'reward.1.weight=2': reward.1.weight: reward is a list of 1; write an index below 1"),
    ("reward.first.weight=2", "reward is a list of 1; write an index below 1, e.g. reward.0"),
    ("policy.model.name=x", "policy.model.name: policy.model is 'tiny-moe', not a section; override it as a whole"),
    ("kind=evil", "override 'kind=evil': kind: unknown kind 'evil'"),
    ("policy={}", "override 'policy={}': policy.model: missing"),
    ("algorithm.group_size=1", "override 'algorithm.group_size=1': algorithm.group_size: found 1"),
]  # fmt: skip


@pytest.mark.parametrize(("override", "fragment"), BAD_OVERRIDES)
def test_bad_override_is_named(tmp_path, override, fragment):
    with pytest.raises(RecipeError) as refusal:
        load(tmp_path, GOOD, (override,))
    assert fragment in str(refusal.value)


def test_a_fault_of_the_file_keeps_its_line_beside_a_good_override(tmp_path):
    with pytest.raises(RecipeError) as refusal:
        load(tmp_path, GOOD + "run:\n  seed: -1\n", ("rollout.engines=2",))
    assert [p.where.rpartition(":")[2] for p in refusal.value.problems] == ["10"]


def test_an_override_of_a_section_hides_the_lines_that_it_replaced(tmp_path):
    with pytest.raises(RecipeError) as refusal:
        load(tmp_path, GOOD + "run:\n  seed: 1\n", ("run={seed: -1}",))
    assert str(refusal.value).startswith("override 'run={seed: -1}': run.seed: found -1")


def test_resolved_recipe_is_read_back_as_an_equal_one(tmp_path):
    overrides = ("learner.learning_rate=1e-7", "data.prompt_suffix=' Box it: \\boxed{}'", "data.system_prompt='yes'")
    recipe = load(tmp_path, GOOD, overrides).recipe
    text = dump_recipe(recipe)
    again = load_recipe(write(tmp_path, text))
    assert again == recipe
    assert dump_recipe(again) == text
    assert "max_staleness: 0" in text, "defaults are written out"


def test_numbers_of_the_good_kind_are_floats(tmp_path):
    recipe = load(tmp_path, GOOD + "learner: {learning_rate: 1, adam_eps: 1e-6}\n").recipe
    assert (recipe.learner.learning_rate, recipe.learner.adam_eps) == (1.0, 1e-6)
    assert type(recipe.learner.learning_rate) is float


def test_byte_order_mark_is_passed_over(tmp_path):
    path = tmp_path / "r.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.encode())
    assert load_recipe(path).policy.model == "tiny-moe"


def test_every_source_has_its_keys_and_no_other():
    from rlhf.recipe.checks_data import BELONGS, NEEDS

    known = set(SourceConfig.model_fields) - {"source"}
    assert set().union(*BELONGS.values()) == known
    assert all(set(NEEDS[kind]) <= BELONGS[kind] for kind in BELONGS)
    assert set(BELONGS) == set(NEEDS) == {"jsonl", "parquet", "hub", "reasoning_gym"}


def test_every_override_of_a_recipe_reaches_its_definition():
    """A key that `resolve` forgot would be accepted and mean nothing."""
    from rlhf.algorithms.resolve import KL_OVERRIDES, OVERRIDES, SHAPING_OVERRIDES, VALUE_OVERRIDES
    from rlhf.recipe.algorithm_schema import AlgorithmConfig, CriticConfig, KlConfig, ShapingConfig

    def unset(section):
        return {key for key, value in section().model_dump().items() if value is None}

    assert unset(AlgorithmConfig) - {"norm_length"} == set(OVERRIDES)
    assert unset(KlConfig) == set(KL_OVERRIDES)
    assert unset(CriticConfig) - {"model"} == set(VALUE_OVERRIDES)
    assert unset(ShapingConfig) - {"overlong_buffer"} == set(SHAPING_OVERRIDES)


def test_default_token_budget_is_never_refused(tmp_path):
    budget = LearnerConfig.model_fields["token_budget"].default
    overrides = ("trainer.prompts_per_step=1", "algorithm.group_size=2", "data.max_prompt_tokens=16")
    assert load(tmp_path, GOOD, overrides).recipe.learner.token_budget == budget
    with pytest.raises(RecipeError, match="a micro-batch larger than the batch"):
        load(tmp_path, GOOD, (*overrides, f"learner.token_budget={budget + 1}"))
