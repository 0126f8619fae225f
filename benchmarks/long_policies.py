"""The tiny MoE with room for long sequences: softmax in every layer, or a kernel in every layer or in all but the last.

Weights are random and drawn from one seed; what they are changes little: which experts tokens go to.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from benchmarks.common import BenchmarkError
from rlhf.attention.catalog import CATALOG
from rlhf.models.tiny.build import HERE
from rlhf.models.tiny.tokenizer import FILES
from rlhf.recipe.attention import AttentionError, LayerAttention, resolve_layers
from rlhf.recipe.attention_schema import SOFTMAX, AttentionConfig

CONTEXT = 32768  # tokens that a sequence may have


@dataclass(frozen=True, slots=True)
class LongPolicy:
    """kernel: of every layer but the last, which stays softmax, or, `alone`, of every layer. settings: the kernel's,
    where not its defaults. vocabulary: size, where not the tiny MoE's own 361."""

    kernel: str = SOFTMAX
    alone: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)
    vocabulary: int | None = None

    @property
    def name(self) -> str:
        if self.kernel == SOFTMAX:
            return SOFTMAX
        return f"{self.kernel} in every layer" if self.alone else f"{self.kernel} hybrid"

    def layers(self, count: int) -> tuple[LayerAttention, ...]:
        """BenchmarkError where there is no such kernel or setting."""
        chosen: Any = {"kernel": self.kernel, **self.settings}
        rest: dict[str, Any] = {} if self.alone else {str(count - 1): SOFTMAX}
        try:
            return resolve_layers(AttentionConfig(default=chosen, layers=rest), count)
        except (AttentionError, ValueError) as error:
            raise BenchmarkError(f"{self.name}: {error}") from error

    def require_sampled(self) -> None:
        """BenchmarkError where no engine holds the kernel's state."""
        if CATALOG[self.kernel].engine == "none":
            raise BenchmarkError(f"{self.kernel}: engines cannot sample with it; leave it out of --parts generate")

    def write(self, folder: Path) -> Path:
        """Into a folder of its own below `folder`, once; the folder's name says all of it."""
        settings = [f"{key}={value}" for key, value in self.settings.items()]
        parts = [self.name, *settings, *(() if self.vocabulary is None else (str(self.vocabulary),))]
        target = folder / "-".join(parts).replace(" ", "-")
        if target.exists():
            return target
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=folder, prefix="unfinished-") as scratch:
            base, made = Path(scratch) / "base", Path(scratch) / "made"
            _write_base(base, self.vocabulary)
            if self.kernel != SOFTMAX:
                from rlhf.models.hybrid.build import write_hybrid

                count = json.loads((base / "config.json").read_text())["num_hidden_layers"]
                entries = [{"kernel": layer.kernel, "settings": layer.settings} for layer in self.layers(count)]
                write_hybrid(base, made, entries, seed=0)
            (base if self.kernel == SOFTMAX else made).rename(target)
        return target


def _write_base(folder: Path, vocabulary: int | None) -> None:
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.from_pretrained(HERE)
    config.max_position_embeddings = CONTEXT
    if vocabulary is not None:
        config.vocab_size = vocabulary
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    folder.mkdir(parents=True)
    for name in FILES:
        shutil.copyfile(HERE / name, folder / name)
    model.save_pretrained(folder)


def settings_of(options: Sequence[str]) -> dict[str, dict[str, Any]]:
    """`KERNEL.KEY=VALUE` each, values as YAML -> by kernel."""
    found: dict[str, dict[str, Any]] = {}
    for option in options:
        where, equals, value = option.partition("=")
        kernel, dot, key = where.partition(".")
        if not equals or not dot or not key:
            raise BenchmarkError(f"--set {option}: write KERNEL.KEY=VALUE, e.g. linear.rope=inputs")
        found.setdefault(kernel, {})[key] = yaml.safe_load(value)
    return found
