"""The words of the grammar: commands, function names, relation signs, units, currencies. Tables only."""

from __future__ import annotations

import re


def names(text: str) -> frozenset[str]:
    """A table that is written as words."""
    return frozenset(text.split())


FUNCTIONS = names(
    "sin cos tan cot sec csc sinh cosh tanh arcsin arccos arctan arccot arcsec arccsc arsinh arcosh artanh "
    "arcsinh arccosh arctanh ln log lg exp cis gcd lcm max min floor ceil abs Re Im arg det sgn sign tg ctg arctg"
)
SYNONYMS = {
    "arcsinh": "arsinh", "arccosh": "arcosh", "arctanh": "artanh", "tg": "tan", "lg": "log", "ctg": "cot",
    "arctg": "arctan",
    "sgn": "sign", "asin": "arcsin", "acos": "arccos", "atan": "arctan",
}  # fmt: skip
INVERSES = {
    "sin": "arcsin", "cos": "arccos", "tan": "arctan", "cot": "arccot", "sec": "arcsec", "csc": "arccsc",
    "sinh": "arsinh", "cosh": "arcosh", "tanh": "artanh",
}  # fmt: skip
MANY_ARGUMENTS = frozenset(("gcd", "lcm", "max", "min"))
GREEK = names(
    "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi rho varrho sigma "
    "varsigma tau upsilon phi varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega ell hbar "
    "aleph"
)
PLAIN_GREEK = names("alpha beta gamma delta epsilon theta lambda sigma phi omega mu rho tau psi")
MATH_WORDS = frozenset(
    w.lower() for w in FUNCTIONS | PLAIN_GREEK | {"sqrt", "infinity", "frac", "cbrt", "pm", "asin", "acos", "atan"}
)
BEGINS_WITH_FUNCTION = re.compile(r"(sqrt|sin|cos|tan|log|ln|pi)([a-zA-Z]{1,2})")
"""`sinx`: a function and its argument, written together."""
SHORT_WORDS = names(
    "no on yes ten net one neo two tow six odd god dog cat act not ton was saw art rat tar tea eat ate won own now top "
    "pot men all any even none east west north south true false red blue"
)
"""Words of up to three letters that answers use, some of which are anagrams of others; and a few longer ones."""

SIGNS = {
    "=": "=", "\\equals": "=", "<": "<", ">": ">", "\\lt": "<", "\\gt": ">", "\\le": "<=", "\\leq": "<=",
    "\\leqslant": "<=", "\\leqq": "<=", "<=": "<=", "\\ge": ">=", "\\geq": ">=", "\\geqslant": ">=", "\\geqq": ">=",
    ">=": ">=", "=<": "<=", "=>": ">=", "\\ne": "!=", "\\neq": "!=", "!=": "!=", "<>": "!=", "\\approx": "~",
    "\\simeq": "~", "\\sim": "~", "\\cong": "~", "~=": "~", "\\doteq": "~", "\\in": "in", "\\notin": "notin",
    "\\equiv": "equiv", "==": "=", "\\subset": "subset", "\\subseteq": "subset", ":=": "=", "\\not=": "!=",
}  # fmt: skip
FLIPPED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "=": "=", "!=": "!="}

TEXT_COMMANDS = names(
    "text textbf textit textrm textnormal textsf texttt textsc textup mbox hbox mathrm mathsf mathtt mathit emph "
    "operatorname underline mathbf boldsymbol bm"
)
DECORATIONS = names(
    "vec hat bar tilde overrightarrow overleftrightarrow widehat widetilde overline dot ddot mathcal mathscr mathfrak "
    "mathbb underbrace overbrace"
)
MATRICES = names("pmatrix bmatrix matrix Bmatrix vmatrix_ array smallmatrix psmallmatrix bsmallmatrix")

CURRENCIES = {
    "\\$": "$", "$": "$", "€": "€", "£": "£", "¥": "¥", "₹": "₹", "₽": "₽", "₩": "₩", "\\euro": "€", "\\pounds": "£",
    "\\yen": "¥", "usd": "$", "dollar": "$", "dollars": "$", "eur": "€", "euro": "€", "euros": "€", "gbp": "£",
    "pounds sterling": "£", "yen": "¥", "jpy": "¥", "yuan": "CN¥", "rmb": "CN¥", "cny": "CN¥", "rupees": "₹",
    "rupee": "₹", "rs": "₹", "cent": "¢", "cents": "¢", "¢": "¢", "inr": "₹", "rubles": "₽", "roubles": "₽",
}  # fmt: skip
DEGREES = frozenset(("degree", "degrees", "deg", "degs"))
PERCENTS = frozenset(("percent", "percentage", "pct", "percents"))
SCALES = {"hundred": 2, "thousand": 3, "million": 6, "billion": 9, "trillion": 12}
"""Words after a number that multiply it by that power of ten."""
_ALL_REALS = names("allrealnumbers allreals realnumbers thereals thesetofrealnumbers thesetofallrealnumbers")
SYMBOLS_IN_WORDS = {
    "\\emptyset": names("nosolution nosolutions norealsolution norealsolutions theemptyset emptyset"),
    "\\mathbb{R}": _ALL_REALS,
    "(-\\infty,\\infty)": _ALL_REALS,
    "(-\\infty,+\\infty)": _ALL_REALS,
    "\\infty": names("infinity positiveinfinity"),
    "+\\infty": names("infinity positiveinfinity"),
    "-\\infty": names("negativeinfinity minusinfinity"),
}
SAME_WORDS = {
    "nosolutions": "nosolution", "dne": "doesnotexist", "thelimitdoesnotexist": "doesnotexist",
    "norealsolutions": "norealsolution",
}  # fmt: skip
LEADING = names(
    "about approximately approx roughly around answer is the total equals exactly only maximum minimum value center "
    "centre vertex focus point"
)
