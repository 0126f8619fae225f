"""Trackers that remember, fail and hang as they are told to."""

import threading

WAIT = 30.0  # seconds; a bound on events that come at once


class Recorder:
    """Remembers; fails at the steps it is told to."""

    def __init__(self, fail_at=(), fail_close=False):
        self.seen, self.closed = [], []
        self.fail_at, self.fail_close = fail_at, fail_close

    def log(self, step, metrics):
        if step in self.fail_at:
            raise ConnectionError(f"no route at step {step}")
        self.seen.append((step, dict(metrics)))

    def close(self, status="finished"):
        self.closed.append(status)
        if self.fail_close:
            raise TimeoutError("flush")


class Stuck(Recorder):
    """Its calls hang until it is let go."""

    def __init__(self):
        super().__init__()
        self.entered, self.let_go = threading.Event(), threading.Event()

    def log(self, step, metrics):
        self.entered.set()
        assert self.let_go.wait(WAIT)
        super().log(step, metrics)


class Scripted(Recorder):
    """Each attempt takes the next of `answers`: an error to raise, or None to take the step; then takes all.

    `attempts`: the steps as they were tried. `until(n)` waits for the n-th attempt to be over.
    """

    def __init__(self, answers):
        super().__init__()
        self.answers, self.attempts = list(answers), []
        self._changed = threading.Condition()

    def log(self, step, metrics):
        with self._changed:
            self.attempts.append(step)
            answer = self.answers.pop(0) if self.answers else None
            answer = answer(step) if callable(answer) else answer
            if answer is None:
                super().log(step, metrics)
            self._changed.notify_all()
        if answer is not None:
            raise answer

    def until(self, attempts):
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.attempts) >= attempts, WAIT), self.attempts
