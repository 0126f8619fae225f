"""Which language words are in, what is no word, and the share that DeepSeek-R1 rewards."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifiers import Sample, Status
from verifiers.base import Verdict
from verifiers.registry import check_config
from verifiers.shape.language import consistency, language_verifier
from verifiers.shape.languages import FUNCTION_WORDS, LANGUAGES, LATIN, language_of, words_by_script, words_in
from verifiers.shape.prose import letters_of, prose
from verifiers.specs import VERIFIERS

SAMPLES = {
    "en": "We start by counting the apples in each basket. There are twelve baskets and every one of them holds seven apples, so the total number of apples is eighty four. If she gives away half of them, what remains is forty two.",
    "de": "Zunächst zählen wir die Äpfel in jedem Korb. Es gibt zwölf Körbe und jeder von ihnen enthält sieben Äpfel, also ist die Gesamtzahl der Äpfel vierundachtzig. Wenn sie die Hälfte davon verschenkt, bleiben zweiundvierzig übrig.",
    "fr": "Nous commençons par compter les pommes dans chaque panier. Il y a douze paniers et chacun contient sept pommes, donc le nombre total de pommes est de quatre-vingt-quatre. Si elle en donne la moitié, il en reste quarante-deux.",
    "es": "Empezamos contando las manzanas de cada cesta. Hay doce cestas y cada una de ellas contiene siete manzanas, por lo que el número total de manzanas es ochenta y cuatro. Si regala la mitad, quedan cuarenta y dos.",
    "it": "Cominciamo contando le mele in ogni cesto. Ci sono dodici cesti e ognuno di essi contiene sette mele, quindi il numero totale di mele è ottantaquattro. Se ne regala la metà, ne restano quarantadue.",
    "pt": "Começamos por contar as maçãs em cada cesto. Há doze cestos e cada um deles contém sete maçãs, portanto o número total de maçãs é oitenta e quatro. Se ela der metade, restam quarenta e duas.",
    "nl": "We beginnen met het tellen van de appels in elke mand. Er zijn twaalf manden en elke mand bevat zeven appels, dus het totale aantal appels is vierentachtig. Als ze de helft weggeeft, blijven er tweeënveertig over.",
    "sv": "Vi börjar med att räkna äpplena i varje korg. Det finns tolv korgar och var och en innehåller sju äpplen, så det totala antalet äpplen är åttiofyra. Om hon ger bort hälften blir det fyrtiotvå kvar.",
    "pl": "Zaczynamy od policzenia jabłek w każdym koszu. Jest dwanaście koszy i każdy z nich zawiera siedem jabłek, więc łączna liczba jabłek to osiemdziesiąt cztery. Jeśli rozda połowę, zostanie czterdzieści dwa.",
    "tr": "Her sepetteki elmaları sayarak başlıyoruz. On iki sepet var ve her birinde yedi elma var, yani toplam elma sayısı seksen dört. Eğer yarısını verirse kırk iki elma kalır ve bu daha az olur.",
    "id": "Kita mulai dengan menghitung apel di setiap keranjang. Ada dua belas keranjang dan masing-masing berisi tujuh apel, maka jumlah apel adalah delapan puluh empat. Jika dia memberikan setengah dari itu, sisanya empat puluh dua.",
    "vi": "Ta bắt đầu bằng cách đếm số táo trong mỗi giỏ. Có mười hai giỏ và mỗi giỏ có bảy quả táo, vậy tổng số táo là tám mươi bốn. Nếu cô ấy cho đi một nửa thì còn lại bốn mươi hai quả.",
    "zh": "我们先数每个篮子里的苹果。一共有十二个篮子，每个篮子里有七个苹果，所以苹果的总数是八十四。",
    "ja": "まず、それぞれのかごの中のリンゴを数えます。かごは十二個あり、それぞれに七個のリンゴが入っているので、合計は八十四個です。",
    "ko": "먼저 각 바구니에 있는 사과를 셉니다. 바구니는 열두 개이고 각각 일곱 개의 사과가 들어 있습니다.",
    "ru": "Сначала посчитаем яблоки в каждой корзине. Всего двенадцать корзин, и в каждой по семь яблок.",
    "ar": "نبدأ بعد التفاح في كل سلة. هناك اثنتا عشرة سلة وفي كل منها سبع تفاحات.",
    "hi": "हम प्रत्येक टोकरी में सेब गिनकर शुरू करते हैं। बारह टोकरियाँ हैं और प्रत्येक में सात सेब हैं।",
    "el": "Αρχίζουμε μετρώντας τα μήλα σε κάθε καλάθι. Υπάρχουν δώδεκα καλάθια.",
    "he": "נתחיל בספירת התפוחים בכל סל. יש שנים עשר סלים ובכל אחד שבעה תפוחים.",
    "th": "เราเริ่มจากการนับแอปเปิลในแต่ละตะกร้า มีตะกร้าทั้งหมดสิบสองใบ",
}


def judge(prompt: str, response: str, **config: Any) -> Verdict:
    outcome = language_verifier(Sample(prompt, response), **config)
    assert isinstance(outcome, Verdict)
    return outcome


def test_every_language_has_a_sample_and_a_choice() -> None:
    assert set(SAMPLES) == set(LANGUAGES)
    assert VERIFIERS["language"].options["language"].choices == ("prompt", *LANGUAGES)


@pytest.mark.parametrize("prompt", sorted(SAMPLES))
@pytest.mark.parametrize("response", sorted(SAMPLES))
def test_each_language_is_itself_and_no_other(prompt: str, response: str) -> None:
    verdict = judge(SAMPLES[prompt], SAMPLES[response])
    if prompt == response:
        assert verdict.score == 1.0
    elif (prompt, response) == ("zh", "ja"):
        assert verdict.score == pytest.approx(14 / 56)
    else:
        assert verdict.score == 0.0
    assert judge("", SAMPLES[response], language=prompt).score == verdict.score


@pytest.mark.parametrize("language", [name for name in sorted(SAMPLES) if name != "en"])
def test_half_in_another_language_is_about_half(language: str) -> None:
    words = len(words_by_script(SAMPLES["en"])), len(words_by_script(SAMPLES[language]))
    score = judge(SAMPLES["en"], f"{SAMPLES['en']} {SAMPLES[language]}").score
    assert score == pytest.approx(words[0] / sum(words), abs=0.2)


PROMPTS = [
    ("Compute $3+4$.", "en"),
    ("Wie viele Äpfel sind es?", "de"),
    ("计算 gcd 的最大值 for x", "zh"),
    ("りんご", "ja"),
    ("漢字漢字漢字です", "ja"),
    ("漢字漢字漢字漢字漢字と", "zh"),
    ("Ok: $x$", LATIN),
    ("Что такое π?", "ru"),
    ("გამარჯობა", "georgian"),
    ("$x+y$ 12 !", None),
    ("x y z", None),
    ("", None),
]


@pytest.mark.parametrize(("prompt", "language"), PROMPTS)
def test_the_language_of_a_prompt(prompt: str, language: str | None) -> None:
    assert language_of(words_by_script(prose(prompt))) == language


ENGLISH = "The answer is five because we can see that it is the sum of the two. "
CHINESE = "我们首先计算这个方程的解" * 20
MARKUP = ["`{}`", "```\n{}\n```", "${}$", "$\\text{{{}}}$", "\\[{}\\]", "<a{:.38}>", "https://x.org/{}", "[asy]{}[/asy]",
          "\\begin{{verbatim}}{}\\end{{verbatim}}"]  # fmt: skip


@pytest.mark.parametrize("markup", MARKUP)
def test_a_foreign_script_counts_in_markup_too(markup: str) -> None:
    hidden = judge("", ENGLISH + markup.format(CHINESE), language="en")
    foreign = 37 if "38" in markup else 240
    assert hidden.score == pytest.approx(16 / (16 + foreign), abs=0.02)
    assert judge("", f"ok {markup.format(CHINESE)}", language="en").score < 0.03
    assert judge("", markup.format(CHINESE), language="en").status is Status.UNPARSED
    own = judge("", f"答案是五 {markup.format(CHINESE)}", language="zh")
    assert own.score == 1.0


@pytest.mark.parametrize(
    "markup",
    [
        "$\\alpha\\beta + αβγ = 𝑥𝑦 \\times ℵℵ$",
        "`def solve(naïve): return café`",
        "$\\text{und nicht oder}$",
        "https://de.wiki.org/Öl",
    ],
)
def test_notation_is_of_no_language(markup: str) -> None:
    assert judge("", f"{ENGLISH} {markup}", language="en").score == 1.0
    assert judge("", f"{SAMPLES['ru']} {markup}", language="ru").score == 1.0


SCRIPTS_OF = [
    ("Тhе аnswеr", "en", 0.0),
    ("Τhe αnswer", "en", 0.0),
    ("Δx and µm and αx are the symbols", "en", 1.0),
    ("это GPUшный ответ", "ru", 1.0),
    ("東京都", "ja", 1.0),
    ("我们首先计算这个方程的解然后得到答案是五因为它们", "ja", 0.0),
    ("我们首先计算这个方程的解然后得到答案是五因为は", "ja", 1 / 23),
]


@pytest.mark.parametrize(("text", "language", "score"), SCRIPTS_OF)
def test_scripts_that_are_mixed_or_shared(text: str, language: str, score: float) -> None:
    assert judge("", text, language=language).score == pytest.approx(score)


def test_a_prompt_without_a_language_of_its_own() -> None:
    assert judge("Ok: $x$", "Das ist Latein").score == 1.0  # any in Latin script
    assert judge("Ok: $x$", "это нет").score == 0.0
    assert judge("გამარჯობა", "გამარჯობა yes").score == 0.5
    with pytest.raises(ValueError, match=r"write config\.language"):
        judge("$x$", "yes")


PROSE = [
    ("a `code x` b", "a b"),
    ("a ```\nx\ny\n``` b", "a b"),
    ("a ~~~x~~~ b", "a b"),
    ("a $x$ b", "a b"),
    ("a $x$$y$ b", "a b"),
    ("a $$x\ny$$ b", "a b"),
    (r"a \(x\) b \[y\] c", "a b c"),
    (r"a \begin{align*}x\end{align*} b", "a b"),
    ("a [asy]draw(x);[/asy] b", "a b"),
    (r"a \textbf{word} b", "a word b"),
    (r"a \$x\$ b", "a x b"),
    ("a https://example.org/x?y=z b www.x.org c", "a b c"),
    ("<think>a</think> <answer>b</answer>", "a b"),
    ("a < b and c > d", "a b and c d"),
    ("a ```open b", "a open b"),
    ("a `open\nb` c", "a open b c"),
    ("costs $5 a\nor b", "costs a or b"),
    (r"a \( open b", "a open b"),
    (r"a \begin{align} open b", "a align open b"),
    (r"a \begin{note}text\end{note} b", "a note text note b"),
    (r"line \\(not math) b", "line not math b"),
    ("", ""),
]


@pytest.mark.parametrize(("text", "letters"), PROSE)
def test_code_formulas_and_addresses_are_no_words(text: str, letters: str) -> None:
    assert " ".join(letters_of(prose(text))) == letters


WORDS = [
    ("Hello WORLD", ["hello", "world"]),
    ("x y αβ α", ["αβ"]),
    ("sin cos gcd sine", ["sine"]),
    ("don't", ["don"]),
    ("中文 and", ["中", "文", "and"]),
    ("GPU加速", ["gpu", "加", "速"]),
    ("リンゴ", ["リ", "ン", "ゴ"]),
    ("사과 두", ["사과"]),
    ("Zu\u0308rich", ["zu\u0308rich"]),
    ("हैं", ["हैं"]),
    ("12 + 3.5 = 15_5", []),
    ("💥 → ∑", []),
]


@pytest.mark.parametrize(("text", "words"), WORDS)
def test_what_a_word_is(text: str, words: list[str]) -> None:
    assert [word for word, _ in words_by_script(text)] == words


def test_a_chunk_without_evidence_is_of_the_language_that_is_asked_for() -> None:
    words = words_by_script("lorem ipsum dolor")
    assert words_in(words, "en") == words_in(words, "de") == 3


def test_chunks_are_judged_each_by_itself() -> None:
    english, german = (
        "the apples of this basket are all red and we count them one by one ok",
        "die Äpfel in diesem Korb sind alle rot und wir zählen sie nun der Reihe nach durch",
    )
    mixed = " ".join([english] * 4 + [german] * 4)
    share = words_in(words_by_script(mixed), "en") / len(words_by_script(mixed))
    assert 0.4 < share < 0.6


def test_what_is_looked_at() -> None:
    text = f"{SAMPLES['de']}</think>{SAMPLES['en']}"
    assert judge("", text, language="en", part="answer").score == 1.0
    assert judge("", text, language="en", part="thinking").score == 0.0
    assert 0.4 < (judge("", text, language="en").score or 0.0) < 0.7
    assert judge("", text, language="en", part="answer").reason == "42 of 42 words are in en"


@pytest.mark.parametrize("response", ["", "$x$", "```python\nprint('hello there')\n```", "12 x y", "\u200b"])
def test_no_words_is_unparsed(response: str) -> None:
    assert judge("", response, language="en").status is Status.UNPARSED


def test_the_share_by_itself() -> None:
    assert consistency(90, 100) == 0.9
    assert consistency(0, 0) == 0.0


def test_bad_settings_say_what_to_write() -> None:
    assert language_verifier.prepare is not None
    with pytest.raises(ValueError, match="write prompt or one of ar, de"):
        language_verifier.prepare(language="english")
    with pytest.raises(ValueError, match="write one of response"):
        language_verifier.prepare(part="x")
    with pytest.raises(ValueError, match="write one of prompt, ar, de"):
        check_config("language", {"language": "english"})


@pytest.mark.parametrize(
    "piece",
    [
        "$",
        "`",
        "$$",
        "\\(",
        "\\begin{align}",
        "\\begin{cases}`",
        "```",
        "<a",
        "www.",
        "\\",
        "é",
        "字",
        "a",
        "the ",
        "\n`",
        "`a`",
        "e\u0301",
        "é字",
    ],
)
def test_a_megabyte_of_anything_has_an_end(piece: str) -> None:
    verdict = judge("", piece * (1_000_000 // len(piece)), language="en")
    assert verdict.status in (Status.CORRECT, Status.WRONG, Status.UNPARSED)


@given(st.text(max_size=80))
def test_any_text_has_a_share(text: str) -> None:
    for language in ("en", "zh", "ru"):
        verdict = judge("", text, language=language)
        assert verdict.score is not None
        assert 0.0 <= verdict.score <= 1.0


def test_function_words_are_words() -> None:
    for words in FUNCTION_WORDS.values():
        assert all(len(word) > 1 and word == word.lower() and word.isalpha() for word in words)
