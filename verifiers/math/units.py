"""Units beside a value: read into factors, spelled in one way, and compared."""

from __future__ import annotations

import re

from verifiers.math.denials import words_of
from verifiers.math.unit_words import COMPOSED, UNITS

_TOKEN = re.compile(r"[A-Za-zµΩÅ]+(?:-[A-Za-z]+)*|\^?-?\d{1,3}(?!\d)|\S")
_BRACED_POWER = re.compile(r"\^ ?\{ ?(-?) ?(\d{1,3}) ?\}")
_FRACTION = re.compile(r"\\frac ?\{([^{}]*)\} ?\{([^{}]*)\}")
_LIGHT_YEAR = re.compile(r"(?i)light[ -]years?")
_TIMES = re.compile(r"\\cdot(?![A-Za-z])|\\times(?![A-Za-z])|\*|·")
_POWERS = {"squared": 2, "cubed": 3}
_POWERS_BEFORE = {"square": 2, "sq": 2, "cubic": 3, "cu": 3}
_MAX_CHARS = 80
_MAX_EXPONENT = 12


def unit(spelled: str) -> str:
    """`square centimetres`, `cm^2` and `cm^{2}` are `cm^2`; a label with another word in it is `?` and the words."""
    found = factors(spelled)
    if found is None:
        return "?" + " ".join(spelled.casefold().split())
    over = [_power(name, found[name]) for name in sorted(found) if found[name] > 0]
    under = ["/" + _power(name, -found[name]) for name in sorted(found) if found[name] < 0]
    return " ".join(over or ["1"]) + "".join(under)


def _power(name: str, exponent: int) -> str:
    return name if exponent == 1 else f"{name}^{exponent}"


def factors(spelled: str) -> dict[str, int] | None:
    """The units of `kg m/s^2` with their exponents; None if there is a word that names none.

    What follows a `/` or `per` stands below it, products included: `J/mol K` is `J/(mol K)`.
    """
    if len(spelled) > _MAX_CHARS:
        return None
    text = _LIGHT_YEAR.sub("lightyear", _BRACED_POWER.sub(r"^\1\2", spelled))
    text = _TIMES.sub(" ", _FRACTION.sub(r"(\1)/(\2)", text).replace("{", "").replace("}", ""))
    reader = _Reader()
    read = all(reader.take(token) for token in _TOKEN.findall(re.sub(r"\^ (?=-?\d)|(?<=\^)- ", _joined, text)))
    return reader.composed() if read and reader.complete() else None


def _joined(found: re.Match[str]) -> str:
    return found.group().strip()


class _Reader:
    def __init__(self) -> None:
        self._found: list[tuple[str, int]] = []
        self._side = 1
        self._outer: list[int] = []
        self._pending = 1
        self._fresh = True

    def take(self, part: str) -> bool:
        low = part.casefold()
        if part == "/" or low == "per":
            self._side = -1
            self._fresh = True
        elif part == "(":
            self._outer.append(self._side)
        elif part == ")":
            if not self._outer:
                return False
            self._side = self._outer.pop()
        elif low in _POWERS_BEFORE:
            self._pending = _POWERS_BEFORE[low]
        elif low in _POWERS or part.lstrip("^-").isdigit():
            return self._raise(_POWERS.get(low) or int(part.lstrip("^")))
        elif part in UNITS or low in UNITS:
            self._found.append((UNITS.get(part) or UNITS[low], self._side * self._pending))
            self._pending, self._fresh = 1, False
        else:
            return part == "."
        return True

    def _raise(self, power: int) -> bool:
        if not self._found or self._fresh or abs(power) > _MAX_EXPONENT:
            return False
        name, exponent = self._found[-1]
        self._found[-1] = (name, (1 if power < 0 else exponent) * power)
        return True

    def complete(self) -> bool:
        return bool(self._found) and not self._outer and self._pending == 1 and not self._fresh

    def composed(self) -> dict[str, int]:
        total: dict[str, int] = {}
        for name, exponent in self._found:
            for part, power in COMPOSED.get(name, {name: 1}).items():
                total[part] = total.get(part, 0) + power * exponent
        return {name: exponent for name, exponent in total.items() if exponent}


def case_matters(left: str, right: str) -> bool:
    """Whether a word of one names another unit than the same word of the other: `5 mW`, `5 MW`."""
    ones, twos = (re.findall(r"[A-Za-z]+", text) for text in (left, right))
    return any(
        a != b and a.casefold() == b.casefold() and a in UNITS and b in UNITS and UNITS[a] != UNITS[b]
        for a, b in zip(ones, twos, strict=False)
    )


def conflict(left: str, right: str) -> bool:
    """Whether two labels cannot both be right: different known units, or a known one and a word that names another.

    `units` fits any, and so do words of which one is the unit: `hours of work`.
    """
    if not left or not right or left == right or "unit" in left or "unit" in right:
        return False
    unknown = [label for label in (left, right) if label.startswith("?")]
    if len(unknown) != 1:
        return not unknown
    known = left if unknown[0] is right else right
    named = {UNITS.get(word) for word in words_of(unknown[0])}
    return not any(part in named for part in re.findall(r"[^\W\d_]+", known))
