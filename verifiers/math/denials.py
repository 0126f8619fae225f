"""Words that change, deny or hedge what they stand beside, so that they are no unit and no name of a quantity."""

from __future__ import annotations

import re

from verifiers.math.vocabulary import names

NUMBER_WORDS = names(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million billion trillion "
    "un deux trois quatre cinq sept huit neuf dix uno dos tres cuatro cinco seis siete ocho nueve diez eins zwei drei "
    "vier sechs sieben acht neun zehn"
)
_SCALE_WORDS = names(
    "tens hundreds thousands millions billions trillions quadrillion quadrillions quintillion sextillion septillion "
    "googol myriad lakh lakhs crore crores dozen dozens gross mille permille permil ppm ppb ppt basis "
    "half halves third thirds fourth fourths fifth fifths sixth sixths seventh sevenths eighth eighths ninth ninths "
    "tenth tenths eleventh elevenths twelfth twelfths twentieth twentieths hundredth hundredths thousandth thousandths "
    "millionth millionths billionth billionths trillionth trillionths double doubled twice triple tripled thrice halved"
)
_OPERATOR_WORDS = names(
    "plus minus over under divided divide multiplied multiply subtract subtracted add added increased decreased "
    "factorial modulo mod exponent root squared cubed pi base binary octal hexadecimal negative opposite reciprocal "
    "inverse negated by log ln sqrt"
)
_DENIALS = names(
    "not no nor never none neither nope nah non nicht nein pas false falsch faux incorrect wrong invalid untrue fake "
    "mistake mistaken error erroneous impossible rejected refuted discarded is are was were be been being am isnt "
    "arent aint can cannot cant could couldnt may might must should would wouldnt will wont shall do does did dont "
    "doesnt didnt seems seem appears think guess guesses guessed guessing believe suppose supposedly assume assuming "
    "know knows doubt doubtful say says said unsure unknown uncertain undecided"
)
_HEDGES = names(
    "or and otherwise rather also alternatively alternative alternate instead else versus vs unless perhaps maybe "
    "possibly probably presumably likely unlikely hopefully either if but though although however wait yet oops sorry "
    "except excluding without least most more less fewer than between to until through actually correction ou oder und "
    "et aber mais pero sino sonst sinon peut possible plausible candidate option"
)
_IN_LABELS = NUMBER_WORDS | _SCALE_WORDS | _OPERATOR_WORDS | _DENIALS | _HEDGES
_IN_NAMES = _DENIALS | _HEDGES - names("to between than most least more less fewer")
_FOREIGN = re.compile(r"[不非没否错或百千万亿一二三四五六七八九十半两倍]")
_FOREIGN_UNITS = re.compile(r"千(?:克|米|瓦|帕|焦|卡|伏)|平方|立方")
_SIGNS = re.compile(r"[,;:?!=<>|&\"\d]")
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
MAX_LABEL_WORDS = 4
MAX_NAME_WORDS = 6


def words_of(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def denied_label(text: str) -> bool:
    """Whether `text` after a value says more of it than what it counts."""
    words = words_of(text)
    if len(words) > MAX_LABEL_WORDS or _SIGNS.search(text) or _FOREIGN.search(_FOREIGN_UNITS.sub("", text)):
        return True
    return any(word in _IN_LABELS or word.endswith("n't") for word in words)


def denied_name(text: str) -> bool:
    """Whether `text` before an equality sign is no name of a quantity: `not`, `six`, `the answer is not`."""
    words = words_of(text)
    if len(words) > MAX_NAME_WORDS or _SIGNS.search(text) or _FOREIGN.search(text):
        return True
    if any(word in _IN_NAMES or word.endswith("n't") for word in words):
        return True
    return bool(words) and all(word in NUMBER_WORDS | _SCALE_WORDS | _OPERATOR_WORDS for word in words)
