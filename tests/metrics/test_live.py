import io
import math

import pytest
from rich.console import Console

from rlhf.metrics import keys, open_live_view
from rlhf.metrics.live import Pace, PlainView, duration, figures
from rlhf.metrics.live_panel import PanelView, sparkline

METRICS = {keys.REWARD: 0.712, keys.ACCURACY: 0.69, keys.LENGTH: 31.24, keys.TOKENS_PER_S: 1830.4, keys.ENTROPY: 1.0}


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00"), (-3, "0:00"), (59.6, "1:00"), (187, "3:07"), (3599, "59:59"), (3729, "1:02:09"), (90000, "25:00:00")],
)
def test_duration(seconds, text):
    assert duration(seconds) == text


def test_a_step_is_one_plain_line():
    out = io.StringIO()
    view = open_live_view(60, out)
    view.step(12, 60, {**METRICS, keys.STEP_SECONDS: 3.9})
    view.close()
    assert out.getvalue() == "step 12/60  reward 0.71  accuracy 0.69  length 31.2  1,830 tok/s  3.9 s/step  left 3:07\n"


def test_a_figure_without_data_is_left_out_and_nan_is_shown():
    out = io.StringIO()
    view = PlainView(out, Clock())
    view.step(1, 2, {keys.REWARD: None, keys.ACCURACY: math.nan, keys.HELDOUT_ACCURACY: 0.1234})
    assert out.getvalue() == "step 1/2  accuracy nan  held-out 0.123\n"
    assert figures({}) == []


def test_time_left_is_the_median_of_the_last_steps():
    clock = Clock()
    pace = Pace(clock)
    assert pace.left(5) is None
    pace.ended({})  # the first end alone says nothing
    assert pace.left(5) is None
    for seconds in (2.0, 2.0, 60.0, 4.0):  # the 60 is a checkpoint
        clock.now += seconds
        pace.ended({})
    assert pace.left(10) == 30.0
    assert pace.left(-1) == 0.0
    for _ in range(20):
        pace.ended({keys.STEP_SECONDS: 1.5})
    assert (pace.last, pace.left(10)) == (1.5, 15.0)
    pace.ended({keys.STEP_SECONDS: math.nan})
    assert pace.left(10) == 15.0


def test_plain_stages_are_said_once_and_details_now_and_then():
    clock, out = Clock(), io.StringIO()
    view = PlainView(out, clock)
    view.stage("warm-up", "step 1/300")
    clock.now = 3.0
    view.stage("warm-up", "step 50/300")
    clock.now = 11.0
    view.stage("warm-up", "step 180/300")
    view.stage("rollout")
    view.step(1, 9, {})
    clock.now = 60.0
    view.stage("rollout")
    view.stage("warm-up", "again")
    view.stage("evaluate", "200 prompts")
    assert out.getvalue().splitlines() == [
        "warm-up: step 1/300", "warm-up: step 180/300", "rollout", "step 1/9", "evaluate: 200 prompts"
    ]  # fmt: skip


def test_plain_text_is_cleaned_and_fits_the_streams_encoding():
    raw = io.BytesIO()
    view = PlainView(io.TextIOWrapper(raw, encoding="ascii", errors="strict"))
    view.note("\x1b[31mmodel says\x1b[0m 数 [bold]")
    view.stage("s\x1b]0;t\x07", "d\u202e")
    assert raw.getvalue() == b"model says ? [bold]\ns: d\n"


@pytest.mark.parametrize("term", ["", "dumb"])
def test_a_terminal_that_cannot_redraw_gets_lines(monkeypatch, term):
    monkeypatch.setenv("TERM", term)
    assert isinstance(open_live_view(1, Terminal()), PlainView)


def test_the_panel_shows_the_figures_and_gives_the_terminal_back(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "100")
    out = Terminal()
    view = open_live_view(60, out, Clock())
    assert isinstance(view, PanelView)
    view.stage("learn", "micro-batch 2 of 4")
    view.step(11, 60, {keys.ACCURACY: 0.1, keys.STEP_SECONDS: 4.0})
    view.step(12, 60, {**METRICS, keys.STEP_SECONDS: 3.8, keys.STALENESS_MEAN: 0.5})
    shown = Console(width=100, file=io.StringIO(), record=True)
    shown.print(view)
    text = shown.export_text()
    for words in (
        "learn  micro-batch 2 of 4", "step 12/60", "left 3:07", "reward 0.71", "accuracy 0.69", "length 31.2", "entropy 1.00",
        "staleness 0.5", "1,830 tok/s", "3.8 s/step", "accuracy ▁▆ 0.10 → 0.69",
    ):  # fmt: skip
        assert words in text
    view.note("kept \x1b[2Jline [red]x[/red]")
    view.close()
    view.close()
    written = out.getvalue()
    assert "kept line [red]x[/red]" in written
    assert written.rindex("\x1b[?25h") > written.rindex("\x1b[?25l")  # the cursor is shown again


@pytest.mark.parametrize(
    ("values", "width", "bars"),
    [
        ([0.0, 0.5, 1.0], 10, "▁▅█"),
        ([-1.0, 2.0], 10, "▁█"),
        ([0.0, 0.0, 1.0, 1.0], 2, "▁█"),
        ([0.0, 1.0, 1.0, 1.0, 1.0], 2, "▅█"),
    ],
)
def test_sparkline(values, width, bars):
    assert sparkline(values, width) == bars
