"""The decision on two answers, text against text: by their spelling, as numbers, as trees."""

from __future__ import annotations

import re

from verifiers.base import Verdict
from verifiers.math.arbitrary import with_names_of
from verifiers.math.conditions import without_condition
from verifiers.math.equality import Equality
from verifiers.math.expression import expression
from verifiers.math.fallback import same_by_math_verify
from verifiers.math.limits import MAX_CHARS, MAX_WRITTEN, RefusedError, UnreadableError
from verifiers.math.matrices import determinants
from verifiers.math.nodes import Group, Node, Relation, Symbol
from verifiers.math.parser import readings
from verifiers.math.policy import DEFAULT, Policy
from verifiers.math.relations import assigned, contradicts, says_nothing
from verifiers.math.text import chemical, is_prose, normalise, plain_number, words
from verifiers.math.units import case_matters
from verifiers.math.vocabulary import SAME_WORDS, SYMBOLS_IN_WORDS
from verifiers.verifier import clip

_OPTION = re.compile(r"\(?([A-Z])(?:\)|[.:])\s*(.*)", re.DOTALL)
_BEFORE_OPTION = re.compile(r"^(?:(?:[Tt]he )?(?:[Cc]orrect )?(?:[Oo]ption|[Cc]hoice|[Aa]nswer)(?: is)?:? ?)+")
_OTHER_OPTION = re.compile(
    r"(?<![A-Za-z])(?:\(?[A-Ja-j]\)|\([A-Ja-j](?![A-Za-z])|[A-J][.:]|[B-HJ](?![A-Za-z'])"
    r"|[AI](?![A-Za-z'])(?! ?[A-Za-z]))"
)
_NO_OPTION_TEXT = re.compile(
    r"(?i)\W*(?:(?:or|not|is|isn't|neither|nor|also|and|but|either|else|rather|maybe|perhaps|wrong|incorrect|false|no)\b"
    r"|[a-j]\W*$)"
)
_ONE_IN_BRACES = re.compile(r"\{(\w)\}")
_NO_GAP = re.compile(r"(?<!\d) | (?!\d)")
_CHOICE = re.compile(r"\(?([A-J])\)?")


def equivalent(answer: str, gold: str, policy: Policy = DEFAULT) -> bool:
    """Of two expressions, LaTeX or plain, as a whole line of text may hold them (see expression.py).

    Run it where it can be killed: what it hands to sympy is bounded in size, not in time.
    """
    return compare(expression(answer), expression(gold), policy, decimal_comma=True).score == 1.0


def compare(answer: str, gold: str, policy: Policy = DEFAULT, decimal_comma: bool = False) -> Verdict:
    """The verdict on the content of a box, given the gold answer: both LaTeX or plain text.

    decimal_comma: whether the gold answer `2,75` may mean 2.75 too, as an answer's may; else it is a list.
    """
    if len(answer) > MAX_WRITTEN and answer != gold:
        return Verdict.unparsed(f"the answer was not evaluated: longer than {MAX_WRITTEN} characters as it is written")
    shown, answer, gold = clip(answer), normalise(answer), normalise(gold)
    if len(answer) > MAX_CHARS and answer != gold:
        return Verdict.unparsed(f"the answer was not evaluated: longer than {MAX_CHARS} characters")
    known = same_by_text(answer, gold)
    if known is not None:
        return Verdict.correct(shown) if known else Verdict.wrong(shown, "differs from the reference")
    try:
        return _verdict(shown, answer, gold, policy, decimal_comma)
    except RefusedError as problem:
        return Verdict.unparsed(f"the answer was not evaluated: {problem}")


def same_by_text(answer: str, gold: str) -> bool | None:
    """Whether two normalised answers agree, where their text alone says so: None where it does not.

    Same text; two plain decimal numbers; the same words, or different ones (`listen`, `silent`).
    """
    if answer == gold or ((formula := chemical(answer)) is not None and formula == chemical(gold)):
        return bool(answer)
    left, right = plain_number(answer), plain_number(gold)
    if left is not None and right is not None:
        return left == right
    prose = is_prose(answer) or is_prose(gold)
    one, two = words(answer, prose), words(gold, prose)
    if (one is None) != (two is None) and _in_words(answer, one, gold, two):
        return True
    if one is None or two is None:
        return None
    if SAME_WORDS.get(one, one) == SAME_WORDS.get(two, two):
        return None if case_matters(answer, gold) else True
    has_digits = any(c.isdigit() for c in one + two)
    return False if not has_digits and (is_prose(answer) and is_prose(gold)) else None


