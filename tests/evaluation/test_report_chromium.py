"""The report in a real browser: panels render, filters filter, hostile text stays text, nothing is fetched."""

import json

import pytest
from chromium import BINARY, Browser
from synthetic_run import make_run

from rlhf.evaluation.report import build_report

pytestmark = pytest.mark.skipif(BINARY is None, reason="chromium is not installed (Debian: apt-get install chromium)")

HOSTILE = "<script>alert(1)</script></script><img src=x onerror=alert(2)> {{7*7}} <b>bold</b>"


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    run = make_run(tmp_path_factory.mktemp("runs") / "demo", steps=12, groups=3, text=HOSTILE)
    return build_report(run)


@pytest.fixture(scope="module", params=[(1280, False), (360, True)], ids=["wide and light", "phone and dark"])
def browser(request, report, tmp_path_factory):
    with Browser(tmp_path_factory.mktemp("chromium"), *request.param) as browser:
        browser.open(report)
        yield browser


def groups_of(report):
    text = report.read_text()
    block = text.split('id="trajectory-data">', 1)[1].split("</script>", 1)[0]
    return json.loads(block)


def choose(browser, field, value):
    browser.run(
        f"(() => {{ const f = document.getElementById({field!r}); f.value = {value!r};"
        "f.dispatchEvent(new Event('input', {bubbles: true})); })()"
    )


def test_every_panel_renders_and_nothing_complains(browser, report):
    boxes = browser.run(
        "[...document.querySelectorAll('figure svg')].map(s => [s.getBoundingClientRect().width, s.querySelectorAll('path').length])"
    )
    assert len(boxes) == 15
    assert all(width > 250 and paths > 2 for width, paths in boxes)
    assert browser.problems == []
    assert browser.requests == [report.as_uri()]


def test_the_page_is_no_wider_than_the_screen(browser):
    assert browser.run("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_text_is_legible_on_its_ground(browser):
    """WCAG contrast of body text, soft text and each badge against what it lies on: at least 4.5."""
    luminance = (
        "const lum = c => { const v = c.match(/[\\d.]+/g).slice(0, 3).map(x => x / 255)"
        ".map(x => x <= 0.03928 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4); return 0.2126 * v[0] + 0.7152 * v[1] + 0.0722 * v[2]; };"
        "const ground = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor;"
        " if (!c.startsWith('rgba(0, 0, 0, 0')) return c; } };"
    )
    ratios = browser.run(
        "(() => {" + luminance + "return [...document.querySelectorAll('h1, .lead, .small, .label, .tick, .badge, .why, pre, summary, dt, .latest')]"
        ".map(e => { const s = getComputedStyle(e); const a = lum(e.classList.contains('tick') ? s.fill : s.color) + 0.05,"
        " b = lum(ground(e)) + 0.05; return [e.className.baseVal ?? e.className, Math.max(a, b) / Math.min(a, b)]; }); })()"
    )  # fmt: skip
    assert len(ratios) > 100
    assert [(name, ratio) for name, ratio in ratios if ratio < 4.5] == []


def test_model_text_is_shown_as_it_was_written_and_does_nothing(browser):
    texts = browser.run("[...document.querySelectorAll('.sample pre')].map(p => p.textContent)")
    assert set(texts) == {HOSTILE}
    assert browser.run("document.querySelectorAll('.sample pre *, img, b:not(.latest b)').length") == 0
    assert browser.problems == []


@pytest.mark.parametrize("status", ["correct", "wrong", "unparsed"])
def test_filter_by_verdict(browser, report, status):
    choose(browser, "f-status", status)
    shown = browser.run("[...document.querySelectorAll('.badge')].map(b => b.textContent)")
    assert set(shown) == {status}
    hits = [sum(s["status"] == status for s in group["samples"]) for group in groups_of(report)]
    assert (
        browser.run("document.getElementById('found').textContent")
        == f"{sum(map(bool, hits))} prompts, {sum(hits)} responses"
    )
    choose(browser, "f-status", "")


def test_filter_by_step_reward_and_text_and_show_more(browser, report):
    groups = groups_of(report)
    assert browser.run("document.querySelectorAll('.group').length") == 10
    browser.run("document.getElementById('more').click()")
    assert browser.run("document.querySelectorAll('.group').length") == 20
    choose(browser, "f-step", "7")
    assert browser.run("[...document.querySelectorAll('.group h3')].every(h => h.textContent.startsWith('step 7 '))")
    assert browser.run("document.querySelectorAll('.group').length") == sum(group["step"] == 7 for group in groups)
    choose(browser, "f-step", "")
    choose(browser, "f-low", "0.05")
    choose(browser, "f-high", "0.5")
    expected = sum(0.05 <= s["reward"] <= 0.5 for group in groups for s in group["samples"])
    assert browser.run("document.getElementById('found').textContent").endswith(f", {expected} responses")
    choose(browser, "f-text", "no such words")
    assert browser.run("document.getElementById('found').textContent") == "0 prompts, 0 responses"
    for field in ("f-low", "f-high", "f-text"):
        choose(browser, field, "")


@pytest.mark.parametrize(
    ("title", "words"),
    [
        ("Reward", "step 12\nmean: "),
        ("Time per stage", "step 12\nrollout: "),
        ("Expert load now", "layer 3, expert 7\n"),
    ],
)
def test_the_pointer_reads_the_last_value(browser, report, title, words):
    browser.run(
        f"(() => {{ const f = [...document.querySelectorAll('figure')].find(f => f.querySelector('h3').textContent === {title!r});"
        "const s = f.querySelector('svg'), b = s.getBoundingClientRect(), k = b.width / 420;"
        "s.dispatchEvent(new PointerEvent('pointermove', {clientX: b.left + 407 * k, clientY: b.top + 155 * k})); })()"
    )
    assert browser.run("document.getElementById('tip').hidden") is False
    assert browser.run("document.getElementById('tip').textContent").startswith(words)
    assert browser.problems == []
