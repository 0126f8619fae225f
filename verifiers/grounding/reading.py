"""From a response or a reference to boxes: strict JSON, bounded before it is parsed."""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NoReturn

from verifiers.answers.extraction import written
from verifiers.base import Sample, Verdict
from verifiers.extract import after_thinking, last_boxed, tag_contents
from verifiers.grounding.boxes import FORMATS, SCALES, Box, BoxError, corner_and_size

MAX_CHARS = 100_000
MAX_BOXES = 1000
MAX_DEPTH = 16
MAX_DIGITS = 20
BOX_KEYS = ("bbox_2d", "bbox", "box")
LABEL_KEYS = ("label", "category", "category_id")
SCORE_KEYS = ("score", "confidence")

_MISSING = {
    "boxed": "no closed \\boxed{{}} in the response",
    "answer_tag": "no <{tag}>…</{tag}> in the response",
    "json_fence": "no closed ```json fence in the response",
}
_FENCE = "```json"
_ROUND = str.maketrans("()", "[]")
_LONG_NUMBER = re.compile(rf"[0-9]{{{MAX_DIGITS + 1}}}")


@dataclass(frozen=True, slots=True)
class Layout:
    """How boxes are written in the response, and in the reference; see the options of the specs."""

    form: str
    scale: str
    reference_form: str
    reference_scale: str
    width_field: str
    height_field: str

    @classmethod
    def checked(
        cls,
        format: str = "xyxy",
        scale: str = "pixels",
        reference_format: str = "same",
        reference_scale: str = "same",
        width_field: str = "width",
        height_field: str = "height",
        **_others: object,
    ) -> Layout:
        """From a recipe's settings. Raises ValueError, naming the key, for a value that it does not take."""
        for key, found, allowed in (
            ("format", format, FORMATS),
            ("scale", scale, tuple(SCALES)),
            ("reference_format", reference_format, ("same", *FORMATS)),
            ("reference_scale", reference_scale, ("same", *SCALES)),
        ):
            if found not in allowed:
                raise ValueError(f"{key}: found {found!r}; write one of {', '.join(allowed)}")
        theirs = format if reference_format == "same" else reference_format
        edge = scale if reference_scale == "same" else reference_scale
        return cls(format, scale, theirs, edge, width_field, height_field)


def answered(sample: Sample, layout: Layout, extract: str, answer_tag: str, think_close: str) -> list[Box] | Verdict:
    """The boxes of the answer, on its own scale; else the `unparsed` verdict that says why there are none."""
    if extract not in _MISSING:
        raise ValueError(f"extract: found {extract!r}; write one of {', '.join(_MISSING)}")
    text = after_thinking(sample.response, think_close)
    found = _place(text, extract, answer_tag)
    if found is None:
        return Verdict.unparsed(_MISSING[extract].format(tag=answer_tag))
    try:
        return boxes(_unwrapped(found), layout.form, layout.scale)
    except ValueError as problem:
        return Verdict.unparsed(str(problem))


def referred(sample: Sample, layout: Layout) -> list[Box]:
    """The boxes of the reference, brought to the answer's scale. Raises ValueError."""
    assert sample.reference is not None
    try:
        found = boxes(sample.reference, layout.reference_form, layout.reference_scale)
    except ValueError as problem:
        raise ValueError(f"the reference: {problem}") from problem
    if any(box.area == 0.0 for box in found):
        raise ValueError("the reference: a box without an area")
    across, down = (_edge(sample, layout, field) for field in (layout.width_field, layout.height_field))
    return found if across == down == 1.0 else [box.scaled(across, down) for box in found]


def response_with(found: list[Box], layout: Layout, extract: str, answer_tag: str) -> str:
    """A response that gives these boxes, which are on the answer's scale."""
    edge = SCALES[layout.scale]
    rows = []
    for box in found:
        numbers = box.numbers(layout.form)
        inside = numbers if edge is None else [min(max(number, 0.0), edge) for number in numbers]
        rows.append({"bbox": inside} | ({} if box.label is None else {"label": box.label}))
    text = json.dumps(rows, ensure_ascii=False)
    return f"{_FENCE}\n{text}\n```" if extract == "json_fence" else written(text, extract, answer_tag)


def boxes(text: str, form: str, scale: str) -> list[Box]:
    """The boxes that `text` gives as JSON: one of four numbers, an object with such a box in it, or a list of either.

    Raises ValueError: not JSON, beyond the bounds, or no boxes.
    """
    value = parsed(text)
    rows = value if isinstance(value, list) and not _is_four(value) else [value]
    if len(rows) > MAX_BOXES:
        raise ValueError(f"{len(rows):,} boxes; at most {MAX_BOXES:,} are read")
    found = []
    for number, row in enumerate(rows, 1):
        try:
            found.append(_box(row, form, scale))
        except BoxError as problem:
            raise ValueError(f"box {number}: {problem}") from problem
    return found


