"""State that DeepSpeed does not keep: the stage's schedule and the random generators of each rank, as JSON."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import torch

TAG = "learner"  # DeepSpeed's name for the one state in a folder


def random_state() -> dict[str, Any]:
    """Of python, numpy, torch and, where there is one, this process's GPU."""
    version, words, gauss = random.getstate()
    name, keys, position, has_gauss, cached = np.random.get_state(legacy=True)
    state: dict[str, Any] = {
        "python": [version, list(words), gauss],
        "numpy": [name, keys.tolist(), position, has_gauss, cached],  # type: ignore[union-attr]
        "torch": bytes(torch.get_rng_state().tolist()).hex(),
    }
    if torch.cuda.is_available():
        state["cuda"] = bytes(torch.cuda.get_rng_state().tolist()).hex()
    return state


def restore_random_state(state: dict[str, Any]) -> None:
    version, words, gauss = state["python"]
    random.setstate((version, tuple(words), gauss))
    name, keys, position, has_gauss, cached = state["numpy"]
    np.random.set_state((name, np.array(keys, np.uint32), position, has_gauss, cached))
    torch.set_rng_state(torch.tensor(list(bytes.fromhex(state["torch"])), dtype=torch.uint8))
    if "cuda" in state and torch.cuda.is_available():
        torch.cuda.set_rng_state(torch.tensor(list(bytes.fromhex(state["cuda"])), dtype=torch.uint8))


def write_rank_state(folder: Path, rank: int, stage: dict[str, Any]) -> None:
    path = folder / f"rank_{rank}.json"
    path.write_text(json.dumps({"stage": stage, "random": random_state()}))


def read_rank_state(folder: Path, rank: int, world_size: int) -> dict[str, Any]:
    """The stage's schedule, the generators already restored. ValueError where the number of ranks differs."""
    ranks = len(list(folder.glob("rank_*.json")))
    if ranks != world_size:
        raise ValueError(
            f"{folder} was written by {ranks} learner ranks, and this run has {world_size}:"
            f" write learner.ranks: {ranks}"
        )
    state = json.loads((folder / f"rank_{rank}.json").read_text())
    restore_random_state(state["random"])
    return state["stage"]
