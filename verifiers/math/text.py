"""Writing that carries no meaning, removed: invisible characters, spacing commands, unicode forms. Linear time.

And what can be said of two answers by their text alone.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal

from verifiers.math.vocabulary import BEGINS_WITH_FUNCTION, MATH_WORDS, SHORT_WORDS

_SYMBOLS = {
    "−": "-", "–": "-", "—": "-", "‐": "-", "‑": "-", "×": r"\times ", "·": r"\cdot ", "⋅": r"\cdot ", "∙": r"\cdot ",
    "•": r"\cdot ", "∗": "*", "÷": "/", "∕": "/", "⁄": "/", "≤": r"\leq ", "⩽": r"\leq ", "≦": r"\leq ", "≥": r"\geq ",
    "⩾": r"\geq ", "≧": r"\geq ", "≠": r"\neq ", "≈": r"\approx ", "≃": r"\approx ", "≅": r"\approx ", "≡": r"\equiv ",
    "∞": r"\infty ", "°": r"^{\circ}", "º": r"^{\circ}", "˚": r"^{\circ}", "∪": r"\cup ", "∩": r"\cap ",
    "∖": r"\setminus ", "∈": r"\in ", "∉": r"\notin ", "⊂": r"\subset ", "⊆": r"\subseteq ", "±": r"\pm ",
    "∓": r"\mp ", "∅": r"\emptyset ", "⌀": r"\emptyset ", "√": r"\surd ", "∛": r"\surd[3]", "∜": r"\surd[4]",
    "⟨": r"\langle ", "⟩": r"\rangle ", "〈": r"\langle ", "〉": r"\rangle ", "⌊": r"\lfloor ", "⌋": r"\rfloor ",
    "⌈": r"\lceil ", "⌉": r"\rceil ", "∣": "|", "‖": r"\|", "∥": r"\|", "′": "'", "″": "''", "’": "'", "‘": "'",
    "“": '"', "”": '"', "…": r"\ldots ", "⋯": r"\ldots ", "∧": r"\land ", "∨": r"\lor ", "∠": r"\angle ",
    "△": r"\triangle ", "ℝ": r"\mathbb{R}", "ℤ": r"\mathbb{Z}", "ℚ": r"\mathbb{Q}", "ℕ": r"\mathbb{N}",
    "ℂ": r"\mathbb{C}", "ℓ": r"\ell ", "ℯ": "e", "ⅈ": "i", "ⅇ": "e", "，": ",", "；": ";", "。": ".", "、": ",",
    "（": "(", "）": ")", "℃": r"^{\circ}\text{C}", "℉": r"^{\circ}\text{F}", "∶": ":", "→": r"\to ", "∝": r"\propto ",
    "\u00c5": "angstrom", "\u212b": "angstrom",
    "\u00a0": " ", "\u2061": "", "\u2062": "", "\u2063": ",", "\u2064": "+", "∑": r"\sum ", "∏": r"\prod ",
    "∫": r"\int ", "¬": r"\lnot ", "↦": r"\mapsto ", "∘": r"\circ ", "⊕": r"\oplus ", "⟂": r"\perp ", "⊥": r"\perp ",
}  # fmt: skip
_GREEK_LETTERS = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lamda mu nu xi pi rho sigma tau upsilon phi chi psi omega"
)
_GREEK = {
    unicodedata.lookup(f"GREEK {size} LETTER {name.upper()}"): rf"\{shape(name)} "
    for name in _GREEK_LETTERS.split()
    for size, shape in (("SMALL", str), ("CAPITAL", str.capitalize))
}
_GREEK |= {"λ": r"\lambda ", "Λ": r"\Lambda ", "ϕ": r"\phi ", "ϑ": r"\theta ", "ε": r"\epsilon ", "µ": r"\mu "}
_TABLE = str.maketrans(_SYMBOLS | _GREEK)
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁿⁱˣ", "0123456789+-()nix")
_LOWERED = str.maketrans("₀₁₂₃₄₅₆₇₈₉₊₋₍₎ₙₖᵢⱼₓ", "0123456789+-()nkijx")
_RAISED_RUN = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁿⁱˣ]+")
_LOWERED_RUN = re.compile("[₀₁₂₃₄₅₆₇₈₉₊₋₍₎ₙₖᵢⱼₓ]+")

_TWICE_ESCAPED = re.compile(r"\\\\(?=[a-zA-Z]|[()\[\]{},!;])")
_DIGIT_GROUPS = re.compile(r"(?<=\d)(?:\\[,;:! ]|~|\{ \}| ?\{ ?, ?\} ?|\{\\,\}|, ?\\! ?|\\! ?, ?)(?=\d{3}(?!\d))")
_ELLIPSIS = re.compile(r"\.(?: ?\.)+|\\c?dots[cbmio]?(?![A-Za-z])")
_SPACED_GROUPS = re.compile(r"(?<![\d.,/] )(?<![\d.,/])\d{1,3}(?: \d{3})+(?![\d/]| ?\d| ?/)")
_SPACING = re.compile(
    r"(\\\\(?![a-zA-Z]))|\\(?:[,;:!> ]|q?quad(?![a-z]{2})|(?:display|text|script)style(?![A-Za-z])"
    r"|(?:left|right)(?![A-Za-z])\.?"
    r"|[bB]igg?[lrm]?(?![A-Za-z])|(?:(?:no)?limits|rm|bf|it)(?![A-Za-z])|mathstrut(?![A-Za-z])|[hv]space\*?\{[^{}]*\}"
    r"|phantom\{[^{}]*\}|(?:thin|med|thick|neg)(?:thin|med|thick)?space(?![A-Za-z])|(?:large|Large|LARGE|huge)(?![A-Za-z])"
    r"|label\{[^{}]*\}|tag\{[^{}]*\})|~|\$(?<!\\\$)"
)
_TIMES_TEN = re.compile(r"(?<=\d) ?[xX] ?(?=10 ?(?:\^|\*\*))")
_LOOSE_SPACE = re.compile(r"(?<![0-9A-Za-z,]) |(?<=,) (?!\d)|(?<=[^\d],) | (?![0-9A-Za-z])")
_AFTER_COMMAND = re.compile(r"(\\[A-Za-z]+) (?![A-Za-z])")
_FRACTIONS = re.compile(r"\\[dtc]frac(?![A-Za-z])")
_ORDINAL = re.compile(r"(?<=\d)\^?\{?(?:\\(?:text|mathrm)\{)?(?:st|nd|rd|th)\}{0,2}$")
_TEMPERATURE = re.compile(r"\^(?:\\circ|\{\\circ\}) ?(?:\\(?:text|mathrm)\{ ?)?([CF])\}?$")
_TEXT = r"\\(?:text|mathrm|rm|textrm) ?"
_ANGSTROM = re.compile(rf"{_TEXT}\{{ ?\\AA ?\}}|\\AA(?![A-Za-z])")
_MICRO = re.compile(
    rf"\\mu ?{_TEXT}(?:\{{ ?([A-Za-z]{{1,3}}) ?\}}|([A-Za-z])(?![A-Za-z]))|{_TEXT}\{{ ?\\mu ?([A-Za-z]{{1,3}}) ?\}}"
)
_OHM = re.compile(rf"{_TEXT}\{{ ?([kMGm]?) ?\\Omega ?\}}|{_TEXT}\{{ ?([kMGm]) ?\}} ?\\Omega(?![A-Za-z])")
_DEGREES_IN_TEXT = re.compile(r"\\(?:text|mathrm) ?\{ ?\^(?:\\circ|\{\\circ\}) ?([CF]) ?\}")
_WRAPPED = re.compile(
    r"(?:\\\(((?:(?!\\[()]).)*)\\\)|\\\[((?:(?!\\[\[\]]).)*)\\\]|\*\*([^*]+)\*\*|`([^`]+)`)\Z", re.DOTALL
)
_COLOUR = re.compile(r"\\(?:text)?color(?:box)? ?\{[a-zA-Z!0-9]{1,20}\}")
_FULL_STOP = re.compile(r"\\text\{[ .]*\}$")
_TRANSPOSED = re.compile(r"(?<=[)\]}])\^(?:\\top|\{\\top\}|\{T\}|\\mathsf ?\{?T\}?|\\intercal)(?![A-Za-z])")
_POSITIVE_REALS = re.compile(r"\\mathbb ?\{?R\}?(?:\^\{?\+\}?|_\{?(?:\+|>0)\}?)(?![\w^])")
_MODULUS = re.compile(r"\((?:\\(?:text|mathrm)\{)?mod\}? ?(\d{1,9}|[a-z])\)")
_REALS_WITHOUT = re.compile(r"(?<=\\mathbb\{R\})(?:-|\\backslash )(?=\\\{)")

_NUMBER = re.compile(
    r"(?P<sign>[+-]?)(?P<whole>[1-9]\d{0,2}(?:,\d{3})+|\d+)?(?P<part>\.\d*)?"
    r"(?:(?:[eE](?P<exp>[+-]?\d{1,4}))|(?:(?:\\times|\\cdot|\*) ?10\^(?:\{(?P<braced>[+-]?\d{1,4})\}|(?P<digit>\d))))?"
)
_TEXT_COMMAND = re.compile(
    r"\\(?:text(?:bf|it|rm|normal|sf|tt|sc)?|mbox|hbox|mathrm|mathbf|mathit|mathsf|operatorname)\b ?"
)
_WORDS_ONLY = re.compile(r"[^\W_]+(?:[ .,'\"!?:;()&/-]+[^\W_]+)*[ .,'\"!?)]*")
_RUN = re.compile(r"[^\W\d_]+")
_BETWEEN_DIGITS = re.compile(r"(?<=\d)[ ,;()]+(?=\d)")
_DOT = re.compile(r"(?<!\d)\.|\.(?!\d)")


def normalise(text: str) -> str:
    """`text` in ASCII and TeX, without what carries no meaning; what it means is left to the parser."""
    if not text.isascii():
        text = _plain(text)
    text = _unwrapped(text.strip())
    text = _COLOUR.sub("", text) if "color" in text else text
    text = text.replace("\r", " ").replace("\n", " ").replace("\t", " ")
    if "\\\\" in text and "\\begin" not in text:
        text = _TWICE_ESCAPED.sub(r"\\", text)
    text = _ELLIPSIS.sub(r"\\ldots ", text)
    text = _DIGIT_GROUPS.sub("", text)
    text = _FRACTIONS.sub(r"\\frac", _SPACING.sub(lambda found: found[1] or " ", text))
    text = _TIMES_TEN.sub(r"\\times ", " ".join(text.split()))
    text = _units(text)
    text = _SPACED_GROUPS.sub(lambda found: found.group().replace(" ", ""), text)
    text = _AFTER_COMMAND.sub(r"\1", _LOOSE_SPACE.sub("", text))
    text = _TRANSPOSED.sub("^T", _POSITIVE_REALS.sub(r"(0,\\infty)", text))
    text = _MODULUS.sub(r"\\pmod{\1}", _REALS_WITHOUT.sub(r"\\setminus", text))
    text = _ORDINAL.sub("", _TEMPERATURE.sub(r"\\text{\1}", text))
    return _without_end(_FULL_STOP.sub("", text))


def _unwrapped(text: str) -> str:
    """`5` of `\\(5\\)`, `\\[5\\]`, `**5**` and `` `5` ``."""
    found = _WRAPPED.match(text)
    return text if found is None else "".join(part or "" for part in found.groups())


def _units(text: str) -> str:
    """`\\mu\\text{m}` as `\\text{um}`, `\\mathrm{k\\Omega}` as `\\text{kohm}`, `\\AA` as `\\text{angstrom}`."""
    if "\\AA" in text:
        text = _ANGSTROM.sub(r"\\text{angstrom}", text)
    if "\\mu" in text:
        text = _MICRO.sub(r"\\text{u\1\2\3}", text)
    if "\\Omega" in text:
        text = _OHM.sub(r"\\text{\1\2ohm}", text)
    return _DEGREES_IN_TEXT.sub(r"\\text{\1}", text) if "\\circ" in text else text


def _without_end(text: str) -> str:
    """Without punctuation and line ends after the last sign."""
    end = len(text)
    while end > 0:
        if text[end - 1] in " .,;:":
            end -= 1
        elif text.endswith("\\\\", 0, end):
            end -= 2
        else:
            break
    return text if text.endswith("\\", 0, end) else text[:end]


def _plain(text: str) -> str:
    """Without characters beyond ASCII that have a spelling within it, or none at all."""
    text = text.replace("=\u0338", "≠")
    text = _RAISED_RUN.sub(lambda run: "^{" + run.group().translate(_RAISED) + "}", text)
    text = _LOWERED_RUN.sub(lambda run: "_{" + run.group().translate(_LOWERED) + "}", text)
    return "".join(c if c.isascii() else _character(c) for c in text.translate(_TABLE))


_STRIKES = frozenset("\u0335\u0336\u0337\u0338\u0305\u20d2\u20d3\u20e0\u20e5\u20e6\u20eb")
"""Characters that strike out the one before them."""


def _character(char: str) -> str:
    category = unicodedata.category(char)
    if char in _STRIKES:
        return r"\cancel "
    if category in ("Cf", "Cc", "Mn"):
        return ""
    if category == "Nd":
        return str(unicodedata.digit(char))
    if category == "Zs":
        return " "
    wide = unicodedata.normalize("NFKC", char)
    if "⁄" in wide:  # a vulgar fraction
        top, _, bottom = wide.partition("⁄")
        return rf"\frac{{{top}}}{{{bottom}}}" if bottom else wide
    return wide.translate(_TABLE) if wide.isascii() or "MATHEMATICAL" in unicodedata.name(char, "") else char


def plain_number(normalised: str) -> Decimal | None:
    """The exact value of a decimal numeral, with thousands separators or a power of ten; None for anything else."""
    found = _NUMBER.fullmatch(normalised)
    if found is None or not (found["whole"] or (found["part"] or ".") != "."):
        return None
    digits = (found["whole"] or "0").replace(",", "") + (found["part"] or "")
    exponent = found["exp"] or found["braced"] or found["digit"] or "0"
    return Decimal(f"{found['sign']}{digits}E{exponent}") if len(digits) <= 1000 else None


def words(normalised: str, prose: bool) -> str | None:
    """The normal spelling of words, if `normalised` is nothing else: lower case, without punctuation and spaces. What
    is not `prose` may be variables: then only a run of letters and digits, as it is.

    `\\text{(East)}` is `east`, `4:30 p.m.` is `4:30pm`. None for anything that holds an operator or a command.
    """
    bare = _TEXT_COMMAND.sub("", normalised).replace("{", "").replace("}", "").strip()
    if not _RUN.search(bare) or not _WORDS_ONLY.fullmatch(bare.lstrip("([\"' ")):
        return None
    if any(mark in bare for mark in "()") and not (bare.startswith("(") and bare.endswith(")")):
        return None
    if not prose:
        return bare if bare.isalnum() else None
    return _DOT.sub("", _BETWEEN_DIGITS.sub("|", bare.casefold())).translate(_NO_PUNCTUATION)


_NO_PUNCTUATION = str.maketrans("", "", " ,'\"!?()[];")


def is_prose(normalised: str) -> bool:
    """Whether a run of its letters is a word rather than a product of variables."""
    bare = _TEXT_COMMAND.sub("", normalised)
    if bare != normalised or not bare.isascii():
        return True
    runs = [run.casefold() for run in _RUN.findall(bare)]
    return any(run in SHORT_WORDS or (len(run) > 3 and not _is_mathematics(run)) for run in runs)


def _is_mathematics(run: str) -> bool:
    return run in MATH_WORDS or BEGINS_WITH_FUNCTION.fullmatch(run) is not None


_FORMULA = re.compile(r"(?:[A-Z][a-z]?\d*|\((?:[A-Z][a-z]?\d*)+\)\d*)+(?:\^\d?[+-])?")
_CHEMICAL_COMMAND = re.compile(r"\\(?:ce|text|mathrm|rm)(?![A-Za-z]) ?")


def chemical(normalised: str) -> str | None:
    """`H2O` of `H_2O`, `\\ce{H2O}` and `\\mathrm{H_2O}`; None for what is none, or bare letters."""
    bare = _CHEMICAL_COMMAND.sub("", normalised)
    bare = bare.replace("{", "").replace("}", "").replace("_", "").replace(" ", "")
    if len(bare) > 100 or not _FORMULA.fullmatch(bare):
        return None
    written_so = any(mark in normalised for mark in "_^") or _CHEMICAL_COMMAND.search(normalised)
    return bare if written_so else None
