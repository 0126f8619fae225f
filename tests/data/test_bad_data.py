"""Bad rows as a table: what the line holds, and what the refusal must say (place, field, found, fix)."""

from __future__ import annotations

import pytest

from rlhf.data.errors import BadRowError, DataError
from rlhf.data.load import load_prompts
from rlhf.data.rows import make_row
from rlhf.recipe.data_schema import DataConfig, SourceConfig
from tests.data.helpers import WordTokenizer, config, source, write_rows

GOOD = {"prompt": "What is 1 + 1?", "reference": "2"}
FIELDS = {"metadata_fields": ["level"], "domain_field": "topic"}

ROWS = [
    ("{", {}, "not JSON at column 2: Expecting property name"),
    ("not json", {}, "not JSON at column 1: Expecting value; write one JSON object a line"),
    ('{"prompt": "a"} {"prompt": "b"}', {}, "not JSON at column 17: Extra data"),
    ("[]", {}, "found a list; write one JSON object a line"),
    ("3", {}, "found the number 3; write one JSON object a line"),
    ("null", {}, "found null; write one JSON object a line"),
    (b'{"prompt": "caf\xe9", "reference": "x"}', {}, "not UTF-8 at byte 16; save the file as UTF-8"),
    ('{"prompt": "a", "reference": NaN}', {}, "found NaN, which is no JSON"),
    ("[" * 100_000, {}, "nested too deeply"),
    ('{"prompt": "a", "reference": ' + "9" * 5000 + "}", {}, "holds a whole number of thousands of digits"),
    ({"reference": "2"}, {}, "field 'prompt' is missing; the row has: reference; write it, or name another in data.train.prompt_field"),
    ({"promt": "a", "reference": "2"}, {}, "field 'prompt' is missing; the row has: promt, reference; did you mean data.train.prompt_field: promt?"),
    ({}, {}, "field 'prompt' is missing; the row has: nothing"),
    ({"prompt": "a", "answer": "2"}, {}, "field 'reference' is missing; the row has: prompt, answer; write it, or name another in data.train.reference_field"),
    ({"prompt": 3, "reference": "2"}, {}, "field 'prompt': found the number 3; write text, or a list of chat messages"),
    ({"prompt": None, "reference": "2"}, {}, "field 'prompt': found null; write text"),
    ({"prompt": "", "reference": "2"}, {}, "field 'prompt' is empty; write the user's text"),
    ({"prompt": " \n", "reference": "2"}, {}, "field 'prompt' is empty"),
    ({"prompt": [], "reference": "2"}, {}, "field 'prompt' ends with an empty list; the last message must be the user's"),
    ({"prompt": [{"role": "assistant", "content": "a"}], "reference": "2"}, {}, "ends with a message of role 'assistant'"),
    ({"prompt": ["a"], "reference": "2"}, {}, 'field prompt[0]: found text; write {"role": …, "content": …}'),
    ({"prompt": [{"from": "human", "value": "a"}], "reference": "2"}, {}, "field prompt[0]: found keys from, value"),
    ({"prompt": [{"role": "human", "content": "a"}], "reference": "2"}, {}, "field prompt[0].role: found 'human'; write system, user,"),
    ({"prompt": [{"role": "user", "content": ""}], "reference": "2"}, {}, "field prompt[0].content: found empty text"),
    ({"prompt": [{"role": "user", "content": [{"type": "text"}]}], "reference": "2"}, {}, "field prompt[0].content: found a list"),
    ({"prompt": "a", "reference": None}, {}, "field 'reference': found null; write the gold answer as text or a number, or data.train.reference_field: null"),
    ({"prompt": "a", "reference": ""}, {}, "field 'reference' is empty; write the gold answer"),
    ({"prompt": "a", "reference": ["2"]}, {}, "field 'reference': found a list"),
    ({"prompt": "a", "reference": True}, {}, "field 'reference': found true"),
    ('{"prompt": "a", "reference": 1e999}', {}, "field 'reference': found the number inf"),
    ({**GOOD, "topic": "x"}, FIELDS, "field 'level' is missing; the row has: prompt, reference, topic; write it, or name another in data.train.metadata_fields"),
    ({**GOOD, "level": 1}, FIELDS, "field 'topic' is missing"),
    ({**GOOD, "level": 1, "topic": 3}, FIELDS, "field 'topic': found the number 3; write the domain's name as text"),
    ('{"prompt": "a", "reference": "2", "topic": "x", "level": [1e999]}', FIELDS, "field 'level': Out of range float values"),
    (r'{"prompt": "a\ud800b", "reference": "2"}', {}, "field 'prompt': character 2 is U+D800, half of a surrogate pair, which UTF-8 cannot hold; write"),
    (r'{"prompt": "a", "reference": "\udfff"}', {}, "field 'reference': character 1 is U+DFFF, half of a surrogate pair"),
    (r'{"prompt": [{"role": "user", "content": "\udc00"}], "reference": "2"}', {}, "field 'prompt[0].content': character 1 is U+DC00"),
    (r'{"prompt": [{"role": "\ud800", "content": "a"}], "reference": "2"}', {}, "field 'prompt[0].role': character 1 is U+D800"),
    (r'{"prompt": "a", "reference": "2", "topic": "x", "level": {"of": ["easy", "ha\ud800rd"]}}', FIELDS, "field 'level.of[1]': character 3 is U+D800"),
    (r'{"prompt": "a", "reference": "2", "topic": "x", "level": {"\ud800": 1}}', FIELDS, r"field 'level.\ud800': character 1 is U+D800"),
    (r'{"prompt": "a", "reference": "2", "topic": "\ud800", "level": 1}', FIELDS, "field 'topic': character 1 is U+D800"),
    (r'{"pr\ud800mpt": "a", "reference": "2"}', {}, r"the row has: pr\ud800mpt, reference; did you mean data.train.prompt_field: pr\ud800mpt?"),
    ({"prompt": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, {"role": "user", "content": "c"}], "reference": "2"}, {},
     "a chat of 3 messages, but the tokenizer has no chat template; write plain text"),
]  # fmt: skip


