"""Intersection over union and its properties."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifiers.grounding.boxes import FORMATS, Box, BoxError, corner_and_size, iou
from verifiers.grounding.iou import mean_iou

BOXES = st.builds(
    Box,
    st.integers(-50, 50).map(float),
    st.integers(-50, 50).map(float),
    st.integers(1, 50).map(float),
    st.integers(1, 50).map(float),
)

TABLE = [
    (Box(0, 0, 10, 10), Box(0, 0, 10, 10), 1.0),
    (Box(0, 0, 10, 10), Box(5, 0, 10, 10), 1 / 3),
    (Box(0, 0, 10, 10), Box(5, 5, 10, 10), 25 / 175),
    (Box(0, 0, 10, 10), Box(2, 2, 5, 5), 0.25),
    (Box(0, 0, 10, 10), Box(10, 0, 10, 10), 0.0),
    (Box(0, 0, 10, 10), Box(20, 20, 1, 1), 0.0),
    (Box(0, 0, 10, 10), Box(5, 5, 0, 0), 0.0),
    (Box(5, 5, 0, 0), Box(5, 5, 0, 0), 0.0),
]


@pytest.mark.parametrize(("first", "second", "value"), TABLE)
def test_iou(first: Box, second: Box, value: float) -> None:
    assert iou(first, second) == pytest.approx(value, abs=1e-15)
    assert iou(second, first) == pytest.approx(value, abs=1e-15)


@given(BOXES, BOXES)
def test_it_is_symmetric_and_a_share(first: Box, second: Box) -> None:
    assert iou(first, second) == iou(second, first)
    assert 0.0 <= iou(first, second) <= 1.0
    assert (iou(first, second) == 1.0) is (first == second)


@given(BOXES, BOXES, st.integers(-1000, 1000), st.integers(-1000, 1000), st.integers(1, 9), st.integers(1, 9))
def test_it_knows_neither_place_nor_size(first: Box, second: Box, right: int, down: int, wide: int, high: int) -> None:
    moved = [Box(b.x + right, b.y + down, b.width, b.height).scaled(wide, high) for b in (first, second)]
    assert iou(*moved) == pytest.approx(iou(first, second), abs=1e-12)


@given(BOXES)
def test_itself_is_one_and_what_lies_apart_is_nothing(box: Box) -> None:
    third = box.scaled(1 / 3, 1 / 7)
    assert iou(third, third) == 1.0
    assert iou(box, Box(box.x + box.width, box.y, box.width, box.height)) == 0.0
    assert iou(box, Box(box.x, box.y - 200, box.width, box.height)) == 0.0


FOUR = [
    ([1, 2, 4, 8], "xyxy", (1, 2, 3, 6)),
    ([1, 2, 4, 8], "xywh", (1, 2, 4, 8)),
    ([3, 6, 4, 8], "cxcywh", (1, 2, 4, 8)),
    ([1, 2, 1, 2], "xyxy", (1, 2, 0, 0)),
]


@pytest.mark.parametrize(("numbers", "form", "box"), FOUR)
def test_how_four_numbers_are_meant(numbers: list[float], form: str, box: tuple[float, ...]) -> None:
    assert corner_and_size(numbers, form, "pixels") == box
    assert Box(*box).numbers(form) == numbers


@given(BOXES, st.sampled_from(FORMATS))
def test_every_format_says_the_same(box: Box, form: str) -> None:
    assert Box(*corner_and_size(box.numbers(form), form, "pixels")) == box


NO_BOX = [
    ([4, 2, 1, 8], "xyxy", "pixels", "below 0"),
    ([1, 8, 4, 2], "xyxy", "pixels", "below 0"),
    ([1, 1, -1, 1], "xywh", "pixels", "below 0"),
    ([0, 0, 1.1, 1], "xyxy", "unit", "1.1 is outside 0 to 1"),
    ([-0.1, 0, 1, 1], "xyxy", "unit", "-0.1 is outside 0 to 1"),
    ([0, 0, 1001, 1], "xyxy", "thousand", "outside 0 to 1000"),
    ([0, 0, 50001, 1], "xyxy", "pixels", "outside -50000 to 50000"),
    ([0, 0, math.inf, 1], "xyxy", "pixels", "outside"),
    ([0, 0, math.nan, 1], "xyxy", "pixels", "outside"),
]


@pytest.mark.parametrize(("numbers", "form", "scale", "reason"), NO_BOX)
def test_what_is_no_box_says_why(numbers: list[float], form: str, scale: str, reason: str) -> None:
    with pytest.raises(BoxError, match=reason):
        corner_and_size(numbers, form, scale)


A, B, C = Box(0, 0, 10, 10), Box(100, 0, 10, 10), Box(105, 0, 10, 10)
MEANS = [
    ([A], [A], 1.0),
    ([], [], 1.0),
    ([], [A], 0.0),
    ([A], [], 0.0),
    ([A, B], [B, A], 1.0),
    ([A, B], [A], 0.5),
    ([A], [A, B], 0.5),
    ([A, A], [A], 0.5),
    ([C], [B], 1 / 3),
    # B takes itself, although C fits it too
    ([C, B], [B, Box(110, 0, 10, 10)], (1.0 + 1 / 3) / 2),
]


@pytest.mark.parametrize(("found", "gold", "mean"), MEANS)
def test_the_mean_of_the_best_matching(found: list[Box], gold: list[Box], mean: float) -> None:
    assert mean_iou(found, gold) == pytest.approx(mean, abs=1e-12)
    assert mean_iou(gold, found) == pytest.approx(mean, abs=1e-12)


@given(st.lists(BOXES, max_size=6), st.lists(BOXES, max_size=6), st.randoms(use_true_random=False))
def test_the_order_of_boxes_says_nothing(found: list[Box], gold: list[Box], random: object) -> None:
    shuffled = random.sample(found, len(found)), random.sample(gold, len(gold))  # type: ignore[attr-defined]
    assert mean_iou(*shuffled) == pytest.approx(mean_iou(found, gold), abs=1e-12)
    assert 0.0 <= mean_iou(found, gold) <= 1.0


def test_labels_keep_boxes_apart() -> None:
    cat, dog = Box(0, 0, 10, 10, "cat"), Box(0, 0, 10, 10, "dog")
    assert mean_iou([cat], [dog]) == 1.0
    assert mean_iou([cat], [dog], match_labels=True) == 0.0
    assert mean_iou([dog, cat], [cat, dog], match_labels=True) == 1.0
