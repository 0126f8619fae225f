"""Running the kernels, PyTorch's softmax attention and the program beside at one length, in turn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch.nn.functional import scaled_dot_product_attention

from benchmarks.attention_inputs import Case, make_inputs
from benchmarks.beside import Variant, runs
from benchmarks.in_turn import in_turn
from benchmarks.kernel_times import BOTH, FORWARD, SDPA, Cell, Times
from benchmarks.quiet import Foreign
from rlhf.attention.catalog import CATALOG

Run = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """budget_s: of one function at one length."""

    cases: Sequence[Case]
    variants: Sequence[Variant]
    repeats: int
    budget_s: float
    forward: bool

    def times(self, cells: Sequence[Cell]) -> Times:
        twins = {c.name: [v.name for v in self.variants if v.function == c.beside] for c in self.cases}
        linear = {case.name for case in self.cases if CATALOG[case.kernel].engine == "state"}
        return Times(cells, [case.name for case in self.cases], {k: v for k, v in twins.items() if v}, linear)

    def cell(self, dtype: str, length: int) -> Cell:
        functions = self._functions(getattr(torch, dtype), length)
        foreign = Foreign()
        seconds = {}
        for direction, by_name in functions.items():
            seconds[direction] = in_turn(by_name, self.repeats, self.budget_s)
        return Cell(dtype, length, round(foreign.share(), 3), seconds)

    def _functions(self, dtype: torch.dtype, length: int) -> Mapping[str, Mapping[str, Run]]:
        forward: dict[str, Run] = {}
        both: dict[str, Run] = {}
        forward[SDPA], both[SDPA] = runs(partial(scaled_dot_product_attention, is_causal=True), length, dtype)
        for variant in self.variants:
            function = partial(variant.run, C=variant.chunk)
            forward[variant.name], both[variant.name] = runs(function, length, dtype)
        for case in self.cases:
            inputs = make_inputs(case, length, dtype)
            forward[case.name], both[case.name] = inputs.forward_alone, inputs.forward_and_backward
        return {BOTH: both, FORWARD: forward} if self.forward else {BOTH: both}
