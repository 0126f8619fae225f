"""Which language words are in: by their script, and for languages in Latin script by the function words around them.

Nothing is learnt and nothing is loaded: a table of scripts (Unicode's character names) and one of the commonest
function words. Languages that share a script and have no list here (Russian and Ukrainian, say) are not told apart.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from verifiers.shape.prose import letters_of

LATIN = "latin"
CHUNK_WORDS = 20

SCRIPTS: Mapping[str, tuple[str, ...]] = {
    "zh": ("CJK",),
    "ja": ("CJK", "HIRAGANA", "KATAKANA"),
    "ko": ("HANGUL",),
    "ru": ("CYRILLIC",),
    "ar": ("ARABIC",),
    "hi": ("DEVANAGARI",),
    "el": ("GREEK",),
    "he": ("HEBREW",),
    "th": ("THAI",),
}
"""By language, the scripts that it is written in, as Unicode's character names begin."""

_FUNCTION_WORDS = {
    "en": "the of and to in is that it for as was with be by on not he his but at are this have from or had an "
    "they which one you were all her she there would their we him been has when who will no more if out "
    "so what up can its find how many let each then than compute evaluate simplify solve express "
    "determine prove suppose given answer",
    "de": "der die und in den von zu das mit sich des auf für ist im dem nicht ein eine als auch es an werden "
    "aus er hat dass sie nach wird bei einer um am sind noch wie einem über einen so zum war haben nur "
    "oder aber vor zur bis mehr durch man wir gilt also wenn",
    "fr": "de la le et les des en un du une que est pour qui dans par plus pas au sur ne se ce il sont avec ou "
    "aux son cette été mais comme nous on ont donc alors elle si leur même être deux combien",
    "es": "de la que el en los del se las por un para con no una su al lo como más pero sus le ya este sí "
    "porque esta entre cuando muy sin sobre también me hasta hay donde quien es son cuántos entonces",
    "it": "di il la che in un per una sono non con del si da come le dei nel alla più al anche della gli ha "
    "delle lo se questo ma quanti quindi quando essere abbiamo sul dal",
    "pt": "de que do da em um para com não uma os no se na por mais as dos como mas foi ao ele das tem seu sua "
    "ou ser quando muito há nos já está eu também são quantos então isso",
    "nl": "de van een het en in is dat op te zijn met voor niet aan er om ook als dan maar bij nog uit wordt "
    "door over naar heeft hebben deze we ze dit hoe hoeveel dus die wat",
    "sv": "och att det som en på är av för med till den har de inte om ett han men var jag sig från vi så kan "
    "när år under också efter eller nu sin där vid mot ska hur många",
    "pl": "na do się nie to że jest jak po co od za ale dla ma tak czy tym przez są ich jego już być oraz który "
    "która które więc ile jeśli wtedy mamy",
    "tr": "bir ve bu da de için ile çok daha olarak ne kadar gibi olan var sonra en ya her ama değil ise mi mı "
    "kaç toplam olur eğer çünkü ki şu",
    "id": "yang dan di dari untuk dengan ini itu pada adalah tidak dalam akan juga ke oleh sebagai atau ada "
    "kita saya mereka karena jika maka berapa dapat sudah bisa lebih",
    "vi": "và của là có trong được cho một các không với này những để người khi đã ra từ đến ta số bao nhiêu "
    "nếu thì vì vậy tổng mỗi hai",
}
FUNCTION_WORDS: Mapping[str, frozenset[str]] = {
    language: frozenset(words.split()) for language, words in _FUNCTION_WORDS.items()
}
"""Of languages in Latin script, in lower case; single letters are symbols in mathematics, and not here."""
LANGUAGES = tuple(sorted((*FUNCTION_WORDS, *SCRIPTS)))

_NOTATION = frozenset(
    {"sin", "cos", "tan", "cot", "sec", "csc", "log", "ln", "lg", "exp", "max", "min", "gcd", "lcm", "mod"}
)
_OTHER = "other"
_NOTATIONS = frozenset(
    (
        *("LATIN", "GREEK", "MATHEMATICAL", "SCRIPT", "DOUBLE-STRUCK", "BLACK-LETTER", "FULLWIDTH", "MODIFIER"),
        *("SUPERSCRIPT", "SUBSCRIPT", "MICRO", "FEMININE", "MASCULINE", "ALEF", "OTHER"),
    )
)
"""Of letters that code and formulas are written in, whatever the language around them."""
_MIXED_SYMBOL = 2
_MIN_KANJI = 20


