"""Good data of every source, as the prompts that come of it."""

from __future__ import annotations

import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rlhf.data.errors import DataError
from rlhf.data.load import load_prompts
from rlhf.data.rows import Row
from rlhf.data.sources import read_rows
from rlhf.recipe.data_schema import DataConfig, SourceConfig
from tests.data.helpers import WordTokenizer, config, source, write_rows

ROWS = [
    {"question": "What is 1 + 1?", "answer": "2", "level": 1, "topic": "sums"},
    {"question": "What is 2 + 3?", "answer": "5", "level": 2, "topic": "more sums"},
]
FIELDS = {
    "prompt_field": "question",
    "reference_field": "answer",
    "metadata_fields": ["level"],
    "domain_field": "topic",
}


def rows_of(config: SourceConfig) -> list[Row]:
    rows = list(read_rows(config, "data.train"))
    assert all(isinstance(row, Row) for row in rows), rows
    return rows


def expected(origins):
    return [
        Row(origins[0], 0, "What is 1 + 1?", "2", {"level": 1}, "sums"),
        Row(origins[1], 1, "What is 2 + 3?", "5", {"level": 2}, "more sums"),
    ]


def test_jsonl(tmp_path):
    path = write_rows(tmp_path / "t.jsonl", [b"\xef\xbb\xbf" + json.dumps(ROWS[0]).encode() + b"\r", "  ", ROWS[1]])
    assert rows_of(source(path, **FIELDS)) == expected([f"{path}:1", f"{path}:3"])


def test_gzipped_jsonl(tmp_path):
    path = tmp_path / "t.jsonl.gz"
    path.write_bytes(gzip.compress("\n".join(json.dumps(r) for r in ROWS).encode()))
    assert rows_of(source(path, **FIELDS)) == expected([f"{path}:1", f"{path}:2"])


def test_parquet(tmp_path):
    path = tmp_path / "t.parquet"
    pq.write_table(pa.Table.from_pylist([{**r, "unused": 1} for r in ROWS]), path)
    config = SourceConfig(source="parquet", path=str(path), **FIELDS)
    assert rows_of(config) == expected([f"{path}:row 1", f"{path}:row 2"])


def test_hub_layout_through_datasets(tmp_path, monkeypatch):
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    folder = tmp_path / "set"
    folder.mkdir()
    write_rows(folder / "train.jsonl", ROWS)
    write_rows(folder / "test.jsonl", ROWS[1:])
    config = SourceConfig(source="hub", path=str(folder), **FIELDS)
    assert rows_of(config) == expected([f"{folder}[train]:row 1", f"{folder}[train]:row 2"])
    test = SourceConfig(source="hub", path=str(folder), split="test", **FIELDS)
    assert [row.text for row in rows_of(test)] == ["What is 2 + 3?"]
    absent = SourceConfig(source="hub", path=str(folder), split="nope", **FIELDS)
    with pytest.raises(DataError, match=r"\[nope\]: cannot be loaded: .*check data\.train\.path, \.subset, \.split"):
        rows_of(absent)


@pytest.mark.parametrize("field", ["prompt_field", "reference_field", "domain_field"])
def test_absent_column_is_a_fault_of_the_source(tmp_path, field):
    path = tmp_path / "t.parquet"
    pq.write_table(pa.Table.from_pylist(ROWS), path)
    config = SourceConfig(source="parquet", path=str(path), **{**FIELDS, field: "levels"})
    with pytest.raises(
        DataError, match=rf"t\.parquet: no column 'levels' \(data\.train\.{field}\); did you mean level\?"
    ):
        rows_of(config)


def test_file_that_is_no_parquet_is_refused(tmp_path):
    path = write_rows(tmp_path / "t.parquet", ROWS)
    with pytest.raises(DataError, match=r"t\.parquet: is not a parquet file"):
        rows_of(SourceConfig(source="parquet", path=str(path)))


def test_parquet_value_that_json_cannot_carry_is_a_bad_row(tmp_path):
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"prompt": ["a"], "reference": ["b"], "raw": [b"\x00"]}), path)
    (fault,) = read_rows(SourceConfig(source="parquet", path=str(path), metadata_fields=["raw"]), "data.train")
    assert "field 'raw': Object of type bytes is not JSON serializable; metadata must be plain JSON" in str(fault)