def parsed(text: str) -> Any:
    """Strict JSON. Raises ValueError, before parsing where it is too long, too deep, or has too long a number."""
    if len(text) > MAX_CHARS:
        raise ValueError(f"JSON of {len(text):,} characters; at most {MAX_CHARS:,} are read")
    if _LONG_NUMBER.search(text):
        raise ValueError(f"a number of more than {MAX_DIGITS} digits")
    depth = 0
    for bracket in re.findall(r"[\[\]{}]", text):
        depth += 1 if bracket in "[{" else -1
        if depth > MAX_DEPTH:
            raise ValueError(f"JSON nested deeper than {MAX_DEPTH}")
    try:
        return json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_object)
    except json.JSONDecodeError as problem:
        raise ValueError(f"not JSON: {problem}") from problem


def _place(text: str, extract: str, answer_tag: str) -> str | None:
    if extract == "boxed":
        box = last_boxed(text)
        is_fence = box is not None and box.startswith(_FENCE) and box.endswith("```") and box.count("```") == 2
        return _fenced(box) if box is not None and is_fence else box
    if extract == "answer_tag":
        tags = tag_contents(text, answer_tag)
        return (_fenced(tags[-1]) or tags[-1]) if tags else None
    return _fenced(text)


def _unwrapped(text: str) -> str:
    """Without the signs of a formula around it; `(x, y, x, y)` as a list where there is no text in it."""
    if len(text) > MAX_CHARS:
        return text
    bare = text.strip()
    for opening, closing in (("$$", "$$"), ("$", "$"), ("\\(", "\\)"), ("\\[", "\\]")):
        if bare.startswith(opening) and bare.endswith(closing) and len(bare) > len(opening) + len(closing):
            bare = bare[len(opening) : -len(closing)]
            break
    return bare if '"' in bare else bare.translate(_ROUND)


def _fenced(text: str) -> str | None:
    """What the last closed ```json fence holds."""
    end = text.rfind("```")
    start = text.rfind(_FENCE, 0, max(end, 0))
    if start < 0:
        return None
    content = text[start + len(_FENCE) :]
    return content[: content.index("```")]


def _box(row: object, form: str, scale: str) -> Box:
    if _is_four(row):
        return Box(*corner_and_size(_numbers(row), form, scale))
    if not isinstance(row, Mapping):
        raise BoxError(
            f"found {json.dumps(row)[:40]}; a box is four numbers, or an object with one as its {BOX_KEYS[1]}"
        )
    numbers = _only(row, BOX_KEYS)
    if not _is_four(numbers):
        raise BoxError(f"its box is {json.dumps(numbers)[:40]}, not four numbers")
    label, score = _only(row, LABEL_KEYS), _only(row, SCORE_KEYS)
    if label is not None and (isinstance(label, bool) or not isinstance(label, str | int)):
        raise BoxError(f"its label is {json.dumps(label)[:40]}, not a text")
    if score is not None and not _is_number(score):
        raise BoxError(f"its score is {json.dumps(score)[:40]}, not a number")
    found = Box(*corner_and_size(_numbers(numbers), form, scale))
    return replace(
        found,
        label=None if label is None else _same_label(str(label)),
        score=None if score is None else float(score),
        crowd=row.get("iscrowd") in (1, True),
    )


def _only(row: Mapping[str, Any], keys: tuple[str, ...]) -> Any:
    """The value of the one of `keys` that is there; None without one."""
    present = [key for key in keys if key in row]
    if len(present) > 1:
        raise BoxError(f"has both {present[0]} and {present[1]}; write one of them")
    return row[present[0]] if present else None


def _same_label(label: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", label).casefold().split())


def _is_four(value: object) -> bool:
    return isinstance(value, list) and len(value) == 4 and all(map(_is_number, value))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _numbers(value: Any) -> list[float]:
    return [float(number) for number in value]


def _edge(sample: Sample, layout: Layout, field: str) -> float:
    """What a coordinate of the reference is multiplied with to be on the answer's scale."""
    theirs, ours = SCALES[layout.reference_scale], SCALES[layout.scale]
    if layout.reference_scale == layout.scale:
        return 1.0
    if theirs is not None and ours is not None:
        return ours / theirs
    size = sample.metadata.get(field)
    if not _is_number(size) or not 0 < float(size) <= 100_000:  # type: ignore[arg-type]
        raise ValueError(
            f"metadata.{field}: found {size!r}; write the image's size in pixels, into data.metadata_fields, since "
            f"{layout.reference_scale} in the reference and {layout.scale} in the answer do not compare without it"
        )
    pixels = float(size)  # type: ignore[arg-type]
    return (ours or pixels) / (theirs or pixels)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"not JSON: {name}")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("not JSON: a key that occurs twice")
    return found