class _ScriptOf(dict[str, str]):
    """By letter, the first word of its name in Unicode: its script."""

    def __missing__(self, char: str) -> str:
        self[char] = found = unicodedata.name(char, _OTHER).split(" ", 1)[0]
        return found


def words_by_script(text: str) -> list[tuple[str, str]]:
    """The words of `text` (of `prose`) in lower case, each with its script. Chinese characters and kana are a word
    each. Single letters of other scripts are symbols and no words, nor are names of functions (`sin`)."""
    script_of = _ScriptOf()
    found: list[tuple[str, str]] = []
    for run in letters_of(text.lower()):
        for word, script in [(run, "LATIN")] if run.isascii() else _same_script(run, script_of):
            if script in SCRIPTS["ja"]:
                found += ((char, script) for char in word)
            elif len(word) > 1 and word not in _NOTATION:
                found.append((word, script))
    return found


def language_of(words: Sequence[tuple[str, str]]) -> str | None:
    """The language of most words, LATIN where they are in Latin script and say no more; None without words."""
    counts = Counter(script for _, script in words)
    kana = counts.pop("HIRAGANA", 0) + counts.pop("KATAKANA", 0)
    if kana:
        counts["CJK"] += kana
    if not counts:
        return None
    script = counts.most_common(1)[0][0]
    if script == "LATIN":
        hits = _hits(word for word, of in words if of == "LATIN")
        best = max(hits, key=lambda language: hits[language], default=None)
        return best if best is not None and hits[best] else LATIN
    if script == "CJK":
        return "ja" if kana * 10 > counts["CJK"] else "zh"
    return next((language for language, scripts in SCRIPTS.items() if script in scripts), script.lower())


def words_in(words: Sequence[tuple[str, str]], language: str) -> int:
    """How many of them are in `language`, which is one of LANGUAGES, LATIN, or a script's name in lower case.

    Words in Latin script are judged in chunks of CHUNK_WORDS: a chunk is of the language of which it has most function
    words, and of `language` where that is one of several with as many.
    """
    if language not in FUNCTION_WORDS:
        scripts = SCRIPTS.get(language, (language.upper(),))
        if language == "ja" and _is_chinese(words):
            scripts = ("HIRAGANA", "KATAKANA")
        return sum(script in scripts for _, script in words)
    latin = [word for word, script in words if script == "LATIN"]
    chunks = [latin[start : start + CHUNK_WORDS] for start in range(0, len(latin), CHUNK_WORDS)]
    if len(chunks) > 1 and len(chunks[-1]) < CHUNK_WORDS:
        chunks[-2:] = [chunks[-2] + chunks[-1]]
    return sum(len(chunk) for chunk in chunks if _is_in(chunk, language))


def _is_chinese(words: Sequence[tuple[str, str]]) -> bool:
    """Many of the characters that both write, and hardly any of those that Japanese alone does."""
    counts = Counter(script for _, script in words)
    return counts["CJK"] >= _MIN_KANJI and (counts["HIRAGANA"] + counts["KATAKANA"]) * 10 <= counts["CJK"]


def _is_in(chunk: Sequence[str], language: str) -> bool:
    hits = _hits(chunk)
    return hits[language] == max(hits.values())


def foreign_words(text: str, language: str) -> list[tuple[str, str]]:
    """The words of code, formulas and the like that are in a script of neither notation nor `language`."""
    own = {"LATIN"} if language in FUNCTION_WORDS else SCRIPTS.get(language, (language.upper(),))
    return [(word, script) for word, script in words_by_script(text) if script not in _NOTATIONS and script not in own]


def _hits(words: Iterable[str]) -> dict[str, int]:
    """By language, how many of them are function words of it."""
    counts = Counter(words)
    return {
        language: sum(counts[word] for word in counts if word in known) for language, known in FUNCTION_WORDS.items()
    }


def _same_script(run: str, script_of: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Its parts, each in one script; marks belong to the letter before them. A word of letters of two alphabets that
    look alike is in the one that is not Latin; `Δx` and `µm` are symbols."""
    scripts = {script_of[char] for char in run}
    if "LATIN" in scripts and ("CYRILLIC" in scripts or ("GREEK" in scripts and len(run) > _MIXED_SYMBOL)):
        yield run, "CYRILLIC" if "CYRILLIC" in scripts else "GREEK"
        return
    start, script = 0, script_of[run[0]]
    for at, char in enumerate(run):
        found = script_of[char]
        if found != script and char.isalpha() and found != "MODIFIER":
            yield run[start:at], script
            start, script = at, found
    yield run[start:], script
