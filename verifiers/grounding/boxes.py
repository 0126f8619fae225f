"""Boxes: how four numbers are meant, and how far two boxes overlap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

FORMATS = ("xyxy", "xywh", "cxcywh")
"""Two corners; a corner, width and height; the centre, width and height."""
SCALES = {"pixels": None, "unit": 1.0, "thousand": 1000.0}
"""By name, the number at the image's right and lower edge; None: its width and height."""
MAX_PIXELS = 50_000.0
"""A coordinate is at most so far from 0: areas stay within COCO's largest, 1e10."""


class BoxError(ValueError):
    """Says why four numbers are no box."""


@dataclass(frozen=True, slots=True)
class Box:
    """x, y: of the corner nearest to 0, on the scale that the box was written in, as are width and height, which are
    not negative. score: of a detection. crowd: a region of many objects, by COCO's rules."""

    x: float
    y: float
    width: float
    height: float
    label: str | None = None
    score: float | None = None
    crowd: bool = False

    @property
    def area(self) -> float:
        return self.width * self.height

    def scaled(self, horizontal: float, vertical: float) -> Box:
        """With all its numbers multiplied."""
        return Box(
            self.x * horizontal,
            self.y * vertical,
            self.width * horizontal,
            self.height * vertical,
            self.label,
            self.score,
            self.crowd,
        )

    def numbers(self, form: str) -> list[float]:
        """As four numbers in one of FORMATS."""
        if form == "xyxy":
            return [self.x, self.y, self.x + self.width, self.y + self.height]
        if form == "xywh":
            return [self.x, self.y, self.width, self.height]
        return [self.x + self.width / 2, self.y + self.height / 2, self.width, self.height]


def corner_and_size(numbers: Sequence[float], form: str, scale: str) -> tuple[float, float, float, float]:
    """x, y, width and height of a box as it was written. Raises BoxError."""
    edge = SCALES[scale]
    least, most = (-MAX_PIXELS, MAX_PIXELS) if edge is None else (0.0, edge)
    for number in numbers:
        if not least <= number <= most:
            raise BoxError(f"{number:g} is outside {least:g} to {most:g} (scale: {scale})")
    first, second, third, fourth = numbers
    width, height = (third - first, fourth - second) if form == "xyxy" else (third, fourth)
    if width < 0 or height < 0:
        raise BoxError(f"a width or height below 0 (format: {form})")
    if form == "cxcywh":
        return first - width / 2, second - height / 2, width, height
    return first, second, width, height


def overlap(first: Box, second: Box) -> float:
    """The area that both cover."""
    across = min(first.x + first.width, second.x + second.width) - max(first.x, second.x)
    down = min(first.y + first.height, second.y + second.height) - max(first.y, second.y)
    return across * down if across > 0 and down > 0 else 0.0


def iou(first: Box, second: Box) -> float:
    """Intersection over union, 0 to 1; 0 where neither has an area."""
    both = overlap(first, second)
    if both <= 0.0:
        return 0.0
    if (first.x, first.y, first.width, first.height) == (second.x, second.y, second.width, second.height):
        return 1.0  # rounding would make it nearly 1
    return min(both / (first.area + second.area - both), 1.0)
