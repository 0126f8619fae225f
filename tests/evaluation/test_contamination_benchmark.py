"""The benchmark on texts of our own: what it plants is found, what it plants as a near miss is not."""

from __future__ import annotations

import json
import random

from benchmarks.contamination import DISGUISES, near_miss, pieces_of, search, write
from rlhf.evaluation.contamination_words import words_of
from rlhf.evaluation.problem import Problem

LETTERS = "abcdefghijklmnopqrstuvwxyz"


def data_folder(folder):
    random_ = random.Random(1)
    words = ["".join(random_.choices(LETTERS, k=4)) for _ in range(3000)]
    for name, field in (("gsm8k_test.jsonl", "question"), ("math500_test.jsonl", "problem")):
        questions = [" ".join(random_.choices(words, k=random_.randint(13, 40))) + "?" for _ in range(120)]
        (folder / name).write_text("".join(json.dumps({field: q}) + "\n" for q in questions))
    return folder


def test_all_that_is_planted_is_found_and_nothing_else(tmp_path):
    options = {"data_dir": str(data_folder(tmp_path)), "rows": 1000, "train": str(tmp_path / "train.jsonl")}
    made, found = write(options), search(options)
    assert (len(made["planted"]), made["near"], found["rows"], found["matched_rows"]) == (200, 200, 1000, 200)
    assert sorted(map(tuple, found["whole"])) == sorted(map(tuple, made["planted"]))


def test_disguises_keep_the_words_and_near_misses_do_not():
    text = "What is $\\frac{1}{2}$ of it, if it is Janet's? Say so."
    for disguise in DISGUISES:
        assert " ".join(words_of(text)) in " ".join(words_of(disguise(text)))
    missed = near_miss(" ".join(LETTERS)).split()
    assert [i for i, word in enumerate(missed) if word == "otherwise"] == [6, 13, 20, 25]


def test_pieces_of_many_words_are_left_out():
    assert pieces_of([Problem("0", "a b c d e f $x^2+y^2+z^2=1,t>0,s$ g", None)]) == ["a b c d e"]
