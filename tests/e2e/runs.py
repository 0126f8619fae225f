"""Starting real runs of the `rlhf` command, following what they print, and finding what they leave behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
DEADLINE_S = 600
TASK = {"min_terms": 2, "max_terms": 3, "min_digits": 1, "max_digits": 1}
WARMUP = {
    "demonstrations": "running_totals",
    "config": {"task": "chain_sum", "task_config": TASK},
    "size": 200,
    "steps": 10,
    "batch_size": 16,
}
RECIPE = {
    "run": {"name": "e2e"},
    "policy": {"model": "tiny-moe", "dtype": "float32"},
    "data": {
        "train": {"source": "reasoning_gym", "task": "chain_sum", "size": 60, "seed": 1, "task_config": TASK},
        "heldout": {"source": "reasoning_gym", "task": "chain_sum", "size": 16, "seed": 5000, "task_config": TASK},
        "max_prompt_tokens": 64,
        "on_overlap": "drop",
    },
    "reward": [{"verifier": "logic"}, {"verifier": "format", "weight": 0.1}],
    "algorithm": {"group_size": 4},
    "rollout": {"max_response_tokens": 24, "kv_cache_gib": 0.1, "max_concurrent_sequences": 64},
    "learner": {"learning_rate": 1e-3, "token_budget": 2048},
    "trainer": {"steps": 4, "prompts_per_step": 8, "checkpoint_every": 2},
    "cluster": {"address": "local"},
}


def write_recipe(folder: Path, **sections) -> Path:
    """The small recipe, with whole keys of sections replaced; its runs go into `folder/runs`."""
    recipe = {key: dict(value) if isinstance(value, dict) else value for key, value in RECIPE.items()}
    for section, changes in sections.items():
        recipe[section] = {**recipe.get(section, {}), **changes} if isinstance(changes, dict) else changes
    recipe["run"]["root"] = str(folder / "runs")
    path = folder / "recipe.yaml"
    path.write_text("#!/usr/bin/env -S python -m rlhf\n" + yaml.safe_dump(recipe))
    return path


class Run:
    """One `rlhf train` in a process group of its own; every process it starts carries a mark in its environment."""

    def __init__(
        self, what: Path | str, *arguments: str, environment: dict[str, str] | None = None, command: str = "train"
    ) -> None:
        """what: the recipe, or of another command of `rlhf` its first argument."""
        self.mark = uuid.uuid4().hex
        self.began = time.time()
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "rlhf", command, str(what), *arguments],
            cwd=REPOSITORY,
            env={**os.environ, "LONGTHOUGHT_TEST_MARK": self.mark, "PYTHONUNBUFFERED": "1", **(environment or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def until(self, part: str) -> str:
        """Follow the output to the first line that contains `part`."""
        for line in self._output():
            if part in line:
                return line
        raise AssertionError(f"the run ended with {self.process.wait()} before {part!r}:\n" + "".join(self.lines[-60:]))

    def end(self) -> int:
        """Follow the output to its end; the exit code."""
        for _ in self._output():
            pass
        return self.process.wait(timeout=DEADLINE_S)

    def _output(self) -> Iterator[str]:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)
            yield line

    @property
    def text(self) -> str:
        return "".join(self.lines)

    def processes(self) -> list[psutil.Process]:
        """What this run started and is still there, its own process included.

        By the mark, and by descent while the run lives: a process that sets its title may overwrite its environment.
        """
        found = {p.pid: p for p in psutil.process_iter() if self._is_mine(p)}
        with suppress(psutil.NoSuchProcess):  # it has ended, and what it leaves behind has another parent now
            found |= {p.pid: p for p in psutil.Process(self.process.pid).children(recursive=True) if _alive(p)}
        return list(found.values())

    def named(self, part: str) -> list[psutil.Process]:
        return [p for p in self.processes() if part in _command(p)]

    def engines(self) -> list[psutil.Process]:
        """vLLM's engine processes: what our actors spawned, not the workers that an engine spawns in its turn.

        By descent: their titles tell nothing for certain (setproctitle gives up in silence: seen).
        """
        spawned = {p.pid: p for p in self.processes() if "spawn_main" in _command(p) or "VLLM::" in _command(p)}
        return [p for p in spawned.values() if p.ppid() not in spawned]

    def _is_mine(self, process: psutil.Process) -> bool:
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                return False
            if process.environ().get("LONGTHOUGHT_TEST_MARK") == self.mark:
                return True
            # Verifier workers start with a clean environment: told by their Python, which is this test run's.
            command = _command(process)
            ours = command.startswith(sys.executable) and "verifiers.pool.worker" in command
            return process.create_time() > self.began and ours
        except psutil.Error:
            return False

    def left_behind(self) -> list[str]:
        """Commands of processes that outlive the run by more than the time it takes to end them.

        Ray's agents of a raylet that was killed try to tell a GCS of it, which may be gone, for 60 s before they end.
        """
        left = self.processes()
        _, alive = psutil.wait_procs(left, timeout=90)
        return [f"{p.pid} {_command(p)[:120]}" for p in alive]


def _alive(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline()) or process.name()
    except psutil.Error:
        return ""


def metrics(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
