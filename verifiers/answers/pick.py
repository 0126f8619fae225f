"""Which option an answer names, if it names just one; or the reason why it names none."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from verifiers.answers.options import Options, comparable

_LEAD = re.compile(
    r"(?:the )?(?:correct |right |final |best )?(?:answer|option|choice)s?(?: is| are)?(?: ?: ?| )(?=\S)|either ",
    re.IGNORECASE,
)
_BARE = re.compile(r"[(\[]? ?([A-Za-z0-9]) ?[)\].:]{0,2}")
_WITH_TEXT = re.compile(r"[(\[]? ?([A-Za-z0-9])(?P<mark> ?[)\].:,-]{1,2}[-:]?| (?=\S)) ?(?P<text>.+)")
_TEXT_FIRST = re.compile(r"(.+?) ?[(\[] ?([A-Za-z0-9]) ?[)\]]")
_HELD = re.compile(r"\A[(\[] ?(.*?) ?[)\]]\Z")
_MARKER = re.compile(r"(?<![^\W_])(?<![^\W_]\()\(?([A-Z0-9])[).:](?!\d)")
_OR = re.compile(r" ?[,;/&+|] ?(?:(?:or|and) )?| (?:or|and|and/or|oder|ou|und|et|y|o) ", re.IGNORECASE)
_AND = re.compile(r" ?[,;&+] ?(?:and )?| and ", re.IGNORECASE)
_ALONE = re.compile(
    r"(?<![^\W_])(?:(?<!/)[(\[] ?(?P<held>[A-Za-z0-9]) ?[)\]](?! ?/)|(?<![(\[])(?P<marked>[A-Za-z])[)\]]"
    r"|(?<![°^_({])(?<![0-9°] )(?P<capital>[A-Z])(?!-[^\W_]|\+\+|#|['^_({]))(?![^\W_])"
)
_BEFORE_A_WORD = re.compile(r" [^\W\d_]{2}")
_HEDGED = re.compile(r"(?:^|\b(?:also|and|answer|be|but|choice|choose|is|maybe|option|or|perhaps|pick)\W+)([b-hj-z])$")
_LETTERED = re.compile(
    r"\b(?:vitamins?|hepatitis|influenza|points?|vertex|angle|side|line|segment|plane|figure|group|type|class|grade|"
    r"team|box|city|town|person|student|sample|car|train|plan|event|matrix|set|model|graph|compound|protein|factor|"
    r"blood type|planet|block|player|machine|container|company|country|gas|metal|element|species)s? $",
    re.IGNORECASE,
)
_BETWEEN_LETTERS = re.compile(r"[\s,;&+()\[\].]")


@dataclass(frozen=True, slots=True)
class Pick:
    """labels: of the options named. ambiguous: a bare label that is also the text of another option."""

    labels: frozenset[str]
    ambiguous: bool = False


def pick(answer: str, options: Options) -> Pick | str:
    """The one option that `answer` names, or why it names none. Raises TooDeepError."""
    text = comparable(answer)
    found = _one(text, options)
    # Where the texts are known, a letter with the text of its option is one answer, whatever that text holds.
    if isinstance(found, Pick) and (options.texts or len(_all_named(text, options)) < 2):
        return found
    named = _all_named(text, options)
    if len(named) > 1:
        return f"names several options: {', '.join(sorted(named))}"
    return found


def picks(answer: str, options: Options) -> Pick | str:
    """All options that `answer` names: `A, C`, `A and C`, `AC`, or their texts. Raises TooDeepError."""
    text = comparable(answer)
    if isinstance(whole := _one(text, options), Pick) and options.texts:
        return whole
    text = _led(text).strip("{}[] ")
    letters = _BETWEEN_LETTERS.sub("", text)
    if letters and all(letter in options.labels for letter in letters):
        return Pick(frozenset(letters))
    labels: set[str] = set()
    for part in _AND.split(text):
        found = pick(part, options)
        if isinstance(found, str):
            return found
        labels |= found.labels
    return Pick(frozenset(labels))


def _led(text: str) -> str:
    """Without `Answer:`, `option` and the like before it."""
    found = _LEAD.match(text)
    return text[found.end() :] if found else text


def _one(text: str, options: Options) -> Pick | str:
    """Read as a text first: an option may begin with the word `option`."""
    found = _as_written(text, options)
    led = _led(text)
    return _as_written(led, options) if isinstance(found, str) and led != text else found


def _as_written(text: str, options: Options) -> Pick | str:
    bare, of_text = _BARE.fullmatch(text), options.by_text(text)
    if bare and (label := _label(bare[1], options)) is not None:
        return Pick(frozenset({label}), ambiguous=bool(of_text) and of_text != [label])
    if len(of_text) == 1:
        return Pick(frozenset(of_text))
    if of_text:
        return f"the text of several options: {', '.join(of_text)}"
    after = _TEXT_FIRST.fullmatch(text)
    if after and (label := _label(after[2], options)) is not None and label in options.by_text(after[1]):
        return Pick(frozenset({label}))
    both = _WITH_TEXT.fullmatch(text)
    if both and (label := _label(both[1], options)) is not None:
        return _with_text(label, both["text"].strip(), bool(both["mark"].strip()), options)
    return f"there is no option {bare[1]}; they are {', '.join(options.labels)}" if bare else _unknown(text)


def _with_text(label: str, text: str, is_marked: bool, options: Options) -> Pick | str:
    """is_marked: by more than a space, with which `A` may be the English article."""
    of_text = options.by_text(text) or options.by_text(_HELD.sub(r"\1", text))
    if is_marked and not options.texts and (other := _other_letter(text, label, options)):
        return f"names several options: {', '.join(sorted((label, other)))}"
    if label in of_text or (is_marked and not options.texts):
        return Pick(frozenset({label}))
    if of_text:
        return f"the letter is {label} and the text is that of option {', '.join(of_text)}"
    return f"the letter is {label} and the text after it is that of no option"


def _other_letter(text: str, label: str, options: Options) -> str | None:
    """The first letter of another option that stands by itself in a text of which nothing else is known: in brackets,
    as a capital, or after a word like `also`. Not in `A cat`, `5 A`, `25 °C`, `C-reactive`, `P(A)`, `Vitamin C`.
    """
    for found in _ALONE.finditer(text):
        is_capital = found["capital"] is not None
        may_be_word = found["capital"] == "I" or (found["capital"] == "A" and _begins(text, found.start()))
        if may_be_word and _BEFORE_A_WORD.match(text, found.end()):
            continue
        if is_capital and _LETTERED.search(text, max(0, found.start() - 16), found.start()):
            continue
        named = _label(found["held"] or found["marked"] or found["capital"], options)
        if named not in (None, label):
            return named
    hedged = _HEDGED.search(text.strip("*.!? "))
    named = _label(hedged[1], options) if hedged else None
    return named if named != label else None


def _begins(text: str, at: int) -> bool:
    """Whether a sentence begins there."""
    before = text[max(0, at - 3) : at].rstrip(" \"'")
    return not before or before[-1] in ".:;!?"


def _label(char: str, options: Options) -> str | None:
    return char.upper() if char.upper() in options.labels else None


def _all_named(text: str, options: Options) -> set[str]:
    """Every option that a part of `text` names by itself, or by a letter with `)`, `.` or `:` after it."""
    named = {label for found in _MARKER.finditer(text) if (label := _label(found[1], options)) is not None}
    for part in _OR.split(text):
        found = _one(part.strip(), options)
        if isinstance(found, Pick):
            named |= found.labels
    letters = text.replace(" ", "")
    if letters.isupper() and all(char in options.labels for char in letters):
        named |= set(letters)
    return named


def _unknown(text: str) -> str:
    """Says so where a single letter is one of another alphabet, which may only look like a label."""
    single = text.strip("()[].: ")
    if len(single) == 1 and not single.isascii():
        return f"{single!r} is {unicodedata.name(single, 'no letter')}, not a letter of the options"
    return "the answer is none of the options"
