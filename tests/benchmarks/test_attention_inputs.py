"""What kernels are timed on, and that a program is timed beside a kernel only where both compute the same."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from benchmarks.attention_inputs import HEADS, SIZE, Case, cases, make_inputs
from benchmarks.beside import differences, load
from benchmarks.common import BenchmarkError
from benchmarks.kernel_runs import Plan
from benchmarks.kernel_times import BOTH, FORWARD, SDPA
from rlhf.attention.catalog import CATALOG
from rlhf.attention.contract import tensors_of

CONSTANT = {"lightning", "retention", "performer", "vq"}  # whose tensors no gradient moves

PROGRAM = """
import torch
from torch.nn.functional import elu


def linear_chunk(q, k, v, C):
    q, k = elu(q) + 1, elu(k) + 1
    scores = (q @ k.mT).tril()
    return (scores @ v) / scores.sum(-1, keepdim=True)


def lightning_chunk(q, k, v, C):
    heads, tokens = q.shape[1:3]
    slopes = torch.exp2(-8.0 * torch.arange(1, heads + 1) / heads)
    at = torch.arange(tokens)
    decay = torch.exp(-slopes[:, None, None] * (at[:, None] - at).clamp(min=0)).tril()
    return (q @ k.mT * decay.to(q.dtype)) @ v
"""


def test_every_kernel_has_a_row() -> None:
    assert {case.kernel for case in cases()} == set(CATALOG)
    assert [case.name for case in cases(("linear",))] == ["linear", "linear, rotated"]
    with pytest.raises(BenchmarkError, match="no kernel linaer"):
        cases(("linaer",))


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_gradients_reach_what_is_learned_and_nothing_else(case: Case, dtype: torch.dtype) -> None:
    inputs = make_inputs(case, 70, dtype)
    assert inputs.q_HTd.shape == inputs.k_HTd.shape == inputs.v_HTe.shape == (HEADS, 70, SIZE)
    assert inputs.q_HTd.dtype is dtype
    inputs.forward_alone()
    inputs.forward_and_backward()
    for leaf in inputs.leaves():
        assert leaf.is_leaf and leaf.is_contiguous()
        assert leaf.grad is not None and bool(torch.isfinite(leaf.grad).all())
    learned = [t.requires_grad for t, _ in tensors_of(inputs.extras).values() if t.is_floating_point()]
    if case.kernel in CONSTANT | {"linear"}:
        assert not any(learned)
    else:
        assert all(learned)


def test_the_same_seed_gives_the_same_inputs() -> None:
    (case,) = cases(("gated_delta",))
    one, two = (make_inputs(case, 9, torch.float32) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(one.leaves(), two.leaves(), strict=True))


def test_a_program_beside_must_compute_the_same(tmp_path: Path) -> None:
    right, wrong = tmp_path / "right.py", tmp_path / "wrong.py"
    right.write_text(PROGRAM)
    wrong.write_text(PROGRAM.replace("-8.0", "-7.0"))
    found = differences(load(right))
    assert set(found) == {"linear_chunk, C 64", "linear_chunk, C 128"} | (
        {"lightning_chunk, C 64"} if "lightning" in CATALOG else set()
    )
    assert max(found.values()) < 1e-4
    if "lightning" in CATALOG:
        with pytest.raises(BenchmarkError, match="compute different things: lightning_chunk"):
            differences(load(wrong))


def test_a_program_that_lacks_something_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match="no such file"):
        load(tmp_path / "none.py")
    (tmp_path / "some.py").write_text("def linear_chunk(q, k, v, C): ...")
    with pytest.raises(BenchmarkError, match="no function lightning_chunk"):
        load(tmp_path / "some.py")


def test_a_cell_holds_every_function(tmp_path: Path) -> None:
    (tmp_path / "p.py").write_text(PROGRAM)
    plan = Plan(cases(("linear", "block_sparse")), load(tmp_path / "p.py"), repeats=2, budget_s=60.0, forward=True)
    cell = plan.cell("bfloat16", 65)
    assert set(cell.seconds) == {BOTH, FORWARD}
    names = {SDPA, "linear_chunk, C 64", "linear_chunk, C 128", "lightning_chunk, C 64"}
    for by_name in cell.seconds.values():
        assert set(by_name) == names | {"linear", "linear, rotated", "block_sparse"}
        assert all(len(seconds) == 2 and min(seconds) > 0 for seconds in by_name.values())
    times = plan.times([cell])
    assert times.twins == {"linear": ["linear_chunk, C 64", "linear_chunk, C 128"]}
    assert times.linear == {"linear", "linear, rotated"}
