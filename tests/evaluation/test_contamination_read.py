"""Training prompts from every kind of file, and what is said of rows and files that have none."""

from __future__ import annotations

import gzip
import json

import pytest

from rlhf.data.errors import LONG_NUMBER, BadRowError, DataError
from rlhf.evaluation.contamination_read import read_texts
from tests.recipe.helpers import GOOD, write

ROWS = [{"prompt": "one", "x": 1}, {"prompt": "zwei ½ \ud83d\ude00", "x": 2}]
CHAT = [
    {"role": "system", "content": "be brief"},
    {"role": "user", "content": [{"type": "text", "text": "hi"}, {"type": "image"}]},
]


def write_rows(path, rows):
    text = "".join(json.dumps(row) + "\n" for row in rows)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return str(path)


def faults(train, field="prompt"):
    return [str(item) for item in read_texts(train, field) if isinstance(item, BadRowError)]


@pytest.mark.parametrize("name", ["t.jsonl", "t.jsonl.gz", "t.txt"])
def test_json_lines_are_read_with_their_lines(tmp_path, name):
    path = write_rows(tmp_path / name, ROWS)
    assert list(read_texts(path, "prompt")) == [(f"{path}:1", "one"), (f"{path}:2", "zwei ½ 😀")]


def test_empty_lines_and_a_byte_order_mark_are_passed_over(tmp_path):
    path = tmp_path / "t.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"q": "a"}\r\n\r\n  \n{"q": "b"}')
    assert list(read_texts(str(path), "q")) == [(f"{path}:1", "a"), (f"{path}:4", "b")]


def test_parquet_is_read_with_its_rows_and_chats(tmp_path):
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "t.parquet"
    chat = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    pq.write_table(pa.table({"prompt": ["one", None], "chat": [chat, []]}), path)
    first, second = read_texts(str(path), "prompt")
    assert first == (f"{path}:row 1", "one")
    assert str(second) == f"{path}:row 2: field 'prompt': found null; write text, or a list of chat messages"
    assert next(read_texts(str(path), "chat")) == (f"{path}:row 1", "a\nb")
    with pytest.raises(DataError, match=r"no field 'promt'; there is: prompt, chat; did you mean --field prompt\?"):
        list(read_texts(str(path), "promt"))
    path.write_bytes(b"PAR1 not at all")
    with pytest.raises(DataError, match="is not a parquet file"):
        list(read_texts(str(path), "prompt"))


def test_all_messages_of_a_chat_are_read(tmp_path):
    path = write_rows(
        tmp_path / "t.jsonl", [{"messages": CHAT}, {"messages": [*CHAT, {"role": "assistant", "content": "ok"}]}]
    )
    assert [text for _, text in read_texts(path, "messages")] == ["be brief\nhi", "be brief\nhi\nok"]


def test_turns_without_a_text_are_passed_over_and_the_others_read(tmp_path):
    call = {"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}
    turns = [
        {"role": "user", "content": "a"},
        call,
        {"role": "tool"},
        {"role": "assistant", "content": ["b", {"text": "c"}]},
    ]
    path = write_rows(tmp_path / "t.jsonl", [{"messages": turns}, {"messages": [call, *turns[:1]]}])
    assert [text for _, text in read_texts(path, "messages")] == ["a\nb\nc", "a"]


def test_turns_without_a_text_are_passed_over_in_parquet(tmp_path):
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    text = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
    parts = pa.list_(pa.struct([("content", pa.list_(pa.struct([("type", pa.string()), ("text", pa.string())])))]))
    chats = pa.array([[{"role": "user", "content": "a"}, {"role": "assistant", "content": None}]], text)
    shown = pa.array([[{"content": [{"type": "image"}, {"type": "text", "text": "b"}]}, {"content": None}]], parts)
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"chat": chats, "shown": shown}), path)
    assert [item[1] for field in ("chat", "shown") for item in read_texts(str(path), field)] == ["a", "b"]


NO_TEXT = 'no message has a text; write {"role": …, "content": …}'
BAD = [
    (b'{"prompt": "a"', "not JSON at column 15: Expecting ',' delimiter; write one JSON object a line"),
    (b"[1]", "found no JSON object; write one JSON object a line"),
    (b'{"prompt": "\xff"}', "not UTF-8 at byte 13; save the file as UTF-8"),
    (
        b'{"question": "a", "answer": 1}',
        "no field 'prompt'; there is: question, answer; name the one with the prompt in --field",
    ),
    (b"{}", "no field 'prompt'; there is: nothing; name the one with the prompt in --field"),
    (b'{"Prompt": "a"}', "no field 'prompt'; there is: Prompt; did you mean --field Prompt?"),
    (b'{"prompt": null}', "field 'prompt': found null; write text, or a list of chat messages"),
    (b'{"prompt": 7}', "field 'prompt': found a int; write text, or a list of chat messages"),
    (b'{"prompt": []}', "field 'prompt': found an empty list; write text, or a list of chat messages"),
    (b'{"prompt": ["a"]}', 'field prompt[0]: found no text; write {"role": …, "content": …}'),
    (b'{"prompt": [{"role": "user"}]}', f"field 'prompt': {NO_TEXT}"),
    (
        b'{"prompt": [{"content": null}, {"content": ""}, {"content": [{"type": "image"}]}]}',
        f"field 'prompt': {NO_TEXT}",
    ),
    (
        b'{"prompt": [{"content": "a"}, {"content": 7}]}',
        'field prompt[1]: found no text; write {"role": …, "content": …}',
    ),
    (b'{"prompt": "a", "n": ' + b"9" * 5000 + b"}", LONG_NUMBER),
    (b"[" * 100_000, "nested too deeply; write one plain JSON object a line"),
]


