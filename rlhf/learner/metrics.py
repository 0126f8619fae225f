"""What a step reports: sums and maxima over micro-batches and ranks, and the means made of them.

`mismatch/*` compares the trainer's log-probability with the one the engine gave when it sampled the token,
d = logp_trainer - logp_behaviour, over masked tokens: mean and largest |d|, the share of tokens with |d| > ln 2,
and KL(behaviour, trainer) by Schulman's k3 estimate, exp(d) - 1 - d (non-negative for every token). The effective
sample size is that of the weights exp(d), as a share of the tokens: (sum w)^2 / (N sum w^2).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from time import perf_counter

import torch.distributed as dist
from torch import Tensor


class Tally:
    """Additive statistics and maxima of one rank; `reduced` is the same on every rank."""

    def __init__(self) -> None:
        self.sums: dict[str, float] = defaultdict(float)
        self.maxima: dict[str, float] = {}

    def add(self, name: str, value: float | Tensor) -> None:
        self.sums[name] += float(value)

    def top(self, name: str, value: float | Tensor) -> None:
        self.maxima[name] = max(float(value), self.maxima.get(name, -math.inf))

    @contextmanager
    def seconds(self, phase: str) -> Iterator[None]:
        start = perf_counter()
        yield
        self.top(f"seconds/{phase}", self.maxima.get(f"seconds/{phase}", 0.0) + perf_counter() - start)

    def tokens(self, logp_BT: Tensor, behaviour_BT: Tensor, entropy_BT: Tensor, mask_BT: Tensor, compare: bool) -> None:
        """Statistics of one micro-batch; all [B, T] without gradient. compare: behaviour_BT means something."""
        mask = mask_BT.bool()
        self.add("tokens", mask_BT.sum())
        self.add("entropy", (entropy_BT * mask_BT).sum())
        self.add("logp", (logp_BT * mask_BT).sum())
        if not compare or not bool(mask.any()):
            return
        d = (logp_BT - behaviour_BT)[mask].double()
        self.add("mismatch/mean_abs", d.abs().sum())
        self.add("mismatch/beyond_2x", (d.abs() > math.log(2)).sum())
        self.add("mismatch/kl", (d.exp() - 1 - d).sum())
        self.add("ratio", d.exp().sum())
        self.add("ratio_squared", (2 * d).exp().sum())
        self.top("mismatch/max_abs", d.abs().max())

    def reduced(self) -> tuple[dict[str, float], dict[str, float]]:
        """(sums, maxima) over all ranks; a collective. Ranks may hold different keys."""
        if not dist.is_initialized() or dist.get_world_size() == 1:
            return dict(self.sums), dict(self.maxima)
        everyone: list[tuple[dict[str, float], dict[str, float]]] = [({}, {})] * dist.get_world_size()
        dist.all_gather_object(everyone, (dict(self.sums), self.maxima))
        total = Tally()
        for sums, maxima in everyone:
            for name, value in sums.items():
                total.add(name, value)
            for name, value in maxima.items():
                total.top(name, value)
        return dict(total.sums), total.maxima


MEANS = ("entropy", "logp", "mismatch/mean_abs", "mismatch/beyond_2x", "mismatch/kl")


def step_metrics(
    sums: Mapping[str, float], maxima: Mapping[str, float], global_tokens: float, global_sequences: int
) -> dict[str, float]:
    """Means of the reduced sums. A loss's own `x_tokens` becomes the mean `x`, and so `x_sequences`."""
    metrics = {name: sums[name] / global_tokens for name in MEANS if name in sums}
    if sums.get("ratio_squared"):
        metrics["mismatch/effective_sample_size"] = sums["ratio"] ** 2 / (global_tokens * sums["ratio_squared"])
    for name, value in sums.items():
        if name.startswith("loss/"):
            if name.endswith("_tokens"):
                metrics[name.removesuffix("_tokens")] = value / global_tokens
            elif name.endswith("_sequences"):
                metrics[name.removesuffix("_sequences")] = value / global_sequences
            else:
                metrics[name] = value
    for name, value in maxima.items():
        metrics[f"learner/{name}" if name.startswith("seconds/") else name] = value
    metrics["tokens"] = sums.get("tokens", 0.0)
    metrics["sequences"] = float(global_sequences)
    run, slots = sums.get("tokens_run", 0.0), sums.get("slots", 0.0)
    metrics["learner/tokens_run"] = run
    metrics["learner/packing_efficiency"] = run / slots if slots else 0.0
    metrics["learner/prompt_sharing"] = sums.get("tokens_unshared", 0.0) / run if run else 0.0
    return metrics


def all_reduced(tensor: Tensor) -> Tensor:
    """Sum over ranks, in place; a collective where there is more than one."""
    if dist.is_initialized() and dist.get_world_size() > 1:
        dist.all_reduce(tensor)
    return tensor