@pytest.mark.parametrize(("row", "fields", "fragment"), ROWS, ids=[r[2][:50] for r in ROWS])
def test_bad_row_stops_with_file_and_line_or_is_skipped_and_listed(tmp_path, row, fields, fragment):
    good = {**GOOD, "level": 1, "topic": "sums"}
    path = write_rows(tmp_path / "t.jsonl", [good, "", row, {**good, "prompt": "What is 2 + 2?"}])
    with pytest.raises(BadRowError) as refusal:
        load_prompts(config(path, fields=fields), WordTokenizer())
    assert str(refusal.value).startswith(f"{path}:3: ")
    assert fragment in str(refusal.value)
    assert str(refusal.value).isprintable()
    assert "on_bad_row: skip" in str(refusal.value)

    sets = load_prompts(config(path, fields=fields, on_bad_row="skip"), WordTokenizer())
    assert [p.id for p in sets.train] == ["train/0", "train/2"]
    assert [fault.origin for fault in sets.report.train.bad] == [f"{path}:3"]
    assert fragment in sets.report.details()[0]
    assert sets.report.summary() == "train: 2 prompts (1 bad row skipped, longest 6 tokens)"


def test_a_character_outside_the_basic_plane_is_no_bad_row(tmp_path):
    """JSON writes it as a pair of surrogates, and reads it as one character."""
    row = (
        r'{"prompt": "\ud83d\ude00?", "reference": "\ud83d\ude00", "topic": "\ud83d\ude00", "level": ["\ud83d\ude00"]}'
    )
    (prompt,) = load_prompts(config(write_rows(tmp_path / "t.jsonl", [row]), fields=FIELDS), WordTokenizer()).train
    assert (prompt.text, prompt.reference, prompt.domain) == ("\U0001f600?", "\U0001f600", "\U0001f600")
    assert prompt.metadata == {"level": ["\U0001f600"]}


def test_metadata_nested_too_deeply_is_a_bad_row(tmp_path):
    deep = 0
    for _ in range(2000):
        deep = [deep]
    record = {**GOOD, "level": deep, "topic": "x"}
    with pytest.raises(BadRowError, match="field 'level': maximum recursion depth"):
        make_row(record, "t:1", 0, source(tmp_path, **FIELDS), "data.train")


