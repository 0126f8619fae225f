"""What can be said about two answers without sympy: equal as text, or both plain numbers. And what sympy must not see.

Limits come first because math-verify's own time limits are SIGALRM: they are off here, and the pool's parent kills what
is slow. Refusing a power tower in microseconds is cheaper than killing the worker that computes it.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal

MAX_CHARS = 2000
MAX_DEPTH = 24
MAX_DIGITS = 1000
MAX_EXPONENT = 10_000
MAX_FACTORIAL = 1000
MAX_POWER_NESTING = 2

_SPACING = re.compile(
    r"\\(?:[,;:!>]|q?quad(?![A-Za-z])|displaystyle(?![A-Za-z])|left(?![A-Za-z])|right(?![A-Za-z]))|\\ |~|\$(?<!\\\$)"
)
_THIN_GROUPS = re.compile(r"(?<=\d)\\,(?=\d{3}(?!\d))")
_LOOSE_SPACE = re.compile(r"(?<![0-9A-Za-z]) | (?![0-9A-Za-z])")
_FRACTIONS = re.compile(r"\\[dtc]frac(?![A-Za-z])")
_UNICODE = str.maketrans(
    {"−": "-", "–": "-", "×": r"\times ", "·": r"\cdot ", "÷": r"\div ", "≤": r"\leq ", "≥": r"\geq ", "≠": r"\neq "}
    | {"π": r"\pi ", "∞": r"\infty ", "°": r"^{\circ}", "∪": r"\cup ", "∩": r"\cap ", "±": r"\pm ", "∅": r"\emptyset "}
    | {"²": "^{2}", "³": "^{3}", "½": r"\frac{1}{2}", "¼": r"\frac{1}{4}", "¾": r"\frac{3}{4}", "，": ",", "％": r"\%"}
)
_NUMBER = re.compile(
    r"(?P<sign>[+-]?)(?:\\\$)?(?P<whole>\d{1,3}(?:,\d{3})+|\d+)?(?P<part>\.\d*)?"
    r"(?:(?:[eE](?P<exp>[+-]?\d{1,4}))|(?:(?:\\times|\\cdot|\*) ?10\^(?:\{(?P<braced>[+-]?\d{1,4})\}|(?P<digit>\d))))?"
)
_WITH_BASE = re.compile(r"([0-9A-Fa-f]+)_(?:\{(\d{1,2})\}|(\d))")


def normalise(text: str) -> str:
    """Writing that carries no meaning removed: invisible characters, spacing commands, `$`, full-width forms."""
    kept = "".join(_narrow(c) for c in text if unicodedata.category(c) not in ("Cf", "Cc") or c in "\n\t")
    kept = _THIN_GROUPS.sub(",", kept.replace("\\! ", "").replace("\\!", ""))
    kept = _SPACING.sub(" ", kept.translate(_UNICODE).replace("{,}", ","))
    kept = _FRACTIONS.sub(r"\\frac", kept)
    kept = _LOOSE_SPACE.sub("", " ".join(kept.split()))
    return kept[:-1] if kept.endswith(".") and not kept.endswith("..") else kept


def _narrow(char: str) -> str:
    """Full-width ASCII as ASCII."""
    code = ord(char)
    return chr(code - 0xFEE0) if 0xFF01 <= code <= 0xFF5E else char


def plain_number(normalised: str) -> Decimal | None:
    """The exact value of a decimal numeral, with thousands separators or a power of ten; None for anything else."""
    found = _NUMBER.fullmatch(normalised)
    if found is None or not (found["whole"] or (found["part"] or ".") != "."):
        return None
    digits = (found["whole"] or "0").replace(",", "") + (found["part"] or "")
    exponent = found["exp"] or found["braced"] or found["digit"] or "0"
    return Decimal(f"{found['sign']}{digits}E{exponent}") if len(digits) <= MAX_DIGITS else None


def same_by_text(answer: str, gold: str) -> bool | None:
    """Whether two normalised answers agree, where that needs no algebra: None if it does."""
    if answer == gold:
        return True
    left, right = plain_number(answer), plain_number(gold)
    if left is not None and right is not None:
        return left == right
    left_base, right_base = _WITH_BASE.fullmatch(answer), _WITH_BASE.fullmatch(gold)
    if left_base and right_base:
        return [g.lower() for g in left_base.groups("") if g] == [g.lower() for g in right_base.groups("") if g]
    return None


def refusal(text: str) -> str | None:
    """Why `text` is not handed to sympy, or None if it may be."""
    if len(text) > MAX_CHARS:
        return f"longer than {MAX_CHARS} characters"
    if "\\boxed" in text or "\\fbox" in text:
        return "a box beside other text inside the box"
    if _depth(text) > MAX_DEPTH:
        return f"nested deeper than {MAX_DEPTH}"
    if re.search(rf"\d{{{MAX_DIGITS + 1}}}", text):
        return f"a number of more than {MAX_DIGITS} digits"
    return _power_refusal(text) or _factorial_refusal(text)


def _depth(text: str) -> int:
    """Deepest nesting of brackets; unary prefixes and braceless roots count one each, since they nest too."""
    depth = deepest = 0
    for char in text:
        if char in "([{":
            depth += 1
            deepest = max(deepest, depth)
        elif char in ")]}":
            depth = max(depth - 1, 0)
    chains = re.findall(r"(?:\\sqrt ?){2,}|[-+]{2,}|(?:\\[a-z]+ ){8,}", text)
    return max([deepest, *(chain.count("\\") + len(re.findall("[-+]", chain)) for chain in chains)])


def _power_refusal(text: str) -> str | None:
    nesting, deepest = 0, 0
    closers: list[bool] = []
    previous = ""
    for char in text.replace(" ", ""):
        if char == "{":
            closers.append(previous == "^")
            nesting += previous == "^"
        elif char == "}" and closers:
            nesting -= closers.pop()
        elif char == "^":
            deepest = max(deepest, nesting + 1)
        previous = char
    if deepest > MAX_POWER_NESTING:
        return f"powers of powers nested deeper than {MAX_POWER_NESTING}"
    compact = text.replace(" ", "").replace("{", "").replace("}", "").replace("**", "^")
    too_large = any(int(exponent[:9]) > MAX_EXPONENT for exponent in re.findall(r"\^\(?[-+]?(\d+)", compact))
    towers = re.findall(r"\^\(?-?(\d+)\^\(?-?(\d+)", compact)
    if too_large or not all(_small_power(base, exponent) for base, exponent in towers):
        return f"an exponent above {MAX_EXPONENT}"
    return None


def _small_power(base: str, exponent: str) -> bool:
    return len(base) <= 5 and len(exponent) <= 2 and int(base) ** int(exponent) <= MAX_EXPONENT


def _factorial_refusal(text: str) -> str | None:
    compact = re.sub(r"[\s{}]|\\left|\\right", "", text)
    if re.search(r"![)\]]*!", compact):
        return "a factorial of a factorial"
    if any(int(number[-9:]) > MAX_FACTORIAL or len(number) > 9 for number in re.findall(r"(\d+)[)\]]*!", compact)):
        return f"a factorial above {MAX_FACTORIAL}"
    if re.search(r"\^-?\d+[)\]]*!", compact):
        return "a factorial of a power"
    return None