@pytest.mark.parametrize(("line", "message"), BAD, ids=[message[:30] for _, message in BAD])
def test_a_row_without_a_text_is_named_with_its_line_and_the_others_are_read(tmp_path, line, message):
    path = tmp_path / "t.jsonl"
    path.write_bytes(b'{"prompt": "a"}\n' + line + b'\n{"prompt": "b"}\n')
    assert faults(str(path)) == [f"{path}:2: {message}"]
    assert [item[1] for item in read_texts(str(path), "prompt") if not isinstance(item, BadRowError)] == ["a", "b"]


def test_files_that_are_not_there_are_refused_with_a_hint(tmp_path):
    path = write_rows(tmp_path / "train.jsonl", ROWS)
    forms = "write FILE.jsonl, FILE.jsonl.gz, FILE.parquet, RECIPE.yaml or hub:ID:SPLIT"
    for train, message in [
        (f"{tmp_path}/trian.jsonl", f"{tmp_path}/trian.jsonl: no such file; did you mean {path}?"),
        (f"{tmp_path}/other/x.parquet", f"{tmp_path}/other/x.parquet: no such file; {forms}"),
        (str(tmp_path), f"{tmp_path}: is a folder; {forms}"),
        ("hub:", "hub:: names no data set; write hub:ID or hub:ID:SPLIT, e.g. hub:openai/gsm8k:train"),
    ]:
        with pytest.raises(DataError) as refusal:
            list(read_texts(train, "prompt"))
        assert str(refusal.value) == message


def test_a_damaged_archive_is_refused(tmp_path):
    path = tmp_path / "t.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"prompt": "a"}\n' * 1000)[:-20])
    with pytest.raises(DataError, match=r"t\.jsonl\.gz: cannot be read: "):
        list(read_texts(str(path), "prompt"))


def test_a_recipe_gives_the_prompts_of_its_sources_as_many_as_they_ask_for(tmp_path):
    one = write_rows(tmp_path / "one.jsonl", [{"prompt": f"one {i}", "reference": "1"} for i in range(4)])
    two = write_rows(
        tmp_path / "two.jsonl", [{"q": [{"role": "user", "content": "two"}], "r": "1"}, {"q": 3, "r": "1"}]
    )
    held = write_rows(tmp_path / "held.jsonl", [{"prompt": "held", "reference": "1"}])
    sources = (
        f"  train: {{source: jsonl, path: {one}, size: 2}}\n"
        f"  train_also: [{{source: jsonl, path: {two}, prompt_field: q, reference_field: r}}]\n"
        f"  heldout: {{source: jsonl, path: {held}}}\n"
    )
    start, end = GOOD.index("  train:"), GOOD.index("reward:")
    recipe = write(tmp_path, GOOD[:start] + sources + GOOD[end:].replace("logic", "math"))
    items = list(read_texts(str(recipe), "ignored"))
    assert items[:3] == [(f"{one}:1", "one 0"), (f"{one}:2", "one 1"), (f"{two}:1", "two")]
    assert [str(item) for item in items[3:]] == [
        f"{two}:2: field 'q': found the number 3; write text, or a list of chat messages"
    ]


def test_a_made_up_task_of_a_recipe_is_read_too(tmp_path):
    pytest.importorskip("reasoning_gym", reason="reasoning-gym makes the prompts")
    items = list(read_texts(str(write(tmp_path, GOOD.replace("size: 1000", "size: 5"))), "prompt"))
    assert [origin for origin, _ in items] == [f"reasoning_gym/chain_sum:{i}" for i in range(5)]


def test_a_folder_in_the_layout_of_the_hub_is_read(tmp_path):
    pytest.importorskip("datasets", reason="datasets reads it")
    write_rows(tmp_path / "train.jsonl", [{"prompt": "a"}, {"prompt": "b"}])
    items = list(read_texts(f"hub:{tmp_path}", "prompt"))
    assert [text for _, text in items] == ["a", "b"]
    assert items[1][0] == f"{tmp_path}[train]:row 2"
