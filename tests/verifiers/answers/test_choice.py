"""The choice verifier as tables: letters, texts, both, hedges, and letters that only look like one."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifiers import Sample, Status
from verifiers.answers.choice import choice_verifier
from verifiers.base import Verdict

CHOICES = ["10 cm", "12 cm", r"$\frac{1}{2}$ cm", "A cat", "Option pricing"]


def judge(answer: str, reference: str, choices: Any = CHOICES, /, **config: Any) -> Verdict:
    metadata = {} if choices is None else {config.get("choices_field", "choices"): choices}
    outcome = choice_verifier(Sample("", f"so \\boxed{{{answer}}}.", reference, metadata), **config)
    assert isinstance(outcome, Verdict)
    return outcome


SAME = [
    ("B (12 cm)", "B"),
    ("B [12 cm]", "B"),
    ("12 cm (B)", "B"),
    (r"12\text{ cm (B)}", "B"),
    ("12cm", "B"),
    (r"B) 12\text{cm}", "B"),
    ("B", "B"),
    ("b", "B"),
    ("(B)", "B"),
    ("B.", "B"),
    ("B)", "B"),
    ("[B]", "B"),
    ("B:", "B"),
    ('"B"', "B"),
    (r"\text{B}", "B"),
    (r"\text{(B)}", "B"),
    (r"\mathbf{B}", "B"),
    ("**B**", "B"),
    ("Ｂ", "B"),
    ("Ⓑ", "B"),
    ("\u202eB\u200b", "B"),
    ("B) 12 cm", "B"),
    ("(B) 12 cm.", "B"),
    ("B. 12 cm", "B"),
    ("B: 12 cm", "B"),
    ("B - 12 cm", "B"),
    ("B 12 cm", "B"),
    (r"\text{B) }12\text{ cm}", "B"),
    ("12 cm", "B"),
    ("12  CM", "B"),
    (r"12\text{ cm}", "B"),
    (r"\tfrac12 cm", "C"),
    ("option B", "B"),
    ("Answer: B", "B"),
    ("The correct answer is (B) 12 cm", "B"),
    ("a cat", "D"),
    ("D) a cat", "D"),
    ("Option pricing", "E"),
    ("B", "12 cm"),
    ("12 cm", "(b)"),
]


@pytest.mark.parametrize(("answer", "reference"), SAME)
def test_the_right_option_is_correct(answer: str, reference: str) -> None:
    assert judge(answer, reference) == Verdict.correct(answer)


DIFFERENT = [
    ("B (10 cm)", "the letter is B and the text is that of option A"),
    ("12 cm (A)", "the answer is none of the options"),
    ("1 2cm", "the answer is none of the options"),
    ("10 cm (B)", "the answer is none of the options"),
    ("~B", "the answer is none of the options"),
    (r"$\text{~B}$", "the answer is none of the options"),
    ("A", "option A, which is not the reference's"),
    ("10 cm", "option A, which is not"),
    ("B) 10 cm", "the letter is B and the text is that of option A"),
    ("B) 13 cm", "the letter is B and the text after it is that of no option"),
    ("A or B", "names several options: A, B"),
    ("B or A", "names several options: A, B"),
    ("either A or B", "names several options: A, B"),
    (r"A \text{ or } B", "names several options: A, B"),
    ("A, B", "names several options: A, B"),
    ("A/B", "names several options: A, B"),
    ("AB", "names several options: A, B"),
    ("A B C D E", "names several options: A, B, C, D, E"),
    ("ABCDE", "names several options: A, B, C, D, E"),
    ("A) 10 cm B) 12 cm", "names several options: A, B"),
    ("10 cm or 12 cm", "names several options: A, B"),
    ("B) 12 cm, C) 1 cm", "names several options: B, C"),
    ("Z", "there is no option Z; they are A, B, C, D, E"),
    ("12", "the answer is none of the options"),
    ("12 cm is the length", "the answer is none of the options"),
    ("B because A is a trap", "the letter is B and the text after it is that of no option"),
    ("В", "CYRILLIC CAPITAL LETTER VE"),
    ("Β", "GREEK CAPITAL LETTER BETA"),
    ("В) 12 cm", "the answer is none of the options"),
    ("ΒB", "the answer is none of the options"),
    ("__import__('os')", "the answer is none of the options"),
]


@pytest.mark.parametrize(("answer", "reason"), DIFFERENT)
def test_another_or_no_option_is_wrong_and_says_why(answer: str, reason: str) -> None:
    verdict = judge(answer, "B")
    assert (verdict.status, verdict.score) == (Status.WRONG, 0.0)
    assert reason in verdict.reason


@pytest.mark.parametrize("response", ["B", "The answer is B.", "A B C", r"<think>\boxed{B}</think> B", r"\boxed{}", ""])
def test_prose_is_never_searched_for_a_letter(response: str) -> None:
    outcome = choice_verifier(Sample("", response, "B", {"choices": CHOICES}))
    assert isinstance(outcome, Verdict)
    assert outcome.status is Status.UNPARSED


@pytest.mark.parametrize("answer", ["{" * 3000 + "}" * 3000, "B" * 20_000])
def test_what_is_too_deep_or_too_long_is_unparsed(answer: str) -> None:
    assert judge(answer, "B").status is Status.UNPARSED


FORMS = [
    ({"A": "x", "B": "y"}, "y", "B"),
    ({"a": "x", "b": "y"}, "B", "B"),
    ({"text": ["x", "y"], "label": ["A", "B"]}, "y", "B"),
    ({"text": ["x", "y"], "label": ["1", "2"]}, "2", "2"),
    ({"text": ["x", "y"], "label": ["1", "2"]}, "2) y", "y"),
    ([str(i) for i in range(100, 126)], "Z) 125", "Z"),
]


@pytest.mark.parametrize(("choices", "answer", "reference"), FORMS)
def test_the_forms_that_options_come_in(choices: Any, answer: str, reference: str) -> None:
    assert judge(answer, reference, choices).status is Status.CORRECT


LETTERS = [
    ("B", Status.CORRECT),
    ("B) whatever it says", Status.CORRECT),
    ("B. 12 cm", Status.CORRECT),
    ("B) or C", Status.WRONG),
    ("B) 12 C) 13", Status.WRONG),
    ("B whatever", Status.WRONG),
    ("whatever", Status.WRONG),
    ("E", Status.WRONG),
]


@pytest.mark.parametrize(("answer", "status"), LETTERS)
def test_where_only_the_letters_are_known(answer: str, status: Status) -> None:
    assert judge(answer, "B", None, letters="ABCD").status is status


CASES = [
    (["Ms", "ms"], "ms", "B", Status.CORRECT),
    (["Ms", "ms"], "MS", "B", Status.WRONG),
    (["x", "x", "y"], "x", "A", Status.WRONG),
    (["x", "x", "y"], "A) x", "A", Status.CORRECT),
    (["A", "B", "AB", "O"], "AB", "C", Status.CORRECT),
    (["A", "B", "AB", "O"], "O", "D", Status.CORRECT),
    (["one, two", "two"], "one, two", "A", Status.CORRECT),
    (["А", "x"], "А", "A", Status.CORRECT),  # the text is a Cyrillic letter, and so is the answer
]


@pytest.mark.parametrize(("choices", "answer", "reference", "status"), CASES)
def test_texts_that_are_nearly_alike(choices: list[str], answer: str, reference: str, status: Status) -> None:
    assert judge(answer, reference, choices).status is status


INDEX = [("index", "0", "A"), ("index", "3", "D"), ("index_from_1", "1", "A"), ("index_from_1", "4", "D")]


@pytest.mark.parametrize(("kind", "reference", "letter"), INDEX)
def test_an_index_counts_from_where_the_recipe_says(kind: str, reference: str, letter: str) -> None:
    choices = ["w", "x", "y", "z"]
    assert judge(letter, reference, choices, reference=kind).status is Status.CORRECT
    assert judge("B", reference, choices, reference=kind).status is Status.WRONG


SETS = [
    ("A, C", "A, C", True),
    ("C, A", "A, C", True),
    ("AC", "A, C", True),
    ("A C", "AC", True),
    ("(A), (C)", "AC", True),
    (r"\{A, C\}", "AC", True),
    ("A and C", "AC", True),
    ("A, C, and D", "ACD", True),
    ("A) w, C) y", "AC", True),
    ("w, y", "AC", True),
    ("A, A, C", "AC", True),
    ("A", "A", True),
    ("AC", "ACD", False),
    ("ACD", "AC", False),
    ("ABCD", "AC", False),
    ("A or C", "AC", False),
    ("A, maybe C", "AC", False),
    ("A, E", "AC", False),
]


@pytest.mark.parametrize(("answer", "reference", "same"), SETS)
def test_several_options_are_a_set(answer: str, reference: str, same: bool) -> None:
    verdict = judge(answer, reference, ["w", "x", "y", "z"], several=True)
    assert (verdict.status is Status.CORRECT) is same


def test_a_text_that_stands_twice_names_no_set() -> None:
    assert judge("x", "A, B", ["x", "x", "y"], several=True).status is Status.WRONG


def test_a_set_that_is_not_the_references_says_what_is_off() -> None:
    reason = judge("A, B", "A, C, D", ["w", "x", "y", "z"], several=True).reason
    assert reason == "1 of the 2 options named are not the reference's, and 2 of its are missing"


def test_several_indices() -> None:
    choices = ["w", "x", "y"]
    assert judge("A, C", "[0, 2]", choices, several=True, reference="index").status is Status.CORRECT


BAD_DATA = [
    (None, "B", {}, r"metadata\.choices: not there"),
    (None, "B", {"choices_field": "options"}, r"metadata\.options: not there"),
    (["x"], "A", {}, "found 1 options"),
    (["x"] * 27, "A", {}, "found 27 options"),
    ("xy", "A", {}, "found a str; write a list"),
    ([1, 2], "A", {}, "must be texts"),
    ({"A": "x", "a": "y"}, "A", {}, "found labels A, A"),
    ({"AA": "x", "B": "y"}, "B", {}, "found labels AA, B"),
    ({"text": ["x"], "label": ["A", "B"]}, "A", {}, "as many labels as texts"),
    (["x", "y"], "C", {}, "the reference 'C': there is no option C"),
    (["x", "y"], "A or B", {}, "names several options"),
    (["B", "y"], "B", {}, "the letter of one option and the text of another"),
    (["x", "y"], "2", {"reference": "index"}, "no index from 0 to 1"),
    (["x", "y"], "0", {"reference": "index_from_1"}, "no index from 1 to 2"),
    (["x", "y"], "A", {"reference": "index"}, "no index from 0 to 1"),
    (["x", "y"], "٠", {"reference": "index"}, "no index from 0 to 1"),
]


@pytest.mark.parametrize(("choices", "reference", "config", "advice"), BAD_DATA)
def test_bad_data_is_named(choices: Any, reference: str, config: dict[str, Any], advice: str) -> None:
    with pytest.raises(ValueError, match=advice):
        judge("A", reference, choices, **config)


@pytest.mark.parametrize("letters", ["A", "AA", "AÄ", "ab", "A B"])
def test_bad_letters_say_what_to_write(letters: str) -> None:
    assert choice_verifier.prepare is not None
    with pytest.raises(ValueError, match="write 2 to 26 distinct capital letters"):
        choice_verifier.prepare(letters=letters)


def test_a_bad_kind_of_reference_says_what_to_write() -> None:
    assert choice_verifier.prepare is not None
    with pytest.raises(ValueError, match="write one of letter_or_text, index, index_from_1"):
        choice_verifier.prepare(reference="letter")


GOLDS: list[tuple[str, dict[str, Any]]] = [
    ("B", {}),
    ("12 cm", {}),
    ("1", {"reference": "index"}),
    ("A, C", {"several": True}),
    ("B", {"extract": "last_line"}),
    ("B", {"extract": "answer_tag", "answer_tag": "a"}),
]


@pytest.mark.parametrize(("reference", "config"), GOLDS)
def test_its_own_gold_answer_is_accepted(reference: str, config: dict[str, Any]) -> None:
    sample = Sample("", "", reference, {"choices": CHOICES})
    response = choice_verifier.gold(sample, config)
    assert isinstance(response, str)
    verdict = choice_verifier(Sample("", response, reference, {"choices": CHOICES}), **config)
    assert isinstance(verdict, Verdict)
    assert verdict.status is Status.CORRECT


@given(
    st.lists(
        st.text("abxyz123 ", min_size=2, max_size=8).map(str.strip).filter(lambda t: len(t) > 1),
        min_size=2,
        max_size=6,
        unique=True,
    ),
    st.data(),
)
def test_each_option_is_itself_and_no_other(texts: list[str], data: st.DataObject) -> None:
    right = data.draw(st.integers(0, len(texts) - 1))
    letter = "ABCDEF"[right]
    for i, text in enumerate(texts):
        for answer in ("ABCDEF"[i], f"({'ABCDEF'[i]}) {text}"):
            assert (judge(answer, letter, texts).status is Status.CORRECT) is (i == right)


@given(st.text(st.sampled_from("ABCabc()[].:,;/ -1{}\\$|"), max_size=30))
def test_any_mixture_is_judged(answer: str) -> None:
    for several in (False, True):
        verdict = judge(answer, "B", several=several)
        assert verdict.status in (Status.CORRECT, Status.WRONG, Status.UNPARSED)


WITHOUT_TEXTS = [
    *("B) anything", "B: B", "B) (B)", "B. A cat", "B. I think so", "B) DNA", "B) triangle ABC", "B) $x_A$"),
    *("B) Vitamin C", "B) the point C", "B) Hepatitis C", "B) C-reactive protein", "B) it is in C++", "B) 5 A"),
    *("B) 25^\\circ C", "B) P(A)", "B) f(C) is large", "B. \\frac{a}{b}", "B) a^2+b^2", "B) of length c"),
]


@pytest.mark.parametrize("answer", WITHOUT_TEXTS)
def test_a_text_of_which_nothing_is_known_may_be_any_text(answer: str) -> None:
    assert judge(answer, "B", None, letters="ABCD").status is Status.CORRECT


HEDGES_IN_PROSE = [
    *("B) C", "B) also C", "B. it could also be C", "B. I pick C", "B: c", "B. (C) too", "B) option C", "B) c)"),
    *("B. D is wrong", "B. A and C", "B: (c)", "B) foo [d]", "B. Also (a)", "B) **c**", "B: A", "B - C", "B) maybe A"),
    *("B) Option A is it", "B) =C", "B) $C$", "B) \\text{C}", "B) Ｃ", "B) it may also be c", "B) or d!", "B) A (c)"),
]


@pytest.mark.parametrize("answer", HEDGES_IN_PROSE)
def test_another_letter_in_a_text_of_which_nothing_is_known_is_a_hedge(answer: str) -> None:
    verdict = judge(answer, "B", None, letters="ABCD")
    assert verdict.status is Status.WRONG
    assert "names several options" in verdict.reason
