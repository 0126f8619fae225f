"""COCO's mean average precision (Lin et al. 1405.0312, and the evaluation code that defines it, pycocotools).

For each category, over all images: at each of ten IoU thresholds 0.50, 0.55, …, 0.95 the detections, best score first,
are matched greedily; precision, made non-increasing, is read at the 101 recalls 0, 0.01, …, 1 and averaged. The mean is
over thresholds and over the categories that have a gold box; what is found of other categories costs nothing. At most
100 detections of a category count in an image; boxes of all sizes count.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from verifiers.grounding.boxes import Box, iou, overlap

MAX_DETECTIONS = 100
THRESHOLDS = tuple(0.5 + step * ((0.95 - 0.5) / 9) for step in range(10))
RECALLS = (*(step * 0.01 for step in range(100)), 1.0)
_STRICTEST = 1.0 - 1e-10


@dataclass(frozen=True, slots=True)
class Image:
    """found: detections, those without a score counting as 1 and in their order. gold: the right boxes."""

    found: Sequence[Box]
    gold: Sequence[Box]


@dataclass(frozen=True, slots=True)
class _Match:
    """One detection. outcome: by threshold; True: right, False: wrong, None: it does not count, being in a crowd."""

    score: float
    outcome: tuple[bool | None, ...]


def mean_average_precision(images: Sequence[Image]) -> float:
    """0 to 1. Raises ValueError where no category has a gold box that is not a crowd: it is not defined there."""
    categories = sorted({box.label for image in images for box in image.gold if not box.crowd}, key=str)
    if not categories:
        raise ValueError("no gold box but crowds: mean average precision is not defined")
    return sum(average_precision(images, category) for category in categories) / len(categories)


def average_precision(images: Sequence[Image], category: str | None) -> float:
    """Of one category, the mean over THRESHOLDS and RECALLS."""
    matches: list[_Match] = []
    positives = 0
    for image in images:
        gold = [box for box in image.gold if box.label == category]
        positives += sum(not box.crowd for box in gold)
        matches += _matched([box for box in image.found if box.label == category], gold)
    matches.sort(key=lambda match: -match.score)  # stable: equal scores stay in the order of images and answers
    curves = (
        _precision_at_recalls([match.outcome[index] for match in matches], positives)
        for index in range(len(THRESHOLDS))
    )
    return sum(sum(curve) for curve in curves) / (len(THRESHOLDS) * len(RECALLS))


def _matched(found: Sequence[Box], gold: Sequence[Box]) -> list[_Match]:
    """Of one category in one image, best score first. Crowds come last: they take what no other box does."""
    found = sorted(found, key=lambda box: -_score(box))[:MAX_DETECTIONS]
    gold = sorted(gold, key=lambda box: box.crowd)
    overlaps = [[_covered(box, other) if other.crowd else iou(box, other) for other in gold] for box in found]
    columns = [_at_threshold(overlaps, [box.crowd for box in gold], threshold) for threshold in THRESHOLDS]
    return [_Match(_score(box), tuple(column[row] for column in columns)) for row, box in enumerate(found)]


def _at_threshold(overlaps: Sequence[Sequence[float]], crowd: Sequence[bool], threshold: float) -> list[bool | None]:
    """Each detection takes the gold box, not yet taken, that it overlaps most, by at least the threshold; of equal ones
    the last. A crowd may be taken by many, and only where no other box is."""
    taken = [False] * len(crowd)
    outcome: list[bool | None] = []
    for row in overlaps:
        best, most = -1, min(threshold, _STRICTEST)
        for index, overlapped in enumerate(row):
            if taken[index] and not crowd[index]:
                continue
            if best >= 0 and not crowd[best] and crowd[index]:
                break
            if overlapped >= most:
                best, most = index, overlapped
        if best >= 0:
            taken[best] = True
        outcome.append(False if best < 0 else None if crowd[best] else True)
    return outcome


def _precision_at_recalls(outcomes: Sequence[bool | None], positives: int) -> list[float]:
    """The precision at each of RECALLS, 0 where that recall is not reached."""
    recalls, precisions = [], []
    right = wrong = 0
    for outcome in outcomes:
        right += outcome is True
        wrong += outcome is False
        recalls.append(right / positives)
        precisions.append(right / (right + wrong) if right else 0.0)
    for index in range(len(precisions) - 1, 0, -1):
        precisions[index - 1] = max(precisions[index - 1], precisions[index])
    places = (bisect_left(recalls, recall) for recall in RECALLS)
    return [precisions[place] if place < len(precisions) else 0.0 for place in places]


def _covered(box: Box, crowd: Box) -> float:
    """The share of a detection that a crowd covers."""
    return overlap(box, crowd) / box.area if box.area else 0.0


def _score(box: Box) -> float:
    return 1.0 if box.score is None else box.score
