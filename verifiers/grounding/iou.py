"""`iou`: boxes against boxes, each of the answer's with at most one of the reference's, by intersection over union."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from verifiers.base import Sample, Verdict
from verifiers.grounding.boxes import Box, iou
from verifiers.grounding.graded import check_threshold, graded
from verifiers.grounding.reading import Layout, answered, referred, response_with
from verifiers.matching import best_assignment
from verifiers.registry import verifier

MAX_MATCHED = 100
LABELS = ("ignore", "match")


def mean_iou(found: Sequence[Box], gold: Sequence[Box], match_labels: bool = False) -> float:
    """The sum of the IoU of matched boxes over the larger count, 0 to 1; the matching is the one that makes it largest.

    A box on either side that has no partner counts 0: one more box than there are costs as much as one less. 1 where
    both are empty. match_labels: boxes of different labels are no partners.
    """
    if not found or not gold:
        return float(not found and not gold)
    worth = [[0.0 if match_labels and a.label != b.label else iou(a, b) for b in gold] for a in found]
    return sum(worth[row][column] for row, column in best_assignment(worth)) / max(len(found), len(gold))


def gold_response(sample: Sample, extract: str = "boxed", answer_tag: str = "answer", **config: Any) -> str | None:
    """The reference's boxes, as the answer is to write them."""
    layout = Layout.checked(**config)
    return response_with(referred(sample, layout), layout, extract, answer_tag)


def _check(threshold: float, labels: str) -> None:
    check_threshold(threshold)
    if labels not in LABELS:
        raise ValueError(f"labels: found {labels!r}; write one of {', '.join(LABELS)}")


def _prepare(threshold: float = 0.5, labels: str = "ignore", **config: Any) -> None:
    _check(threshold, labels)
    Layout.checked(**config)


@verifier("iou", summary="mean intersection over union of matched boxes", gold_response=gold_response, prepare=_prepare)
def iou_verifier(
    sample: Sample,
    extract: str = "boxed",
    answer_tag: str = "answer",
    think_close: str = "</think>",
    format: str = "xyxy",
    scale: str = "pixels",
    reference_format: str = "same",
    reference_scale: str = "same",
    width_field: str = "width",
    height_field: str = "height",
    threshold: float = 0.5,
    labels: str = "ignore",
    partial_credit: bool = True,
) -> Verdict:
    """Correct where the mean reaches the threshold; else wrong, with the mean as partial credit."""
    _check(threshold, labels)
    layout = Layout.checked(format, scale, reference_format, reference_scale, width_field, height_field)
    gold = referred(sample, layout)
    if len(gold) > MAX_MATCHED:
        raise ValueError(f"the reference: {len(gold)} boxes; at most {MAX_MATCHED} are matched")
    found = answered(sample, layout, extract, answer_tag, think_close)
    if isinstance(found, Verdict):
        return found
    shown = f"{len(found)} boxes"
    if len(found) > MAX_MATCHED:
        return Verdict.wrong(shown, f"{len(found)} boxes; at most {MAX_MATCHED} are matched")
    mean = mean_iou(found, gold, labels == "match")
    reason = f"mean IoU {mean:.4f} of {len(found)} boxes, where the reference has {len(gold)}"
    return graded(mean, threshold, partial_credit, shown, reason)
