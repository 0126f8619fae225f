"""The browser of trajectories in a real browser: tokens shaded, filters by run, length and token data."""

import json
import math

import pytest
from chromium import BINARY, Browser
from synthetic_evaluation import make_evaluations
from synthetic_run import make_run

from rlhf.evaluation.report import build_report

pytestmark = pytest.mark.skipif(BINARY is None, reason="chromium is not installed (Debian: apt-get install chromium)")

HOSTILE = "<script>alert(1)</script></script> <img src=x onerror=alert(2)> naïve 数学 {{7*7}}"
LEAST = [0.99, 0.9, 0.5, 0.2, 0.05, 0.01, 0]


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    run = make_run(tmp_path_factory.mktemp("runs") / "demo", steps=6, groups=3, text=HOSTILE, detailed=1)
    make_evaluations(run, (0, 6), benchmarks=("gsm8k",), problems=12, samples=4, answer=HOSTILE)
    return build_report(run)


@pytest.fixture(scope="module", params=[(1280, False), (390, True)], ids=["wide and light", "phone and dark"])
def browser(request, report, tmp_path_factory):
    with Browser(tmp_path_factory.mktemp("chromium"), *request.param) as browser:
        browser.open(report)
        yield browser


@pytest.fixture(scope="module")
def groups(report):
    return json.loads(report.read_text().split('id="trajectory-data">', 1)[1].split("</script>", 1)[0])


@pytest.fixture(autouse=True)
def fresh(browser):
    yield
    for field in ("f-from", "f-status", "f-step", "f-low", "f-high", "f-short", "f-long", "f-text", "f-shade"):
        browser.choose(field, "")
    browser.choose("f-detailed", False)
    assert browser.problems == []


def detailed(groups):
    return [sample for group in groups for sample in group["samples"] if "details" in sample]


def found(browser):
    prompts, responses = browser.text("found").removesuffix(" responses").split(" prompts, ")
    return int(prompts), int(responses)


def test_shading_leaves_the_text_as_it_is(browser, groups):
    browser.choose("f-detailed", True)
    assert browser.texts(".sample pre") == [HOSTILE] * found(browser)[1]
    for by in ("logp", "advantage", "version"):
        browser.choose("f-shade", by)
        shaded = browser.texts(".sample pre.tokens")
        assert len(shaded) == found(browser)[1] == len(detailed(groups)) == 48
        assert set(shaded) == {HOSTILE + "∎"}
    assert browser.run("document.querySelectorAll('img, .tokens script, .tokens img').length") == 0


def test_tokens_are_shaded_by_probability(browser, groups):
    browser.choose("f-shade", "logp")
    browser.choose("f-detailed", True)
    classes = browser.run("[...document.querySelector('.tokens').querySelectorAll('span')].map(s => s.className)")
    logp = [p / 100 for p in detailed(groups)[0]["details"]["p"]]
    assert classes == [f"p{next(i for i, least in enumerate(LEAST) if math.exp(p) >= least)}" for p in logp]
    assert len(set(classes)) > 3
    assert browser.text("shades") == "probability of the token:above 99%90%50%20%5%1%less"


def test_tokens_are_shaded_by_advantage_on_a_scale_with_two_signs(browser, groups):
    browser.choose("f-shade", "advantage")
    browser.choose("f-detailed", True)
    every = [
        a
        for sample in detailed(groups)
        for a in (sample["details"]["a"] if isinstance(sample["details"]["a"], list) else [sample["details"]["a"]])
    ]
    most = max(map(abs, every))
    shown = browser.run(
        "[...document.querySelectorAll('.tokens')].map(t => [...t.querySelectorAll('span')].map(s => s.className))"
    )
    for classes, sample in zip(shown, detailed(groups), strict=True):
        advantage = sample["details"]["a"]
        values = advantage if isinstance(advantage, list) else [advantage] * len(classes)
        assert classes == [
            ("up" if a > 0 else "down") + str(max(1, math.ceil(4 * abs(a) / most - 1e-9))) for a in values
        ]
    assert browser.text("shades").startswith(f"advantage:−{most:.2g}")
    assert browser.text("shades").endswith(f"+{most:.2g}")


def test_tokens_are_shaded_by_the_version_that_sampled_them(browser, groups):
    browser.choose("f-shade", "version")
    browser.choose("f-detailed", True)
    classes = browser.run("[...document.querySelector('.tokens').querySelectorAll('span')].map(s => s.className)")
    (first, n), (second, m) = detailed(groups)[0]["details"]["v"]
    assert classes == [f"v{first % 6}"] * n + [f"v{second % 6}"] * m
    assert second == first + 1


