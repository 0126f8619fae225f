"""What is kept of single tokens: texts that make up the response, and the advantages of the batch at their places."""

import json
from functools import partial

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rlhf.algorithms import resolve
from rlhf.algorithms.batch import Passes, assemble, rows_of
from rlhf.algorithms.definition import Correction, Shaping
from rlhf.group_json import group_record
from rlhf.recipe.algorithm_schema import AlgorithmConfig
from rlhf.shown_samples import both_outcomes
from rlhf.token_details import (
    BROKEN,
    TOKENS_AT_EACH_END,
    TokenTexts,
    advantages_of,
    choose,
    details_of,
    details_of_step,
)
from rlhf.types import Batch, Group, Segment, Trajectory
from tests.rollout.factories import group, prompt, scored

PIECES = {300: "▁the", 301: "▁answer", 302: "s", 303: "</s>"}


def decode_bytes(ids):
    """A byte-level tokenizer whose tokens are single bytes; 256 is a special token that is left out."""
    return bytes(i for i in ids if i < 256).decode("utf-8", "replace")


def decode_pieces(ids):
    """As SentencePiece decodes: the first space of a text is dropped, special tokens are left out."""
    return "".join(PIECES[i] for i in ids if i != 303).replace("▁", " ").removeprefix(" ")


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters=BROKEN)))
@example("naïve 数学 🧮 end")
def test_texts_of_bytes_make_up_the_response_and_none_is_broken(text):
    ids = [*text.encode(), 256]
    texts = TokenTexts(decode_bytes).of(ids)
    assert len(texts) == len(ids)
    assert "".join(texts) == text
    assert not any(BROKEN in piece for piece in texts)


def test_the_token_that_completes_a_character_has_it():
    assert TokenTexts(decode_bytes).of(list("a数b".encode())) == ["a", "", "", "数", "b"]


def test_a_response_that_ends_within_a_character_ends_broken_as_its_text_does():
    ids = list("a数".encode())[:-1]
    assert TokenTexts(decode_bytes).of(ids) == ["a", "", BROKEN]


def test_bytes_that_are_no_text_do_not_hold_up_what_follows():
    texts = TokenTexts(decode_bytes).of([*[0xFF] * 20, *b"ok"])
    assert "".join(texts) == BROKEN * 20 + "ok"
    assert texts[-2:] == [BROKEN * 4 + "o", "k"]


def test_spaces_are_kept_where_a_tokenizer_drops_the_first_one():
    texts = TokenTexts(decode_pieces)
    assert texts.of([300, 301, 302, 303]) == ["the", " answer", "s", ""]
    assert texts.of([301, 300, 301, 303]) == ["answer", " the", " answer", ""]


def test_a_token_is_decoded_once():
    calls = []

    def decode(ids):
        calls.append(tuple(ids))
        return decode_bytes(ids)

    texts = TokenTexts(decode)
    texts.of(list(b"abcabcabc" * 100))
    before = len(calls)
    texts.of(list(b"abcabcabc" * 100))
    assert before < 12
    assert len(calls) - before <= 1  # the first token of a response is decoded as such


def response(tokens, versions=(3,)):
    ids, logp = np.array(list(tokens), np.int32), np.linspace(-0.1, -2.0, len(tokens), dtype=np.float32)
    segments = tuple(Segment(version, ids, logp) for version in versions)
    return Trajectory("train/0", 0, segments, "stop", decode_bytes([*tokens] * len(versions)))


def test_details_as_json():
    advantage_R = np.array([0.5, 0.5, 0.5, -0.25], np.float32)
    found = details_of(response(b"ab", (3, 4)), TokenTexts(decode_bytes), advantage_R).to_json()
    assert found == {
        "texts": ["a", "b", "a", "b"], "logp": [-0.1, -2.0, -0.1, -2.0], "versions": [[3, 2], [4, 2]],
        "advantage": [0.5, 0.5, 0.5, -0.25], "gap": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("advantage", "words"), [(np.full(2, 0.70710678, np.float32), 0.707), (np.array([np.nan, 1.0]), [None, 1.0]), (None, None), (np.zeros(2), 0.0)]
)  # fmt: skip
def test_one_advantage_of_all_tokens_is_one_number(advantage, words):
    assert details_of(response(b"ab"), TokenTexts(decode_bytes), advantage).to_json()["advantage"] == words


def test_an_empty_response_has_no_tokens():
    empty = Trajectory("train/0", 0, (), "stop", "")
    found = details_of(empty, TokenTexts(decode_bytes), None).to_json()
    assert (found["texts"], found["logp"], found["versions"], found["gap"]) == ([], [], [], None)


def test_the_middle_of_a_long_response_is_left_out_and_counted():
    tokens = b"x" * TOKENS_AT_EACH_END + b"m" * 7 + b"y" * TOKENS_AT_EACH_END
    found = details_of(response(tokens), TokenTexts(decode_bytes), np.arange(len(tokens))).to_json()
    assert "".join(found["texts"]) == "x" * TOKENS_AT_EACH_END + "y" * TOKENS_AT_EACH_END
    assert found["gap"] == [TOKENS_AT_EACH_END, 7]
    assert found["versions"] == [[3, 2 * TOKENS_AT_EACH_END]]
    assert found["advantage"][TOKENS_AT_EACH_END - 1 :][:2] == [TOKENS_AT_EACH_END - 1, TOKENS_AT_EACH_END + 7]