def test_reasoning_gym_carries_what_its_scorer_needs():
    config = SourceConfig(
        source="reasoning_gym", task="chain_sum", size=3, seed=7, task_config={"min_digits": 1, "max_digits": 1}
    )
    rows = rows_of(config)
    assert [row.origin for row in rows] == [f"reasoning_gym/chain_sum:{i}" for i in range(3)]
    assert rows == rows_of(config), "the same seed makes the same prompts"
    for row in rows:
        assert row.metadata["task"] == row.domain == "chain_sum"
        assert row.metadata["task_config"] == {"min_digits": 1, "max_digits": 1}
        assert row.metadata["entry"]["question"] == row.text
        assert row.metadata["entry"]["answer"] == row.reference
        assert json.loads(json.dumps(row.metadata)) == row.metadata
        expression = row.metadata["entry"]["metadata"]["expression"]
        assert str(eval(expression)) == row.reference


def test_reasoning_gym_item_is_made_from_seed_plus_index():
    """What the check of train against held-out seeds goes by."""
    first = rows_of(SourceConfig(source="reasoning_gym", task="chain_sum", size=4, seed=1))
    later = rows_of(SourceConfig(source="reasoning_gym", task="chain_sum", size=4, seed=3))
    assert [row.text for row in first[2:]] == [row.text for row in later[:2]]
    assert first[0].text != later[0].text


def test_a_task_without_a_single_answer_has_no_reference():
    (row,) = rows_of(SourceConfig(source="reasoning_gym", task="graph_color", size=1))
    assert row.reference is None


def test_a_question_without_an_answer_is_a_bad_row():
    found = list(read_rows(SourceConfig(source="reasoning_gym", task="tsumego", size=30), "data.train"))
    bad = [item for item in found if not isinstance(item, Row)]
    assert 0 < len(bad) < 30
    assert all(
        "it has no right answer: no move on this board captures a white stone; write data.on_bad_row: skip" in str(item)
        for item in bad
    )


def test_a_generator_that_fails_is_a_bad_row():
    config = SourceConfig(
        source="reasoning_gym", task="knights_knaves", size=2, task_config={"n_people": 2, "depth_constraint": 1}
    )
    faults = [str(item) for item in read_rows(config, "data.train")]
    assert "reasoning_gym/knights_knaves:0: its generator failed: IndexError" in faults[0]
    assert "change data.train.task_config" in faults[0]


@pytest.mark.parametrize(
    ("answer", "reference"), [(72, "72"), (0.5, "0.5"), (-3, "-3"), ("1/2", "1/2"), (10**25, str(10**25))]
)
def test_bare_numbers_are_answers(tmp_path, answer, reference):
    path = write_rows(tmp_path / "t.jsonl", [{"prompt": "a", "reference": answer}])
    assert rows_of(source(path))[0].reference == reference


def test_no_reference_where_the_recipe_says_so(tmp_path):
    path = write_rows(tmp_path / "t.jsonl", [{"prompt": "a"}])
    assert rows_of(source(path, reference_field=None))[0].reference is None


def test_size_takes_the_first_good_ones_and_ids_keep_the_row(tmp_path):
    rows = [{"prompt": f"p {i}", "reference": "x"} for i in range(5)]
    path = write_rows(tmp_path / "t.jsonl", ["bad", *rows])
    sets = load_prompts(config(path, fields={"size": 2}, on_bad_row="skip"), WordTokenizer())
    assert [(p.id, p.text) for p in sets.train] == [("train/1", "p 0"), ("train/2", "p 1")]
    everything = load_prompts(config(path, fields={"size": 9}, on_bad_row="skip"), WordTokenizer())
    assert (
        everything.report.train.summary() == "train: 5 prompts (1 bad row skipped, 9 were asked for, longest 3 tokens)"
    )


def test_fingerprint_changes_with_prompts_and_order(tmp_path):
    def mark(*rows: str) -> str:
        path = write_rows(tmp_path / "t.jsonl", [{"prompt": r, "reference": "x"} for r in rows])
        return load_prompts(config(path), WordTokenizer()).fingerprint

    assert mark("a", "bb") == mark("a", "bb")
    assert len({mark("a", "bb"), mark("bb", "a"), mark("a"), mark("a", "bbb")}) == 4


def test_sets_of_reasoning_gym_are_apart():
    def part(seed: int) -> SourceConfig:
        return SourceConfig(source="reasoning_gym", task="chain_sum", size=50, seed=seed, task_config={"min_terms": 3})

    sets = load_prompts(DataConfig(train=part(0), heldout=part(50)), WordTokenizer())
    assert [p.id for p in sets.heldout[:2]] == ["heldout/0", "heldout/1"]
    assert not {p.text for p in sets.train} & {p.text for p in sets.heldout}
