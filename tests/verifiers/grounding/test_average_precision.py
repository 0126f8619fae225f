"""Mean average precision against pycocotools: its worked numbers, and itself where it is installed."""

import json
import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.verifiers.grounding.coco import NUMBERS, by_pycocotools, drawn, from_json
from verifiers.grounding.average_precision import RECALLS, THRESHOLDS, Image, average_precision, mean_average_precision
from verifiers.grounding.boxes import Box

WORKED = json.loads(NUMBERS.read_text())


def test_there_are_worked_numbers_of_every_kind() -> None:
    assert len(WORKED) == 24
    assert any(row["map"] == 0.0 for row in WORKED) or min(row["map"] for row in WORKED) < 0.05
    assert max(row["map"] for row in WORKED) > 0.4
    assert any(gold[5] for row in WORKED for image in row["images"] for gold in image["gold"])


@pytest.mark.parametrize("row", WORKED, ids=[str(i) for i in range(len(WORKED))])
def test_the_numbers_that_pycocotools_printed(row: dict) -> None:
    images = [from_json(image) for image in row["images"]]
    assert mean_average_precision(images) == pytest.approx(row["map"], abs=1e-12)


def test_pycocotools_itself() -> None:
    pytest.importorskip("pycocotools")
    source = random.Random(1)
    for _ in range(150):
        images = drawn(source)
        figure = by_pycocotools(images)
        if figure < 0.0:
            with pytest.raises(ValueError, match="not defined"):
                mean_average_precision(images)
        else:
            assert mean_average_precision(images) == pytest.approx(figure, abs=1e-12)


def test_the_thresholds_are_cocos() -> None:
    numpy = pytest.importorskip("numpy")
    assert list(THRESHOLDS) == list(numpy.linspace(0.5, 0.95, 10))
    assert list(RECALLS) == list(numpy.linspace(0.0, 1.0, 101))


ONE = Box(0, 0, 10, 10, "a")
BY_HAND = [
    ([ONE], [ONE], 1.0),
    ([], [ONE], 0.0),
    ([replace(ONE, label="b")], [ONE], 0.0),
    ([replace(ONE, x=20)], [ONE], 0.0),
    # an IoU of exactly one half reaches one threshold of ten
    ([replace(ONE, height=5)], [ONE], 0.1),
    # a wrong box before the right one halves the precision at every recall
    ([replace(ONE, x=20, score=0.9), replace(ONE, score=0.8)], [ONE], 0.5),
    ([replace(ONE, score=0.9), replace(ONE, x=20, score=0.8)], [ONE], 1.0),
    # without scores the order is the rank
    ([replace(ONE, x=20), ONE], [ONE], 0.5),
    # the same box twice: the second is wrong, after full recall
    ([ONE, ONE], [ONE], 1.0),
    # half of the gold boxes: 51 of 101 recalls are reached
    ([ONE], [ONE, replace(ONE, x=50)], 51 / 101),
    # a category without gold costs nothing
    ([ONE, replace(ONE, label="zzz")], [ONE], 1.0),
    # the mean of two categories
    ([ONE], [ONE, replace(ONE, label="b")], 0.5),
    # what lies in a crowd does not count
    ([replace(ONE, x=50, score=0.9), ONE], [ONE, Box(40, 0, 100, 100, "a", crowd=True)], 1.0),
]


@pytest.mark.parametrize(("found", "gold", "figure"), BY_HAND)
def test_by_hand(found: list[Box], gold: list[Box], figure: float) -> None:
    assert mean_average_precision([Image(found, gold)]) == pytest.approx(figure, abs=1e-12)


def test_only_a_hundred_detections_of_a_category_count() -> None:
    junk = [Box(1000.0 + i, 0, 1, 1, "a", 0.9) for i in range(100)]
    assert average_precision([Image([*junk[:99], replace(ONE, score=0.1)], [ONE])], "a") == pytest.approx(0.01)
    assert average_precision([Image([*junk, replace(ONE, score=0.1)], [ONE])], "a") == 0.0


def test_images_are_ranked_together() -> None:
    right = Image([replace(ONE, score=0.5)], [ONE])
    wrong = Image([replace(ONE, x=50, score=0.9)], [ONE])
    assert mean_average_precision([right, wrong]) == pytest.approx(51 / 101 * 0.5)
    assert mean_average_precision([right]) != mean_average_precision([right, wrong])


@pytest.mark.parametrize("gold", [[], [replace(ONE, crowd=True)]])
def test_without_a_gold_box_it_is_not_defined(gold: list[Box]) -> None:
    with pytest.raises(ValueError, match="not defined"):
        mean_average_precision([Image([ONE], gold)])


@settings(deadline=None)
@given(st.randoms(use_true_random=False), st.integers(1, 64), st.floats(-20, 20))
def test_it_knows_neither_place_nor_size(source: random.Random, factor: int, shift: float) -> None:
    images = [Image(i.found, [g for g in i.gold if not g.crowd]) for i in drawn(source)]
    images = [image for image in images if image.gold]
    if not images:
        return
    # powers of two and whole shifts keep every product exact: ties at a threshold stay ties
    scale, move = 2.0 ** (factor % 7), float(round(shift))
    moved = [
        Image(
            [replace(b, x=b.x + move, y=b.y - move).scaled(scale, scale) for b in i.found],
            [replace(b, x=b.x + move, y=b.y - move).scaled(scale, scale) for b in i.gold],
        )
        for i in images
    ]
    figure = mean_average_precision(images)
    assert mean_average_precision(moved) == figure
    assert 0.0 <= figure <= 1.0
    perfect = [
        Image([replace(b, score=1.0) for b in dict.fromkeys(i.gold)], list(dict.fromkeys(i.gold))) for i in images
    ]
    assert mean_average_precision(perfect) == pytest.approx(1.0)
