"""The checksum finds what it must, adds up over pieces, and differences name engine and tensor."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rlhf.publication import EngineProof, Manifest, canary_of, canary_tolerance, checksum, differences

MODULUS = 1 << 64


def matrix(rows=7, columns=5, dtype=torch.bfloat16):
    return torch.randn(rows, columns, generator=torch.Generator().manual_seed(1)).to(dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_a_single_bit_a_swap_and_a_transposition_are_found(dtype):
    whole = matrix(dtype=dtype)
    bit = whole.clone()
    bit[3, 2] = (
        torch.nextafter(bit[3, 2].float(), torch.tensor(9.0)).to(dtype) if dtype is torch.float32 else -bit[3, 2]
    )
    rows = whole[[1, 0, 2, 3, 4, 5, 6]]
    columns = whole[:, [0, 1, 2, 4, 3]]
    seen = {checksum(x) for x in (whole, bit, rows, columns, whole.t().contiguous().view(7, 5))}
    assert len(seen) == 5


@given(st.integers(1, 6), st.integers(1, 4))
def test_pieces_add_up_to_the_whole(row, column):
    whole = matrix()
    pieces = [
        checksum(whole[:row, :column]),
        checksum(whole[row:, :column], row=row),
        checksum(whole[:row, column:], column=column),
        checksum(whole[row:, column:], row=row, column=column),
    ]
    assert sum(pieces) % MODULUS == checksum(whole)


def test_zeros_of_either_sign_and_memory_layout_do_not_matter():
    whole = matrix()
    whole[2, 3] = 0.0
    negative = whole.clone()
    negative[2, 3] = -0.0
    assert checksum(negative) == checksum(whole) == checksum(whole.t().contiguous().t())


def test_a_large_tensor_is_hashed_in_blocks_to_the_same_value(monkeypatch):
    whole = matrix(50, 9)
    expected = checksum(whole)
    monkeypatch.setattr("rlhf.publication._BLOCK", 20)
    assert checksum(whole) == expected


def manifest(**changes):
    fields = dict(
        version=3,
        path="",
        dtype="float32",
        checksums={"a": 1, "b": 2},
        canary_ids=(1, 2, 3),
        canary_logp=(-1.0, -2.0),
        nbytes=8,
        canary_tolerance=canary_tolerance("float32", False),
    )
    return Manifest(**{**fields, **changes})


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({}, []),
        ({"version": 2}, ["engine-1: holds version 2, published was 3"]),
        (
            {"checksums": {"a": [1, 7], "b": [2]}},
            ["engine-1: tensor a has checksum 0000000000000001, 0000000000000007"],
        ),
        ({"checksums": {"a": [1]}}, ["engine-1: tensor b was published but the engine does not report it"]),
        ({"checksums": {"a": [1], "b": [2], "c": [3]}}, ["engine-1: holds tensor c, which was not published"]),
        (
            {"canary_logp": (-1.0, -2.1)},
            ["canary log-probabilities differ by 0.05 on average (allowed 0.001); token 2"],
        ),
        ({"canary_logp": (-1.0, float("nan"))}, ["canary log-probabilities differ by nan"]),
        ({"canary_logp": (-1.0,)}, ["1 canary tokens, expected 2"]),
    ],
)
def test_differences_name_the_engine_and_the_tensor(answer, expected):
    fields = dict(engine="engine-1", version=3, checksums={"a": [1], "b": [2]}, canary_logp=(-1.0, -2.0))
    found = differences(manifest(), EngineProof(**{**fields, **answer}))
    assert len(found) == len(expected)
    for text, part in zip(found, expected, strict=True):
        assert part in text


@pytest.mark.parametrize(
    ("prompts", "expected"),
    [
        ([(5,), (6, 7, 8), (9, 9)], (6, 7, 8)),
        ([tuple(range(100))], tuple(range(48))),
        ([(5,)], (5, 5)),
        ([(1, 2)] * 64 + [(3, 4, 5)], (1, 2)),
    ],
)
def test_the_canary_is_the_longest_of_the_first_prompts(prompts, expected):
    assert canary_of(prompts) == expected