def _in_words(answer: str, one: str | None, gold: str, two: str | None) -> bool:
    """`no solution` for `\\emptyset`."""
    symbol, said = (gold, one) if two is None else (answer, two)
    return said in SYMBOLS_IN_WORDS.get({"\\{\\}": "\\emptyset"}.get(symbol, symbol), ())


def _verdict(shown: str, answer: str, gold: str, policy: Policy, decimal_comma: bool) -> Verdict:
    wanted = _readings(gold, decimal_comma)
    given = _readings(answer)
    if wanted is None:
        same = _bare(answer) == _bare(gold)
        if not same and given is not None and words(gold, prose=True) is None:
            same = same_by_math_verify(_value_of(given[0]), answer, gold)
        return Verdict.correct(shown) if same else Verdict.wrong(shown, "differs from the reference")
    if _same_choice(answer, gold):
        return Verdict.correct(shown)
    if given is None and without_condition(answer) is None:
        return Verdict.wrong(shown, "not the reference's text, and not an expression that can be read")
    wanted = tuple(dict.fromkeys((*wanted, *map(determinants, wanted))))
    equality = Equality(policy)
    if any(equality.equal(one, two) for one in given or () for two in wanted):
        return Verdict.correct(shown)
    if _same_without(answer, gold, equality, decimal_comma):
        return Verdict.correct(shown)
    return Verdict.wrong(shown, _why(given[0] if given else Symbol(answer), wanted[0]))


def _value_of(node: Node) -> Node:
    """`\\frac13` of `\\int_0^1x^2dx=\\frac13`: what an answer that restates a sum or an integral gives as its value."""
    said = assigned(node) if isinstance(node, Relation) and not contradicts(node) else None
    return node if said is None else said[1]


def _same_without(answer: str, gold: str, equality: Equality, decimal_comma: bool) -> bool:
    """Without a condition that only one of them has, and with the reference's names for what is arbitrary."""
    heads = without_condition(answer), without_condition(gold)
    if heads[0] is not None and heads[1] is None:
        answer = heads[0]
    elif heads[1] is not None and heads[0] is None:
        gold = heads[1]
    given, wanted = _readings(answer), _readings(gold, decimal_comma)
    for one in given or ():
        for two in wanted or ():
            renamed = with_names_of(one, two)
            if (heads != (None, None) and equality.equal(one, two)) or (renamed and equality.equal(renamed, two)):
                return True
    return False


def _readings(text: str, decimal_comma: bool = True) -> tuple[Node, ...] | None:
    try:
        return readings(text, decimal_comma)
    except UnreadableError:
        return None


def _bare(text: str) -> str:
    """`x_0` for `x_{0}`: of a reference that cannot be read, the writing."""
    return _NO_GAP.sub("", _ONE_IN_BRACES.sub(r"\1", text))


def _same_choice(answer: str, gold: str) -> bool:
    """`B` against `b`, `(B) 12` and `B. twelve`; not against what names another option too."""
    letter = _CHOICE.fullmatch(words_in_capitals(gold))
    if letter is None:
        return False
    text = _BEFORE_OPTION.sub("", words_in_capitals(answer))
    if text in (letter[1], letter[1].lower(), f"({letter[1].lower()})"):
        return True
    option = _OPTION.fullmatch(text)
    if option is None or option[1] != letter[1]:
        return False
    return not (_OTHER_OPTION.search(option[2]) or _NO_OPTION_TEXT.match(option[2]))


def words_in_capitals(normalised: str) -> str:
    """`normalised` without text commands and braces, its letters as they are."""
    return _TEXT.sub("", normalised).replace("{", "").replace("}", "").strip()


_TEXT = re.compile(r"\\(?:text(?:bf|it|rm)?|mathrm|mathbf|mbox)(?![A-Za-z]) ?")


def _why(answer: Node, gold: Node) -> str:
    """The reason of a wrong verdict, as far as the answer's form gives it."""
    if isinstance(answer, Relation):
        if contradicts(answer):
            return "an equality that does not hold"
        if says_nothing(answer):
            return "an equality that says nothing"
    if isinstance(answer, Group) and not answer.is_tuple and not isinstance(gold, Group):
        return "names several answers where the reference names one"
    return "differs from the reference"
