"""A vLLM worker that writes down which sequences lost their places, and how far they had come."""

from __future__ import annotations

from typing import Any

from rlhf.rollout.worker import LongthoughtWorker


class WatchingWorker(LongthoughtWorker):
    def watch_preemptions(self) -> None:
        """From now on. The scheduler names those it pre-empted with the next step that it orders."""
        self.sampled_before: list[int] = []
        runner = self.model_runner
        execute = runner.execute_model

        def watched(ordered: Any, *arguments: Any, **named: Any) -> Any:
            for request in ordered.preempted_req_ids or ():
                self.sampled_before.append(len(runner.requests[request].output_token_ids))
            return execute(ordered, *arguments, **named)

        runner.execute_model = watched

    def preemptions(self) -> list[int]:
        """Of each: how many tokens of its response the sequence had."""
        return self.sampled_before
