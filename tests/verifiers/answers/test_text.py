"""The text verifier as tables: what is the same text, what is not, and lists."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifiers import Sample, Status
from verifiers.answers.text import MAX_ITEMS, text_verifier
from verifiers.base import Verdict


def judge(answer: str, reference: str, **config: Any) -> Verdict:
    outcome = text_verifier(Sample("", f"so \\boxed{{{answer}}}.", reference), **config)
    assert isinstance(outcome, Verdict)
    return outcome


SAME = [
    ("CO_2", "CO2", {}),
    ("CO_{2}", "CO₂", {}),
    (r"\mathrm{CO_2}", "CO2", {}),
    ("Ca(OH)_2", "Ca(OH)2", {}),
    ("Al_2O_3", "Al₂O₃", {}),
    ("Paris", "Paris", {}),
    ("paris", "Paris", {}),
    ("STRASSE", "Straße", {}),
    ("Paris.", "Paris", {}),
    (" New   York ", "New York", {}),
    (r"\text{New York}", "New York", {}),
    (r"New\ York", "New York", {}),
    ("**Paris**", "Paris", {}),
    ('"Paris"', "Paris", {}),
    ("“Paris”", "Paris", {}),
    ("Pa\u200bris\u202c", "Paris", {}),
    ("ﬁve", "five", {}),
    ("Zu\u0308rich", "Zürich", {}),
    ("Ｐａｒｉｓ", "Paris", {}),
    ("正确", "正确", {}),
    ("true or false", "True or False", {}),
    ("the cat", "cat", {"ignore_articles": True}),
    ("A cat", "the cat", {"ignore_articles": True}),
    ("Brien, John!", "Brien John", {"ignore_punctuation": True}),
    ("x-ray", "x ray", {"ignore_punctuation": True}),
]
DIFFERENT = [
    ("x_1", "x1", {}),
    ("CO_2", "CO3", {}),
    ("C_n", "Cn", {}),
    ("Lyon", "Paris", {}),
    ("paris", "Paris", {"ignore_case": False}),
    ("the cat", "cat", {}),
    ("cats", "cat", {"ignore_articles": True}),
    ("theatre", "atre", {"ignore_articles": True}),
    ("x-ray", "x ray", {}),
    ("Paris, France", "Paris", {}),
    ("Paris, of course", "Paris", {}),
    ("Pari", "Paris", {}),
    ("Раris", "Paris", {}),  # the first two letters are Cyrillic
    ("silent", "listen", {}),
    ("resume", "résumé", {}),
    ("5.0", "5", {}),
    ("a, b", "b, a", {}),
    ("no", "on", {}),
    ("Paris" * 100, "Paris", {}),
    ("__import__('os').system('true')", "Paris", {}),
]


@pytest.mark.parametrize(("answer", "reference", "config"), SAME)
def test_the_same_text_is_correct_both_ways(answer: str, reference: str, config: dict[str, Any]) -> None:
    assert judge(answer, reference, **config) == Verdict.correct(answer.strip())
    assert judge(reference, answer, **config).status is Status.CORRECT


@pytest.mark.parametrize(("answer", "reference", "config"), DIFFERENT)
def test_another_text_is_wrong_both_ways(answer: str, reference: str, config: dict[str, Any]) -> None:
    assert judge(answer, reference, **config).status is Status.WRONG
    assert judge(reference, answer, **config).status is Status.WRONG


HEDGES = ["Paris or Lyon", "Lyon or Paris", "Paris; Lyon", "Paris / Lyon", "Paris, Lyon", r"Paris \text{ or } Lyon"]


@pytest.mark.parametrize("answer", HEDGES)
def test_several_answers_are_wrong(answer: str) -> None:
    assert judge(answer, "Paris") == Verdict.wrong(answer, "names several answers")


def test_alternatives_are_the_references_alone() -> None:
    config = {"alternatives": "|"}
    assert judge("NYC", "New York|NYC", **config).status is Status.CORRECT
    assert judge("new york", "New York | NYC", **config).status is Status.CORRECT
    assert judge("New York|NYC", "New York|NYC", **config) == Verdict.wrong("New York|NYC", "names several answers")
    assert judge("NYC", "New York|NYC").status is Status.WRONG
    assert judge("New York|NYC", "NYC", **config).status is Status.WRONG


LISTS = [
    ("ordered", "a, b, c", "a, b, c", {}, None),
    ("ordered", "[a; b; c]", "a, b, c", {}, None),
    ("ordered", r"\{\text{a}, \text{B}, c\}", "a, b, c", {}, None),
    ("ordered", "a,, b, c,", "a, b, c", {}, None),
    ("ordered", "a, c, b", "a, b, c", {}, "item 2 differs"),
    ("unordered", "c, a, b", "a, b, c", {}, None),
    ("unordered", "a, a, b", "a, b, b", {}, "not those of the reference"),
    ("unordered", "a, b", "a, b, c", {}, "2 items, where the reference has 3"),
    ("unordered", "a, b, c, d", "a, b, c", {}, "4 items, where the reference has 3"),
    ("unordered", "a b c", "a, b, c", {}, "1 items"),
    ("unordered", "a, b and c", "a, b, c", {}, "2 items"),
    ("unordered", "a, b, and c", "a, b, c", {"separators": [",", "and"]}, None),
    ("unordered", "sand, b and c", "b, c, sand", {"separators": [",", "and"]}, None),
    ("unordered", "s, b, c", "sand, b, c", {"separators": [",", "and"]}, "not those of the reference"),
    ("unordered", "a > b", "b > a", {"separators": [">"]}, None),
    ("unordered", "y, x", "x|y, x", {"alternatives": "|"}, None),
    ("unordered", "x, y", "x|y, x", {"alternatives": "|"}, None),
    ("unordered", "x, x", "x|y, x", {"alternatives": "|"}, None),
    ("unordered", "y, y", "x|y, x", {"alternatives": "|"}, "not those of the reference"),
    ("ordered", "y, x", "x|y, x", {"alternatives": "|"}, None),
    ("ordered", "x, y", "x|y, x", {"alternatives": "|"}, "item 2 differs"),
]


@pytest.mark.parametrize(("items", "answer", "reference", "config", "reason"), LISTS)
def test_lists(items: str, answer: str, reference: str, config: dict[str, Any], reason: str | None) -> None:
    verdict = judge(answer, reference, items=items, **config)
    assert verdict.status is (Status.CORRECT if reason is None else Status.WRONG)
    assert (reason or "") in verdict.reason


def test_a_list_of_everything_is_wrong() -> None:
    everything = ", ".join(f"w{i}" for i in range(1000))
    assert judge(everything, "w1, w2", items="unordered").status is Status.WRONG


@pytest.mark.parametrize("answer", [" ", "\u200b", "{" * 3000 + "}" * 3000, "x" * 1_000_000, "a" * 20_000])
def test_nothing_or_too_much_is_unparsed(answer: str) -> None:
    assert judge(answer, "x").status is Status.UNPARSED


def test_nothing_left_after_normalisation_is_unparsed() -> None:
    assert judge("...!", "x", ignore_punctuation=True).status is Status.UNPARSED


BAD = [
    ({"items": "two"}, "write one of one, ordered, unordered"),
    ({"separators": []}, "write marks or words without spaces"),
    ({"separators": [" "]}, "write marks or words without spaces"),
    ({"separators": [""]}, "write marks or words without spaces"),
    ({"separators": [1]}, "write marks or words without spaces"),
    ({"alternatives": " "}, "write a mark that separates no items"),
    ({"alternatives": ",", "items": "ordered"}, "write a mark that separates no items"),
]


@pytest.mark.parametrize(("config", "advice"), BAD)
def test_bad_settings_say_what_to_write(config: dict[str, Any], advice: str) -> None:
    assert text_verifier.prepare is not None
    with pytest.raises(ValueError, match=advice):
        text_verifier.prepare(**config)


BAD_DATA = [
    ("", {}),
    ("the", {"ignore_articles": True}),
    ("a|", {"alternatives": "|"}),
    (",", {"items": "ordered"}),
    (", ".join("abcdefghij"[i % 10] for i in range(MAX_ITEMS + 1)), {"items": "ordered"}),
]


@pytest.mark.parametrize(("reference", "config"), BAD_DATA)
def test_a_reference_with_nothing_in_it_is_an_error_of_the_data(reference: str, config: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="write 1 to 200 texts"):
        judge("x", reference, **config)


GOLDS: list[tuple[str, dict[str, Any]]] = [
    ("Paris", {}),
    (r"\text{New York}", {"extract": "last_line"}),
    ("New York|NYC", {"alternatives": "|"}),
    ("a|b; c", {"alternatives": "|", "items": "ordered"}),
    ("x > y", {"separators": [">"], "items": "ordered", "extract": "answer_tag"}),
]


@pytest.mark.parametrize(("reference", "config"), GOLDS)
def test_its_own_gold_answer_is_accepted(reference: str, config: dict[str, Any]) -> None:
    response = text_verifier.gold(Sample("", "", reference), config)
    assert isinstance(response, str)
    verdict = text_verifier(Sample("", response, reference), **config)
    assert isinstance(verdict, Verdict)
    assert verdict.status is Status.CORRECT


WORDS = st.lists(st.text("abcdeé ", min_size=1, max_size=6).map(str.strip).filter(bool), min_size=1, max_size=8)


@given(WORDS, st.randoms(use_true_random=False))
def test_the_order_matters_only_where_it_is_to(words: list[str], random: Any) -> None:
    shuffled = random.sample(words, len(words))
    assert judge(", ".join(shuffled), ", ".join(words), items="unordered").status is Status.CORRECT
    ordered = judge(", ".join(shuffled), ", ".join(words), items="ordered").status is Status.CORRECT
    assert ordered is ([" ".join(w.split()) for w in shuffled] == [" ".join(w.split()) for w in words])