def test_line_separators_of_unicode_end_no_line(tmp_path):
    path = write_rows(tmp_path / "t.jsonl", ['{"prompt": "a\u2028b\u0085c", "reference": "2"}', "broken"])
    with pytest.raises(BadRowError, match=r"t\.jsonl:2: not JSON"):
        load_prompts(config(path), WordTokenizer())


def test_long_prompt_stops_or_is_skipped(tmp_path):
    path = write_rows(
        tmp_path / "t.jsonl", [{"prompt": "a b c d", "reference": "2"}, {"prompt": "a", "reference": "2"}]
    )
    with pytest.raises(
        DataError, match=r"t\.jsonl:1: the prompt has 5 tokens, data.max_prompt_tokens is 4; raise it, or write"
    ):
        load_prompts(config(path, max_prompt_tokens=4), WordTokenizer())
    sets = load_prompts(config(path, max_prompt_tokens=4, on_long_prompt="skip"), WordTokenizer())
    assert [p.id for p in sets.train] == ["train/1"]
    assert sets.report.summary() == "train: 1 prompt (1 beyond max_prompt_tokens skipped, longest 2 tokens)"
    assert load_prompts(config(path, max_prompt_tokens=5), WordTokenizer()).report.train.kept == 2


def test_a_report_lists_twenty_rows_and_counts_the_rest(tmp_path):
    path = write_rows(tmp_path / "t.jsonl", [GOOD, *["bad"] * 23])
    report = load_prompts(config(path, on_bad_row="skip"), WordTokenizer()).report
    lines = str(report).splitlines()
    assert lines[0] == "train: 1 prompt (23 bad rows skipped, longest 6 tokens)"
    assert [line.split(": ")[0] for line in lines[1:21]] == [f"{path}:{n}" for n in range(2, 22)]
    assert lines[21:] == ["and 3 more rows"]
    assert len(report.details()) == 23


def test_bad_rows_alone_are_no_data(tmp_path):
    path = write_rows(tmp_path / "t.jsonl", ["x", "y"])
    with pytest.raises(DataError, match=r"data\.train: no prompt is left of 2 rows \(2 bad, 0 too long, 0 held out\)"):
        load_prompts(config(path, on_bad_row="skip"), WordTokenizer())


def test_empty_file_is_no_data(tmp_path):
    with pytest.raises(DataError, match=r"data\.train: no prompt is left of 0 rows"):
        load_prompts(config(write_rows(tmp_path / "t.jsonl", [])), WordTokenizer())


def test_absent_file_names_its_neighbour(tmp_path):
    write_rows(tmp_path / "train.jsonl", [GOOD])
    with pytest.raises(DataError, match=r"data\.train\.path: no file .*trian\.jsonl'; did you mean .*/train\.jsonl\?"):
        load_prompts(config(tmp_path / "trian.jsonl"), WordTokenizer())


def test_cut_gzip_is_refused(tmp_path):
    import gzip

    path = tmp_path / "t.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"prompt": "a", "reference": "b"}\n' * 50)[:-12])
    with pytest.raises(DataError, match=r"t\.jsonl\.gz: cannot be read: Compressed file ended"):
        load_prompts(config(path), WordTokenizer())


GYM = [
    ({"task": "chain_sums"}, "data.train.task: reasoning-gym has no task 'chain_sums'; did you mean chain_sum"),
    ({"task": "zzzz"}, "data.train.task: reasoning-gym has no task 'zzzz'; there are"),
    ({"task": "chain_sum", "task_config": {"nope": 1}}, "data.train.task_config: task chain_sum does not take {'nope': 1}"),
    ({"task": "chain_sum", "task_config": {"nope": 1}}, "it has: min_terms, max_terms"),
    ({"task": "chain_sum", "task_config": {"min_terms": 5, "max_terms": 2}}, "max_terms must be >= min_terms"),
]  # fmt: skip


@pytest.mark.parametrize(("keys", "fragment"), GYM)
def test_bad_task_is_named(keys, fragment):
    data = DataConfig(train=SourceConfig(source="reasoning_gym", size=4, **keys))
    with pytest.raises(DataError) as refusal:
        load_prompts(data, WordTokenizer())
    assert fragment in str(refusal.value)
