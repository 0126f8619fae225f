"""The LaTeX commands that `plain` knows, by what they show. Tables alone."""

from __future__ import annotations

from collections.abc import Mapping

NARROW = "\u00a0"
"""What a space that breaks no line becomes between digits, where it may group them; elsewhere it is a space."""

_NOTHING = """
! ( ) [ ] left right big Big bigl bigr Bigl Bigr displaystyle textstyle limits tiny small normalsize large Large
boldmath bf rm it strut
"""
_WRAPPERS = """
text textbf textit textrm textsf texttt textnormal textup mathrm mathbf mathit mathsf mathtt mathnormal boldsymbol bm
pmb operatorname mbox hbox emph underline boxed fbox unit si
"""
_SYMBOLS = """
times=× cdot=· ast=* pm=± mp=∓ div=÷ approx=≈ simeq=≈ sim=~ circ=° degree=° textdegree=° celsius=°C mu=\u03bc
micro=\u03bc textmu=\u03bc Omega=\u03a9 ohm=\u03a9 AA=\u00c5 angstrom=\u00c5 ell=ℓ percent=% Delta=\u0394 pi=π infty=∞
euro=€ pounds=£ yen=¥ textdollar=$ ldots=… dots=… leq=≤ le=≤ geq=≥ ge=≥ lt=< gt=> %=% $=$ #=# &=& _=_ {={ }=}
"""
_SPACES = "> quad qquad enspace \\ newline hfill"

WRAPPERS = frozenset(_WRAPPERS.split())
"""Show their argument as upright or marked letters."""
FRACTIONS = frozenset({"frac", "dfrac", "tfrac", "cfrac"})
SHOWN: Mapping[str, str] = {
    **dict.fromkeys(_NOTHING.split(), ""),
    **dict.fromkeys(_SPACES.split(), " "),
    **dict.fromkeys(("", ",", ";", ":", "thinspace", "space"), NARROW),
    **dict(pair.split("=", 1) for pair in _SYMBOLS.split()),
    **dict.fromkeys(("lor", "vee"), " or "),
}
"""What a command without arguments shows, by its name without the backslash; the name of backslash-space is empty."""

CHARACTERS: Mapping[int, str] = str.maketrans(
    dict(zip("−–‐‑﹣⁄∕∙⋅•≃º’‘“”", "-----//···≈°''\"\"", strict=True))
    | {"\u00b5": "\u03bc", "\u2126": "\u03a9", "\u212b": "\u00c5", "∆": "\u0394", "℃": "°C", "℉": "°F"}
    | dict.fromkeys("\t\n\r\v\f\u0085\u2028\u2029", " ")
    | dict.fromkeys("\u034f\u115f\u1160\u2800\u3164\uffa0", "")
    | dict.fromkeys(map(chr, range(0xFE00, 0xFE10)), "")
)
"""Spellings of one sign as that sign; what shows nothing as nothing (fillers and variation selectors)."""
SUPERSCRIPTS: Mapping[int, int] = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "0123456789+-")
