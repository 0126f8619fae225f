"""A good recipe as text, to be spoiled one line at a time, and devices that do not depend on this machine."""

from __future__ import annotations

from pathlib import Path

from rlhf.recipe.devices import GIB, Devices
from rlhf.recipe.load import Loaded, load_checked

GOOD = """\
#!/usr/bin/env -S python -m rlhf
policy:
  model: tiny-moe
data:
  train: {source: reasoning_gym, task: chain_sum, size: 1000}
  heldout: {source: reasoning_gym, task: chain_sum, size: 200, seed: 1000}
reward:
  - verifier: reasoning_gym
"""

CPU = Devices("cpu", nodes=1, cpus_per_node=8, gpus_per_node=0, memory_per_device=32 * GIB)
GPU = Devices("gpu", nodes=2, cpus_per_node=64, gpus_per_node=8, memory_per_device=80 * GIB)
UNKNOWN = Devices(None, nodes=None, cpus_per_node=None, gpus_per_node=None, memory_per_device=None)


def write(folder: Path, text: str) -> Path:
    path = folder / "r.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def load(folder: Path, text: str = GOOD, overrides: tuple[str, ...] = (), devices: Devices = CPU) -> Loaded:
    return load_checked(write(folder, text), overrides, devices)
