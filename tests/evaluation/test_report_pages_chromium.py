"""Pages about several runs and about evaluations in a real browser, every name in them hostile."""

import pytest
from chromium import BINARY, Browser
from synthetic_evaluation import make_evaluations, make_results
from synthetic_run import make_run

from rlhf.evaluation.report import build_reports

pytestmark = pytest.mark.skipif(BINARY is None, reason="chromium is not installed (Debian: apt-get install chromium)")

EVIL = "<img src=x onerror=alert(1)><script>alert(2)<"
LONG = "a-name-without-any-place-to-break-it-" * 4
HOSTILE = "<script>alert(3)</script></script><svg onload=alert(4)> {{7*7}}"
PAGES = {"several": 20, "evaluation": 10}


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    root = tmp_path_factory.mktemp("runs")
    runs = [
        make_run(root / name, steps=40 + 20 * i, groups=2, text=HOSTILE, detailed=1, seed=i)
        for i, name in enumerate((EVIL, LONG))
    ]
    names = (EVIL, LONG)
    for run in runs:
        make_evaluations(run, (0, 40), benchmarks=names, problems=20, samples=4, answer=HOSTILE)
    results = make_results(root / f"{EVIL} too.json", benchmarks=names, problems=25, samples=4, answer=HOSTILE)
    return {
        "several": build_reports([*runs, results], root / "several.html"),
        "evaluation": build_reports([results], root / "evaluation.html"),
    }


SCREENS = [(1280, False), (390, True)]


@pytest.fixture(scope="module", params=[(page, *screen) for page in PAGES for screen in SCREENS], ids=str)
def shown(request, pages, tmp_path_factory):
    name, width, dark = request.param
    with Browser(tmp_path_factory.mktemp("chromium"), width, dark) as browser:
        browser.open(pages[name])
        yield name, browser


def test_every_panel_renders_and_nothing_complains(shown, pages):
    name, browser = shown
    boxes = browser.run(
        "[...document.querySelectorAll('figure svg')].map(s => [s.getBoundingClientRect().width, s.querySelectorAll('path, rect').length])"
    )
    assert len(boxes) == {"several": 25, "evaluation": 8}[name]
    assert all(width > 250 and parts > 2 for width, parts in boxes)
    assert browser.problems == []
    assert browser.requests == [pages[name].as_uri()]


def test_hostile_names_are_text(shown):
    _, browser = shown
    assert browser.run("document.querySelectorAll('img, main script, svg[onload], [onerror]').length") == 0
    assert EVIL in browser.run("document.querySelector('h1').textContent")
    assert f"{EVIL}: pass@k" in browser.texts("figure h3")
    assert set(browser.texts(".sample pre")) == {HOSTILE}
    assert browser.problems == []


def test_the_page_is_no_wider_than_the_screen(shown):
    _, browser = shown
    assert browser.run("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    browser.run("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    assert browser.run("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def point(browser, title, x, y):
    browser.run(
        f"(() => {{ const f = [...document.querySelectorAll('figure')].find(f => f.querySelector('h3').textContent === {title!r});"
        f"const s = f.querySelector('svg'), b = s.getBoundingClientRect(), k = b.width / 420;"
        f"s.dispatchEvent(new PointerEvent('pointermove', {{clientX: b.left + {x} * k, clientY: b.top + {y} * k}})); }})()"
    )
    return browser.text("tip")


def test_the_pointer_reads_benchmarks(shown):
    _, browser = shown
    words = point(browser, f"{EVIL}: pass@k", 405, 60)
    assert f"{EVIL} too, pass@4: 0." in words
    assert "\n95%: 0." in words


@pytest.mark.parametrize("shown", [("several", *screen) for screen in SCREENS], indirect=True, ids=str)
def test_the_pointer_reads_every_run_that_is_there(shown):
    _, browser = shown
    words = point(browser, "Reward", 200, 60).split("\n")
    assert [line.split(": ")[0] for line in words] == [EVIL, LONG]
    assert point(browser, "Reward", 405, 60).split(": ")[0] == LONG  # the other run has ended before
    assert point(browser, "Time per stage", 100, 40).startswith(f"{EVIL}\nrollout: ")
    assert browser.problems == []
