"""What is written beside a value and may be left out: the recipe's choices."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

CHOICES = {
    "units": ("optional", "ignore", "require"),
    "currency": ("optional", "ignore", "require"),
    "percent": ("either", "sign", "value", "require"),
    "intervals": ("either", "strict"),
}


@dataclass(frozen=True, slots=True)
class Policy:
    """units, currency: `optional`: may be missing on either side, two different known ones differ; `ignore`: not looked
    at; `require`: both or neither, and the same.
    percent: what `28\\%` equals beside itself: `sign`: 28; `value`: 0.28; `either`: both; `require`: neither.
    intervals: `either`: `0<x<1` equals `(0,1)`; `strict`: a relation equals relations only.
    rounded_digits: a decimal reference of so many significant digits counts as rounded: an exact answer that rounds to
    it is accepted. 0: never.
    """

    units: str = "optional"
    currency: str = "optional"
    percent: str = "either"
    intervals: str = "either"
    rounded_digits: int = 3

    def __post_init__(self) -> None:
        for name, choices in CHOICES.items():
            found = getattr(self, name)
            if found not in choices:
                raise ValueError(f"math, setting {name!r}: found {found!r}, write one of {', '.join(choices)}")
        if type(self.rounded_digits) is not int or self.rounded_digits < 0:
            raise ValueError(f"math, setting 'rounded_digits': found {self.rounded_digits!r}, write 0 or more")

    @classmethod
    def settings(cls) -> dict[str, Any]:
        return {field.name: field.default for field in fields(cls)}


DEFAULT = Policy()
