"""How far an evaluation is, as lines: what is done, what is right, how fast, how long still."""

import io

from rlhf.evaluation.run.progress import LINE_SECONDS, Progress
from tests.evaluation.run.factories import row


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def test_lines_count_from_the_first_question_not_from_the_start():
    stream, clock = io.StringIO(), Clock()
    with Progress(10, 4, stream, clock) as progress:
        progress.note("loading")
        clock.now += 1000
        progress.begin()
        for index, status in enumerate(("correct", "wrong", "error")):
            clock.now += LINE_SECONDS / 2
            progress.done(row(str(index), status=status, tokens=30))
    lines = stream.getvalue().splitlines()
    assert lines == [
        "loading",
        "6 of 10 samples  50.0% right so far  6 tokens/s  left 0:20",
        "7 of 10 samples  50.0% right so far, 1 verifier errors  6 tokens/s  left 0:15",
    ]


def test_nothing_done_says_nothing():
    stream = io.StringIO()
    with Progress(1, 0, stream, Clock()) as progress:
        progress.begin()
    assert stream.getvalue() == ""
