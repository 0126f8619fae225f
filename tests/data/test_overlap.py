"""Normalised texts as a table with negatives, and sets that are kept apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlhf.data.errors import DataError
from rlhf.data.load import load_prompts
from rlhf.data.overlap import count_duplicates, fingerprint, normalise
from tests.data.helpers import WordTokenizer, config, write_rows

SAME = [
    ("What is 2 + 2?", "what is  2+2"),
    ("Hello, world!", "hello world"),
    ("Find x.\nThen y.", "Find x then y"),
    ("\uff37hat is ２ + ２?", "what is 2 + 2"),
    ("It's “quoted”…", 'its "quoted"'),
    ("4 − 1", "4 - 1"),
    ("costs $5", "costs 5"),
    ("Straße", "STRASSE"),
    ("a\u00a0b", "a b"),
    ("Is it so ?", "Is it so?"),
    ("\\frac{1}{2}", "\\frac {1} {2}"),
]
DIFFERENT = [
    ("4 - 1 =", "4 / 1 ="),
    ("4 - 1 =", "4 + 1 ="),
    ("4 - 1 =", "4 * 1 ="),
    ("-4 + 1", "4 + 1"),
    ("3.5", "35"),
    ("3.5", "3 5"),
    ("1,000", "1 000"),
    ("x < 3", "x > 3"),
    ("(2 - 3) * 4", "2 - (3 * 4)"),
    ("12 3", "1 23"),
    ("#.#\n#.#", "###\n#.#"),
    (".#.", "..#"),
    ("?", "!"),
    ("x^2", "x2"),
    ("a b", "ab"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_texts_that_are_one(one, other):
    assert normalise(one) == normalise(other)
    assert fingerprint(one) == fingerprint(other)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_texts_that_are_two(one, other):
    assert normalise(one) != normalise(other)
    assert fingerprint(one) != fingerprint(other)


@given(st.text())
def test_normalising_twice_changes_nothing(text):
    once = normalise(text)
    assert normalise(once) == once


@given(st.text(alphabet="ab .,?\n", min_size=1), st.sampled_from(["", " ", "\n", "\t ", "  "]))
def test_space_around_a_text_does_not_count(text, space):
    assert normalise(space + text + space) == normalise(text)


@given(st.lists(st.sampled_from([b"a", b"b", b"c", b"d"])))
def test_duplicates_are_those_beyond_the_first(marks):
    assert count_duplicates(marks) == len(marks) - len(set(marks))


def files(tmp_path, train, heldout):
    def rows(texts):
        return [{"prompt": t, "reference": "x"} for t in texts]

    return write_rows(tmp_path / "train.jsonl", rows(train)), write_rows(tmp_path / "held.jsonl", rows(heldout))


def test_overlap_stops_and_names_both_rows(tmp_path):
    train, held = files(tmp_path, ["What is 1 + 1?", "What is 2 + 2?", "other"], ["what is 2+2", "else"])
    with pytest.raises(DataError) as refusal:
        load_prompts(config(train, held), WordTokenizer())
    expected = f"1 of 3 training prompts are held out too ({train}:2 = {held}:1: 'What is 2 + 2?'); write data.on_overlap: drop"
    assert expected in str(refusal.value)


def test_overlap_is_dropped_from_training_and_counted(tmp_path):
    train, held = files(tmp_path, ["a a", "b", "A  a.", "c", "b"], ["a a!", "d", "d"])
    sets = load_prompts(config(train, held, on_overlap="drop"), WordTokenizer())
    assert [p.id for p in sets.train] == ["train/1", "train/3", "train/4"]
    assert [p.text for p in sets.heldout] == ["a a!", "d", "d"]
    assert sets.report.train.overlapping == [f"{train}:1", f"{train}:3"]
    assert sets.report.summary() == (
        "train: 3 prompts (2 dropped as held out, 1 duplicate, longest 2 tokens); "
        "heldout: 3 prompts (1 duplicate, longest 3 tokens)"
    )
    assert f"{train}:1: held out, so not trained on" in sets.report.details()


def test_training_on_nothing_but_held_out_prompts_is_refused(tmp_path):
    train, held = files(tmp_path, ["a", "b"], ["b", "a"])
    with pytest.raises(DataError, match=r"data\.train: no prompt is left of 2 rows \(0 bad, 0 too long, 2 held out\)"):
        load_prompts(config(train, held, on_overlap="drop"), WordTokenizer())


def test_the_suffix_does_not_hide_an_overlap_and_chats_are_compared_whole(tmp_path):
    chat = [{"role": "system", "content": "s"}, {"role": "user", "content": "a"}]
    train = write_rows(tmp_path / "t.jsonl", [{"prompt": chat, "reference": "x"}, {"prompt": "b", "reference": "x"}])
    held = write_rows(tmp_path / "h.jsonl", [{"prompt": "a", "reference": "x"}])

    class Chatty(WordTokenizer):
        chat_template = "x"

        def apply_chat_template(self, conversation, *, tokenize, add_generation_prompt):
            return " ".join(m["content"] for m in conversation)

    sets = load_prompts(config(train, held, prompt_suffix=" please"), Chatty())
    assert len(sets.train) == 2, "another system message makes it another prompt"
    same = write_rows(tmp_path / "s.jsonl", [{"prompt": "B.", "reference": "x"}])
    with pytest.raises(DataError, match="held out too"):
        load_prompts(config(train, same, prompt_suffix=" please"), Chatty())
