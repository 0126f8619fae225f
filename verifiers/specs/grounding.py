"""Boxes in an image."""

from __future__ import annotations

from collections.abc import Mapping

from verifiers.spec import Option, VerifierSpec

_SCALES = ("pixels", "unit", "thousand")

BOXES: Mapping[str, Option] = {
    "extract": Option(
        str, "boxed", "where the JSON stands: the last box, tag or ```json fence", ("boxed", "answer_tag", "json_fence")
    ),
    "answer_tag": Option(str, "answer", "name of the tag, with extract: answer_tag"),
    "think_close": Option(str, "</think>", "text that ends the thinking part; nothing before it counts"),
    "format": Option(
        str,
        "xyxy",
        "the four numbers: two corners; a corner, width, height; the centre, width, height",
        ("xyxy", "xywh", "cxcywh"),
    ),
    "scale": Option(str, "pixels", "of the numbers: pixels, 0 to 1, or 0 to 1000", _SCALES),
    "reference_format": Option(
        str, "same", "the reference's format, where it is another", ("same", "xyxy", "xywh", "cxcywh")
    ),
    "reference_scale": Option(str, "same", "the reference's scale, where it is another", ("same", *_SCALES)),
    "width_field": Option(str, "width", "metadata field with the image's width, where pixels meet another scale"),
    "height_field": Option(str, "height", "the same for its height"),
}

IOU = VerifierSpec(
    "iou",
    "mean intersection over union of the answer's boxes with the reference's, optimally matched",
    "verifiers.grounding.iou:iou_verifier",
    gold_checkable=True,
    options={
        **BOXES,
        "threshold": Option(float, 0.5, "the mean from which on an answer is correct"),
        "labels": Option(str, "ignore", "match: boxes of different labels are no partners", ("ignore", "match")),
        "partial_credit": Option(bool, True, "below the threshold the mean is the score; else 0"),
    },
)

MAP = VerifierSpec(
    "map",
    "mean average precision of one image's boxes by the COCO definition",
    "verifiers.grounding.precision:map_verifier",
    gold_checkable=True,
    options={
        **BOXES,
        "threshold": Option(float, 0.5, "the precision from which on an answer is correct"),
        "partial_credit": Option(bool, True, "below the threshold the precision is the score; else 0"),
    },
)

SPECS = (IOU, MAP)
