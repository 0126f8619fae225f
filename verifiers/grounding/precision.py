"""`map`: COCO's mean average precision of one image's boxes, with their labels and scores.

The mean over samples is not the figure of a whole benchmark, which ranks the detections of all images together
(`average_precision.mean_average_precision` does). Where the reference has no labels, the answer's do not count.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from verifiers.base import Sample, Verdict
from verifiers.grounding.average_precision import Image, mean_average_precision
from verifiers.grounding.graded import check_threshold, graded
from verifiers.grounding.reading import Layout, answered, referred, response_with
from verifiers.registry import verifier


def gold_response(sample: Sample, extract: str = "boxed", answer_tag: str = "answer", **config: Any) -> str | None:
    """The reference's boxes without its crowds, as the answer is to write them."""
    layout = Layout.checked(**config)
    wanted = [box for box in referred(sample, layout) if not box.crowd]
    return response_with(wanted, layout, extract, answer_tag)


def _prepare(threshold: float = 0.5, **config: Any) -> None:
    check_threshold(threshold)
    Layout.checked(**config)


@verifier("map", summary="COCO's mean average precision", gold_response=gold_response, prepare=_prepare)
def map_verifier(
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
    partial_credit: bool = True,
) -> Verdict:
    """Correct where the precision reaches the threshold; else wrong, with the precision as partial credit."""
    check_threshold(threshold)
    layout = Layout.checked(format, scale, reference_format, reference_scale, width_field, height_field)
    gold = referred(sample, layout)
    if all(box.crowd for box in gold):
        raise ValueError("the reference: no box but crowds, for which mean average precision is not defined")
    found = answered(sample, layout, extract, answer_tag, think_close)
    if isinstance(found, Verdict):
        return found
    if len({box.score is None for box in found}) > 1:
        return Verdict.unparsed("some boxes have a score and some have none")
    if all(box.label is None for box in gold):
        found = [replace(box, label=None) for box in found]
    precision = mean_average_precision([Image(found, gold)])
    reason = f"mean average precision {precision:.4f}"
    return graded(precision, threshold, partial_credit, f"{len(found)} boxes", reason)