def test_a_response_without_token_data_says_that_it_is_not_shaded(browser):
    browser.choose("f-shade", "logp")
    assert browser.texts(".sample .none")[0] == "Not shaded: no token data was kept of this response."
    plain = browser.run("[...document.querySelectorAll('.sample')].filter(s => !s.querySelector('.tokens')).length")
    assert plain == len(browser.texts(".sample .none")) > 0
    browser.choose("f-shade", "")
    assert browser.texts(".sample .none") == []
    assert browser.text("shades") == ""


def test_a_token_under_the_pointer_says_what_was_kept_of_it(browser, groups):
    browser.choose("f-shade", "logp")
    browser.choose("f-detailed", True)
    browser.run(
        "document.querySelector('.tokens span').dispatchEvent(new PointerEvent('pointerover', {bubbles: true, clientX: 9, clientY: 99}))"
    )
    details = detailed(groups)[0]["details"]
    lines = browser.text("tip").split("\n")
    advantage = details["a"][0] if isinstance(details["a"], list) else details["a"]
    assert lines[0] == '"<"'
    assert lines[1].startswith(f"log p {details['p'][0] / 100:.2f}: ")
    assert lines[2:] == [f"weights v{details['v'][0][0]}", f"advantage {advantage:g}"]


def test_every_shade_leaves_text_legible(browser):
    """WCAG contrast of the text on each shade, laid over the card: at least 4.5."""
    ratios = browser.run(
        """(() => {
          const parse = c => { const v = c.match(/[\\d.e-]+/g).map(Number); return c.startsWith('rgb') ? [v[0]/255, v[1]/255, v[2]/255, v[3] ?? 1] : [v[0], v[1], v[2], v[3] ?? 1]; };
          const lum = v => { const w = v.slice(0, 3).map(x => x <= 0.03928 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4); return 0.2126 * w[0] + 0.7152 * w[1] + 0.0722 * w[2]; };
          const group = document.querySelector('.group'), ground = parse(getComputedStyle(group).backgroundColor), pre = document.createElement('pre');
          group.append(pre);
          const names = ['p0','p1','p2','p3','p4','p5','p6','up1','up2','up3','up4','down1','down2','down3','down4','v0','v1','v2','v3','v4','v5'];
          const found = names.map(name => {
            const span = document.createElement('span'); span.className = name; pre.className = 'tokens'; pre.append(span);
            const style = getComputedStyle(span), over = parse(style.backgroundColor), a = over[3];
            const mixed = [0, 1, 2].map(i => a * over[i] + (1 - a) * ground[i]), x = lum(parse(style.color)) + 0.05, y = lum(mixed) + 0.05;
            return [name, Math.max(x, y) / Math.min(x, y), a];
          });
          pre.remove();
          return found;
        })()"""
    )
    assert len(ratios) == 21
    assert [(name, ratio) for name, ratio, _ in ratios if ratio < 4.5] == []
    assert [name for name, _, alpha in ratios if alpha == 0] == ["p0"]


def test_filter_by_run_or_evaluation(browser, groups):
    assert browser.run("document.getElementById('l-from').hidden") is False
    for name in ("demo", "demo, evaluation"):
        browser.choose("f-from", name)
        of_it = [group for group in groups if group["from"] == name]
        assert found(browser) == (len(of_it), sum(len(group["samples"]) for group in of_it))
        assert all(name in head for head in browser.texts(".group h3"))
    assert "correct" in browser.texts(".group h3")[0]


def test_filter_by_length(browser, groups):
    tokens = sorted(sample["tokens"] for group in groups for sample in group["samples"])
    low, high = tokens[len(tokens) // 3], tokens[2 * len(tokens) // 3]
    browser.choose("f-short", str(low))
    assert found(browser)[1] == sum(n >= low for n in tokens)
    browser.choose("f-long", str(high))
    assert found(browser)[1] == sum(low <= n <= high for n in tokens)
    browser.choose("f-text", "数学")
    assert found(browser)[1] == sum(low <= n <= high for n in tokens)


def test_the_page_is_no_wider_than_the_screen_while_shaded(browser):
    browser.choose("f-shade", "logp")
    assert browser.run("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
