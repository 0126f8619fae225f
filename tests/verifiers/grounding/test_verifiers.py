"""The verifiers `iou` and `map` as tables: where the JSON stands, how boxes are written, and what is refused."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifiers import Sample, Status
from verifiers.base import Verdict
from verifiers.grounding.iou import iou_verifier
from verifiers.grounding.precision import map_verifier
from verifiers.grounding.reading import MAX_CHARS, parsed
from verifiers.verifier import Verifier

GOLD = "[[10, 20, 30, 40]]"
BOTH = pytest.mark.parametrize("verifier", [iou_verifier, map_verifier], ids=lambda v: v.name)


def judge(verifier: Verifier, response: str, reference: str = GOLD, metadata: Any = None, **config: Any) -> Verdict:
    outcome = verifier(Sample("", response, reference, metadata or {}), **config)
    assert isinstance(outcome, Verdict)
    return outcome


def boxed(text: str) -> str:
    return f"so \\boxed{{{text}}}"


RIGHT: list[tuple[str, dict[str, Any]]] = [
    (boxed("[10, 20, 30, 40]"), {}),
    (boxed("[[10, 20, 30, 40]]"), {}),
    (boxed("[10.0, 2e1, 30, 40]"), {}),
    (boxed("(10, 20, 30, 40)"), {}),
    (boxed("[(10, 20, 30, 40)]"), {}),
    (boxed("$[[10, 20, 30, 40]]$"), {}),
    (boxed("\\[ [10, 20, 30, 40] \\]"), {}),
    (boxed("```json\n[[10, 20, 30, 40]]\n```"), {}),
    (boxed('[{"bbox": [10, 20, 30, 40], "label": "cat (small)"}]'), {}),
    (boxed('{"bbox": [10, 20, 30, 40]}'), {}),
    (boxed('[{"bbox_2d": [10, 20, 30, 40], "label": "cat", "why": "…"}]'), {}),
    (boxed('[{"box": [10, 20, 30, 40], "category_id": 3, "score": 0.7}]'), {}),
    (boxed("[0, 0, 1, 1]") + boxed("[10, 20, 30, 40]"), {}),
    ("<think>\\boxed{[0,0,1,1]}</think> " + boxed("[10, 20, 30, 40]"), {}),
    ("<answer>[10, 20, 30, 40]</answer>", {"extract": "answer_tag"}),
    ("<answer>\n```json\n[10, 20, 30, 40]\n```\n</answer>", {"extract": "answer_tag"}),
    ("<box>[10, 20, 30, 40]</box>", {"extract": "answer_tag", "answer_tag": "box"}),
    ("```json\n[1]\n``` no: ```json\n[[10, 20, 30, 40]]\n```\nDone.", {"extract": "json_fence"}),
    ("```json\n[[10, 20, 30, 40]]\n```\n```python\npass\n```", {"extract": "json_fence"}),
    (boxed("[10, 20, 20, 20]"), {"format": "xywh", "reference_format": "xyxy"}),
    (boxed("[20, 30, 20, 20]"), {"format": "cxcywh", "reference_format": "xyxy"}),
]


@BOTH
@pytest.mark.parametrize(("response", "config"), RIGHT)
def test_the_right_box_in_every_form(verifier: Verifier, response: str, config: dict[str, Any]) -> None:
    verdict = judge(verifier, response, **config)
    assert (verdict.status, verdict.extracted) == (Status.CORRECT, "1 boxes")


SCALES = [
    ("unit", "[0.1, 0.1, 0.3, 0.2]", "pixels", "[[10, 20, 30, 40]]", {"width": 100, "height": 200}),
    ("thousand", "[100, 100, 300, 200]", "pixels", "[[10, 20, 30, 40]]", {"width": 100, "height": 200}),
    ("pixels", "[10, 20, 30, 40]", "thousand", "[[100, 100, 300, 200]]", {"width": 100, "height": 200}),
    ("pixels", "[10, 20, 30, 40]", "unit", "[[0.1, 0.1, 0.3, 0.2]]", {"width": 100, "height": 200.0}),
    ("unit", "[0.1, 0.1, 0.3, 0.2]", "thousand", "[[100, 100, 300, 200]]", {}),
    ("unit", "[0.1, 0.1, 0.3, 0.2]", "same", "[[0.1, 0.1, 0.3, 0.2]]", {}),
]


@BOTH
@pytest.mark.parametrize(("scale", "answer", "theirs", "reference", "metadata"), SCALES)
def test_scales_meet(verifier: Verifier, scale: str, answer: str, theirs: str, reference: str, metadata: Any) -> None:
    config = {"scale": scale, "reference_scale": theirs, "threshold": 0.999}
    assert judge(verifier, boxed(answer), reference, metadata, **config).status is Status.CORRECT
    gold = verifier.gold(Sample("", "", reference, metadata), config)
    assert isinstance(gold, str)
    assert judge(verifier, gold, reference, metadata, **config).status is Status.CORRECT


UNPARSED: list[tuple[str, dict[str, Any], str]] = [
    ("[10, 20, 30, 40]", {}, "no closed"),
    ("", {}, "no closed"),
    (boxed("[10, 20, 30, 40"), {}, "not JSON"),
    ("<answer>[10, 20, 30, 40]", {"extract": "answer_tag"}, "no <answer>"),
    ("```json\n[10, 20, 30, 40]", {"extract": "json_fence"}, "no closed ```json fence"),
    ("```\n[10, 20, 30, 40]\n```", {"extract": "json_fence"}, "no closed ```json fence"),
    (boxed("10, 20, 30, 40"), {}, "not JSON"),
    (boxed("(10, 20, 30, 40), (1, 2, 3, 4)"), {}, "not JSON"),
    (boxed("[[1, 2, 3, 4]] ```json\n[[10, 20, 30, 40]]\n```"), {}, "not JSON"),
    (boxed("```json\n[[1, 2, 3, 4]]\n``` ```json\n[[10, 20, 30, 40]]\n```"), {}, "not JSON"),
    (boxed("$[[10, 20, 30, 40]]$ or $[]$"), {}, "not JSON"),
    (boxed("$"), {}, "not JSON"),
    (boxed('("bbox", [10, 20, 30, 40])'), {}, "not JSON"),
    (boxed("[10, 20, 30]"), {}, "box 1: found 10"),
    (boxed("[10, 20, 30, 40, 50]"), {}, "box 1: found 10"),
    (boxed("[[10, 20, 30, true]]"), {}, "box 1: found [10, 20, 30, true]"),
    (boxed('[["10", "20", "30", "40"]]'), {}, "box 1"),
    (boxed("[10, 20, 30, NaN]"), {}, "not JSON: NaN"),
    (boxed("[10, 20, 30, Infinity]"), {}, "not JSON: Infinity"),
    (boxed("[10, 20, 30, 1e999]"), {}, "box 1"),
    (boxed("[[10, 20, 30, 1e30]]"), {}, "outside -50000 to 50000"),
    (boxed("[30, 20, 10, 40]"), {}, "width or height below 0"),
    (boxed("[10, 20, 30, 40]"), {"scale": "unit", "reference_scale": "thousand"}, "outside 0 to 1"),
    (boxed('{"bbox": [10, 20, 30, 40], "bbox": [1, 2, 3, 4]}'), {}, "a key that occurs twice"),
    (boxed('{"bbox": [10, 20, 30, 40], "box": [1, 2, 3, 4]}'), {}, "has both bbox and box"),
    (boxed('{"rect": [10, 20, 30, 40]}'), {}, "its box is null"),
    (boxed('{"bbox": [10, 20, 30, 40], "label": ["a"]}'), {}, "its label is"),
    (boxed('{"bbox": [10, 20, 30, 40], "score": "high"}'), {}, "its score is"),
    (boxed("\"__import__('os')\""), {}, "a box is four numbers"),
    (boxed("null"), {}, "a box is four numbers"),
    (boxed("[" * 5000 + "]" * 5000), {}, "nested deeper"),
    (boxed("[" + "9" * 50_000 + ", 0, 1, 1]"), {}, "more than 20 digits"),
    (boxed("[" + "[0,0,1,1]," * 2000 + "[0,0,1,1]]"), {}, "2,001 boxes"),
    (boxed("[" + " " * 1_000_000 + "]"), {}, "at most 100,000 are read"),
]


@BOTH
@pytest.mark.parametrize(("response", "config", "reason"), UNPARSED, ids=lambda value: str(value)[:24])
def test_what_is_no_list_of_boxes_is_unparsed(
    verifier: Verifier, response: str, config: dict[str, Any], reason: str
) -> None:
    verdict = judge(verifier, response, **config)
    assert (verdict.status, verdict.score) == (Status.UNPARSED, 0.0)
    assert reason in verdict.reason


IOU: list[tuple[str, str, dict[str, Any], Status, float]] = [
    ("[10, 20, 30, 40]", GOLD, {}, Status.CORRECT, 1.0),
    ("[10, 20, 30, 30]", GOLD, {}, Status.CORRECT, 1.0),
    ("[10, 20, 30, 29]", GOLD, {}, Status.WRONG, 0.45),
    ("[10, 20, 30, 29]", GOLD, {"partial_credit": False}, Status.WRONG, 0.0),
    ("[10, 20, 30, 29]", GOLD, {"threshold": 0.45}, Status.CORRECT, 1.0),
    ("[10, 20, 30, 39]", GOLD, {"threshold": 1.0}, Status.WRONG, 0.95),
    ("[]", GOLD, {}, Status.WRONG, 0.0),
    ("[]", "[]", {}, Status.CORRECT, 1.0),
    ("[[10, 20, 30, 40]]", "[]", {}, Status.WRONG, 0.0),
    ("[[10, 20, 30, 40], [100, 20, 130, 40]]", GOLD, {"threshold": 0.6}, Status.WRONG, 0.5),
    (
        '{"bbox": [10, 20, 30, 40], "label": "cat"}',
        '{"bbox": [10, 20, 30, 40], "label": "dog"}',
        {},
        Status.CORRECT,
        1.0,
    ),
    (
        '{"bbox": [10, 20, 30, 40], "label": "cat"}',
        '{"bbox": [10, 20, 30, 40], "label": "dog"}',
        {"labels": "match"},
        Status.WRONG,
        0.0,
    ),
    (
        '{"bbox": [10, 20, 30, 40], "label": " Cat"}',
        '{"bbox": [10, 20, 30, 40], "label": "cat"}',
        {"labels": "match"},
        Status.CORRECT,
        1.0,
    ),
    (json.dumps([[i, 0, i + 1, 1] for i in range(101)]), GOLD, {}, Status.WRONG, 0.0),
]


@pytest.mark.parametrize(("answer", "reference", "config", "status", "score"), IOU)
def test_iou(answer: str, reference: str, config: dict[str, Any], status: Status, score: float) -> None:
    verdict = judge(iou_verifier, boxed(answer), reference, **config)
    assert verdict.status is status
    assert verdict.score == pytest.approx(score)


def test_a_box_everywhere_is_worth_little() -> None:
    grid = [[x, y, x + 10, y + 10] for x in range(0, 100, 10) for y in range(0, 100, 10)]
    verdict = judge(iou_verifier, boxed(json.dumps(grid)), "[[10, 20, 20, 30]]")
    assert (verdict.status, verdict.score) == (Status.WRONG, pytest.approx(0.01))


TWO = '[{"bbox": [0, 0, 10, 10], "label": "cat"}, {"bbox": [50, 0, 60, 10], "label": "dog"}]'
MAP: list[tuple[str, str, dict[str, Any], Status, float]] = [
    (TWO, TWO, {"threshold": 1.0}, Status.CORRECT, 1.0),
    ('[{"bbox": [0, 0, 10, 10], "label": "cat"}]', TWO, {}, Status.CORRECT, 1.0),
    ('[{"bbox": [0, 0, 10, 10], "label": "cat"}]', TWO, {"threshold": 0.6}, Status.WRONG, 0.5),
    ('[{"bbox": [0, 0, 10, 10], "label": "cat"}]', TWO, {"threshold": 0.6, "partial_credit": False}, Status.WRONG, 0.0),
    ('[{"bbox": [0, 0, 10, 10], "label": "dog"}]', TWO, {}, Status.WRONG, 0.0),
    ("[[0, 0, 10, 10], [50, 0, 60, 10]]", TWO, {}, Status.WRONG, 0.0),
    ("[]", TWO, {}, Status.WRONG, 0.0),
    ('[{"bbox": [10, 20, 30, 40], "label": "cat"}]', GOLD, {}, Status.CORRECT, 1.0),
    (
        '[{"bbox": [0, 0, 9, 9], "score": 0.9}, {"bbox": [10, 20, 30, 40], "score": 0.1}]',
        GOLD,
        {"threshold": 0.6},
        Status.WRONG,
        0.5,
    ),
    (
        '[{"bbox": [0, 0, 9, 9], "score": 0.1}, {"bbox": [10, 20, 30, 40], "score": 0.9}]',
        GOLD,
        {"threshold": 0.6},
        Status.CORRECT,
        1.0,
    ),
    ("[[10, 20, 30, 30]]", GOLD, {}, Status.WRONG, 0.1),
]


@pytest.mark.parametrize(("answer", "reference", "config", "status", "score"), MAP)
def test_map(answer: str, reference: str, config: dict[str, Any], status: Status, score: float) -> None:
    verdict = judge(map_verifier, boxed(answer), reference, **config)
    assert verdict.status is status
    assert verdict.score == pytest.approx(score)


def test_scores_are_for_all_boxes_or_for_none() -> None:
    answer = '[{"bbox": [0, 0, 9, 9], "score": 0.1}, {"bbox": [10, 20, 30, 40]}]'
    assert judge(map_verifier, boxed(answer)).reason == "some boxes have a score and some have none"


def test_a_crowd_is_not_to_be_found() -> None:
    reference = '[{"bbox": [0, 0, 10, 10]}, {"bbox": [50, 0, 90, 90], "iscrowd": 1}]'
    assert judge(map_verifier, boxed("[0, 0, 10, 10]"), reference, threshold=1.0).status is Status.CORRECT
    gold = map_verifier.gold(Sample("", "", reference), {})
    assert gold == '\\boxed{[{"bbox": [0.0, 0.0, 10.0, 10.0]}]}'


BAD_DATA = [
    ("nothing", {}, "the reference: not JSON"),
    ("[[10, 20, 10, 40]]", {}, "a box without an area"),
    ("[[30, 20, 10, 40]]", {}, "the reference: box 1: a width"),
    ("[[0.1, 0.1, 0.2, 0.2]]", {"reference_scale": "unit"}, r"metadata\.width: found None"),
]


@BOTH
@pytest.mark.parametrize(("reference", "config", "advice"), BAD_DATA)
def test_bad_data_is_named(verifier: Verifier, reference: str, config: dict[str, Any], advice: str) -> None:
    with pytest.raises(ValueError, match=advice):
        judge(verifier, boxed("[0, 0, 1, 1]"), reference, **config)


@pytest.mark.parametrize("size", [0, -1, "100", True, float("nan"), 1e6])
def test_an_image_without_a_size_is_named(size: object) -> None:
    with pytest.raises(ValueError, match=r"metadata\.h: found"):
        judge(
            iou_verifier,
            boxed("[0, 0, 1, 1]"),
            GOLD,
            {"width": 9, "h": size},
            scale="unit",
            reference_scale="pixels",
            height_field="h",
        )


def test_what_is_not_defined_is_an_error_of_the_data() -> None:
    for reference in ("[]", '[{"bbox": [0, 0, 1, 1], "iscrowd": 1}]'):
        with pytest.raises(ValueError, match="not defined"):
            judge(map_verifier, boxed("[]"), reference)
    many = json.dumps([[i, 0, i + 1, 1] for i in range(101)])
    with pytest.raises(ValueError, match="at most 100 are matched"):
        judge(iou_verifier, boxed("[]"), many)


BAD = [
    ({"format": "yxyx"}, "format: found 'yxyx'; write one of xyxy, xywh, cxcywh"),
    ({"scale": "percent"}, "scale: found 'percent'; write one of pixels, unit, thousand"),
    ({"reference_format": "x"}, "reference_format: found 'x'; write one of same"),
    ({"reference_scale": "x"}, "reference_scale: found 'x'; write one of same"),
    ({"threshold": 0.0}, "threshold: found 0.0"),
    ({"threshold": 1.5}, "threshold: found 1.5"),
    ({"threshold": float("nan")}, "threshold: found nan"),
]


@BOTH
@pytest.mark.parametrize(("config", "advice"), BAD)
def test_bad_settings_say_what_to_write(verifier: Verifier, config: dict[str, Any], advice: str) -> None:
    assert verifier.prepare is not None
    with pytest.raises(ValueError, match=advice):
        verifier.prepare(**config)


def test_labels_and_places_that_do_not_exist() -> None:
    assert iou_verifier.prepare is not None
    with pytest.raises(ValueError, match="labels: found 'both'; write one of ignore, match"):
        iou_verifier.prepare(labels="both")
    with pytest.raises(ValueError, match="extract: found 'line'; write one of boxed, answer_tag, json_fence"):
        judge(iou_verifier, boxed("[]"), extract="line")


@BOTH
@pytest.mark.parametrize("extract", ["boxed", "answer_tag", "json_fence"])
@pytest.mark.parametrize("form", ["xyxy", "xywh", "cxcywh"])
def test_its_own_gold_answer_is_accepted(verifier: Verifier, extract: str, form: str) -> None:
    reference = '[{"bbox": [0.1, 0.7, 0.3, 1.0], "label": "Ein Hund"}, {"bbox": [0.5, 0.1, 0.9, 0.33], "label": "b"}]'
    config = {"extract": extract, "format": form, "scale": "unit", "reference_format": "xyxy", "threshold": 0.95}
    response = verifier.gold(Sample("", "", reference), config)
    assert isinstance(response, str)
    assert judge(verifier, response, reference, **config).status is Status.CORRECT


@pytest.mark.parametrize("piece", ["```json\n", "```", "\\boxed{", "<answer>", "[", '"', '{"a":', "1", "1,"])
@pytest.mark.parametrize("extract", ["boxed", "answer_tag", "json_fence"])
def test_a_megabyte_of_anything_has_an_end(piece: str, extract: str) -> None:
    text = piece * (1_000_000 // len(piece))
    for response in (text, f"\\boxed{{{text}}}", f"<answer>{text}</answer>", f"```json\n{text}\n```"):
        assert judge(iou_verifier, response, extract=extract).status in (Status.UNPARSED, Status.WRONG)


@given(st.text(st.sampled_from('[]{}",:.0123456789eE+-ntruefalsNI \\'), max_size=40))
def test_any_mixture_is_json_or_says_why_not(text: str) -> None:
    try:
        parsed(text)
    except ValueError as problem:
        assert str(problem)
    assert len(text) <= MAX_CHARS
