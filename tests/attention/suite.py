"""The tests that every kernel has to pass, as a class to inherit from: name the kernel and how its extras are made."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rlhf.attention.contract import FormName, HeadShape, Kernel
from rlhf.attention.cu_seqlens import CuSeqlens
from tests.attention.agreement import check, check_carried, check_causal, check_isolation, make_inputs

SHAPES = [HeadShape(2, 2, 8, 8), HeadShape(4, 2, 8, 6), HeadShape(3, 1, 4, 8)]
FORMS: tuple[FormName, ...] = ("chunk", "step")


class KernelSuite:
    kernel: ClassVar[Kernel]
    chunk: ClassVar[int] = 64
    """Tokens of the kernel's chunk: lengths around its multiples are tried."""
    forms: ClassVar[tuple[FormName, ...]] = FORMS
    """Forms that are compared with naive; without `step` there is no carried state either."""
    shapes: ClassVar[list[HeadShape]] = SHAPES
    float32: ClassVar[float] = 1e-4

    @staticmethod
    def extras(generator: torch.Generator, shape: HeadShape, tokens: int, dtype: torch.dtype) -> Any:
        raise NotImplementedError

    def lengths(self) -> list[list[int]]:
        c = self.chunk
        return [[1], [c - 1], [c], [c + 1], [2 * c + 1], [3, c, 1, 2 * c - 1], [c + 1] * 3]

    def test_the_forms_agree_in_float64(self) -> None:
        for shape in self.shapes:
            for lengths in self.lengths():
                cu = CuSeqlens.of_lengths(lengths)
                check(self.kernel, make_inputs(self.kernel, shape, cu, self.extras), cu, self.forms)

    def test_the_forms_agree_in_float32(self) -> None:
        for lengths in ([2 * self.chunk + 3], [5, self.chunk + 1, 1]):
            cu = CuSeqlens.of_lengths(lengths)
            inputs = make_inputs(self.kernel, self.shapes[1], cu, self.extras, torch.float32)
            check(self.kernel, inputs, cu, self.forms, self.float32)

    def test_a_carried_state_goes_on(self) -> None:
        if "step" not in self.forms:
            pytest.skip(f"{self.kernel.name} has no state of constant size to carry")
        for lengths in ([self.chunk + 3], [4, 2 * self.chunk, 1]):
            cu = CuSeqlens.of_lengths(lengths)
            inputs = make_inputs(self.kernel, self.shapes[1], cu, self.extras, carried=True)
            check(self.kernel, inputs, cu, self.forms)
            inputs = make_inputs(self.kernel, self.shapes[1], cu, self.extras, torch.float32, carried=True)
            check(self.kernel, inputs, cu, self.forms, self.float32)
        for cut in (1, self.chunk - 1, self.chunk):
            lengths = [cut + 1, cut + self.chunk, cut + 2 * self.chunk + 3]
            check_carried(self.kernel, self.shapes[1], self.extras, lengths, cut)

    def test_neighbours_and_the_future_are_not_seen(self) -> None:
        check_isolation(self.kernel, self.shapes[1], self.extras, [self.chunk + 2, 3, 2 * self.chunk, 1])
        check_causal(self.kernel, self.shapes[1], self.extras, 2 * self.chunk + 5)

    @settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.differing_executors])
    @given(
        groups=st.integers(1, 3),
        repeats=st.integers(1, 3),
        key=st.sampled_from([2, 4, 8]),
        value=st.sampled_from([2, 4, 8]),
        lengths=st.lists(st.integers(1, 150), min_size=1, max_size=4),
        carried=st.booleans(),
        seed=st.integers(0, 1000),
    )
    def test_any_shape(
        self, groups: int, repeats: int, key: int, value: int, lengths: list[int], carried: bool, seed: int
    ) -> None:
        shape, cu = HeadShape(groups * repeats, groups, key, value), CuSeqlens.of_lengths(lengths)
        carried = carried and "step" in self.forms
        inputs = make_inputs(self.kernel, shape, cu, self.extras, seed=seed, carried=carried)
        check(self.kernel, inputs, cu, ("chunk",))

    def test_states_have_the_shapes_that_were_promised(self) -> None:
        if self.kernel.state_shapes is None:
            assert self.kernel.step is None
            return
        cu, shape = CuSeqlens.of_lengths([3, self.chunk + 1]), self.shapes[1]
        inputs = make_inputs(self.kernel, shape, cu, self.extras)
        promised = self.kernel.state_shapes(shape, inputs.extras)
        for form in (self.kernel.naive, self.kernel.chunk):
            _, state, _ = form(inputs.q, inputs.k, inputs.v, inputs.extras, None, cu)
            assert state is not None
            assert [tuple(t.shape) for t in state] == [(2, *each) for each in promised]