def test_groups_that_teach_come_first_and_the_draw_is_the_steps():
    groups = [group(i, (1.0, 0.0) if i % 4 == 0 else (1.0, 1.0)) for i in range(12)]
    assert choose(groups, 3, step=5) == [0, 4, 8]
    more = choose(groups, 5, step=5)
    assert more == sorted(more) == choose(groups, 5, step=5)
    assert {0, 4, 8} < set(more)
    assert len({tuple(choose(groups, 5, step)) for step in range(20)}) > 5
    assert choose(groups, 0, step=1) == choose([], 4, step=1) == []


def batch_of(groups, name="grpo"):
    definition = resolve(AlgorithmConfig(name=name, group_size=4))
    rows, _ = rows_of(groups, definition, Shaping(max_tokens=64), 0)
    return assemble(rows, Passes(), definition, Correction(), 1.0).batch


def test_advantages_are_at_the_places_of_the_samples_that_were_learned_from():
    """The verifier failed on sample 1 of group 0; of group 1 only one sample is usable, so it was not learned from."""
    groups = [group(0, (1.0, None, 0.0, 0.0)), group(1, (1.0, None)), group(2, (0.0, 1.0), versions=(4, 5))]
    found = advantages_of(groups, batch_of(groups))
    assert sorted(found) == [(0, 0), (0, 2), (0, 3), (2, 0), (2, 1)]
    assert found[0, 0][0] > 0 > found[0, 2][0] == found[0, 3][0]
    assert found[2, 0][0] < 0 < found[2, 1][0]
    assert len(found[2, 1]) == len(groups[2].samples[1].trajectory) == 6


def test_a_batch_of_other_groups_is_refused():
    groups = [group(0, (1.0, 0.0))]
    with pytest.raises(ValueError, match="group 0 of the batch is not the group 0"):
        advantages_of([group(0, (1.0, 0.0), tokens=5)], batch_of(groups))
    with pytest.raises(ValueError, match="group 0"):
        advantages_of([], batch_of(groups))


def test_the_record_of_a_step_holds_details_of_the_chosen_groups():
    groups = [group(0, (1.0, 1.0)), group(1, (1.0, None, 0.0))]
    details = details_of_step(groups, batch_of(groups), TokenTexts(decode_bytes), 1, step=3)
    assert sorted(details) == [1]
    record = json.loads(json.dumps(group_record(groups[1], 3, details.get(1)), allow_nan=False))
    assert [len(s["details"]["texts"]) for s in record["samples"]] == [3, 3, 3]
    assert [s["details"]["advantage"] for s in record["samples"]] == [0.707, None, -0.707]
    assert "details" not in group_record(groups[0], 3, details.get(0))["samples"][0]
    without = details_of_step(groups, None, TokenTexts(decode_bytes), 1, step=3)
    assert [d.advantage_K for d in without[1]] == [None, None, None]


def test_details_of_another_number_of_samples_are_refused():
    of_two = details_of_step([group(0)], None, TokenTexts(decode_bytes), 1, step=0)[0]
    record = partial(group_record, Group(prompt(), tuple(scored(0, i) for i in range(3))), 1)
    with pytest.raises(ValueError, match="shorter"):
        record(of_two)


def test_nothing_is_kept_where_nothing_was_asked_for():
    assert details_of_step([group(0)], Batch.of([]), TokenTexts(decode_bytes), 0, step=0) == {}


def test_the_tiny_policys_tokens(tmp_path):
    from transformers import AutoTokenizer

    from rlhf.models.tiny.tokenizer import write_tokenizer

    write_tokenizer(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    text = "<think> the sum 12 + 3 = 15, naïve 数 </think> \\boxed{15}"
    ids = tokenizer.encode(text + "<|end|>", add_special_tokens=False)
    texts = TokenTexts(partial(tokenizer.decode, skip_special_tokens=True)).of(ids)
    assert "".join(texts) == text
    assert (texts[0], texts[-1], "数" in texts) == ("<think>", "", True)


LONG = "naïve 数学 🧮 und weiter, ‹so› " * 200


@pytest.mark.parametrize("shift", range(6))
@pytest.mark.parametrize("end", [40, 41, 42, 43])
def test_the_ends_of_a_long_response_have_the_texts_that_the_whole_would_give_them(monkeypatch, shift, end):
    """Wherever the cut falls within a character."""
    monkeypatch.setattr("rlhf.token_details.TOKENS_AT_EACH_END", end)
    tokens = list(("x" * shift + LONG).encode())[: 400 + shift]
    whole = TokenTexts(decode_bytes).of(tokens)
    found = details_of(response(tokens), TokenTexts(decode_bytes), None)
    assert list(found.texts) == whole[:end] + whole[-end:]


def test_the_middle_is_not_decoded():
    calls = []

    def decode(ids):
        calls.append(len(ids))
        return decode_bytes(ids)

    ids = list(range(0x21, 0x7F)) * 1_000
    details_of(response(ids), TokenTexts(decode), None)
    assert sum(calls) < 10 * (0x7F - 0x21)  # each text once, a few as the first of an end

    fresh = []
    odd = [0x61] * 1_500 + list(range(0x41, 0x5B)) * 100 + [0x62] * 1_500
    details_of(response(odd), TokenTexts(lambda ids: fresh.extend(ids) or decode_bytes(ids)), None)
    assert set(fresh) == {0x61, 0x62}


def test_of_a_large_group_only_the_samples_that_a_page_shows_are_decoded():
    groups = [group(0, (0.0,) * 30 + (1.0,) * 2)]
    found = details_of_step(groups, batch_of(groups), TokenTexts(decode_bytes), 1, step=3)
    assert [i for i, of_it in enumerate(found[0]) if of_it.texts] == both_outcomes([False] * 30 + [True] * 2)
    record = group_record(groups[0], 3, found[0])
    assert ["details" in sample for sample in record["samples"]] == [bool(of_it.texts) for of_it in found[0]]
