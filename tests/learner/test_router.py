"""The router's loss by hand, and its counts, on two layers of three experts."""

from __future__ import annotations

import pytest
import torch

from rlhf.learner.router import RouterRecord


def record(logits: list, chosen: list) -> RouterRecord:
    out = RouterRecord()
    out.layers = [(torch.tensor(lg, requires_grad=True), torch.tensor(c)) for lg, c in zip(logits, chosen, strict=True)]
    return out


# Probabilities 1/2, 1/4, 1/4 and 1/4, 1/4, 1/2.
A, B = [0.6931472, 0.0, 0.0], [0.0, 0.0, 0.6931472]


def test_by_hand() -> None:
    r = record([[A, B], [A, A]], [[[0], [2]], [[0], [0]]])
    weight = torch.tensor([3.0, 1.0])
    counts = r.counts(weight)
    assert counts.tolist() == [[3, 0, 1], [4, 0, 0]]
    # Layer 0: f = 3/4, 0, 1/4; P = (3 A + B) / 4 = 7/16, 4/16, 5/16; layer 1: f = 1, 0, 0; P_0 = 1/2.
    expected = (3 * (3 / 4 * 7 / 16 + 1 / 4 * 5 / 16) + 3 * 1 / 2) / 2
    assert float(r.loss(weight, counts, 4.0).detach()) == pytest.approx(expected)


def test_a_piece_s_shares_add_up() -> None:
    """Two micro-batches with global counts give what one gives; counts of their own would not."""
    whole = record([[A, B]], [[[0], [2]]])
    weight = torch.tensor([3.0, 1.0])
    counts = whole.counts(weight)
    pieces = [(record([[A]], [[[0]]]), weight[:1]), (record([[B]], [[[2]]]), weight[1:])]
    assert torch.equal(sum(p.counts(w) for p, w in pieces), counts)
    total = sum(float(p.loss(w, counts, 4.0).detach()) for p, w in pieces)
    assert total == pytest.approx(float(whole.loss(weight, counts, 4.0).detach()))
    alone = sum(float(p.loss(w, p.counts(w), 4.0).detach()) for p, w in pieces)
    assert alone > total + 0.1


def test_an_even_load_costs_one() -> None:
    r = record([[[0.0, 0.0, 0.0]] * 3], [[[0, 1], [1, 2], [2, 0]]])
    assert float(r.loss(torch.ones(3), r.counts(torch.ones(3)), 3.0).detach()) == pytest.approx(1.0)


def test_padding_weighs_nothing() -> None:
    r = record([[A, B]], [[[0], [2]]])
    weight = torch.tensor([1.0, 0.0])
    r.loss(weight, r.counts(weight), 1.0).backward()
    gradient = r.layers[0][0].grad
    assert bool((gradient[1] == 0).all())
    assert bool((gradient[0] != 0).any())
