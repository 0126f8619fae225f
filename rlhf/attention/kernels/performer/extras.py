"""What Performer is given, its state, and its feature map, written so that nothing overflows.

A query's factor cancels in the quotient, so its features are divided by the largest of them. A key's does not cancel:
its features are exp(l_j) times features whose largest is 1, and the logarithm of its weight is kept apart,
l_j = max_f w_f . k'_j - |k'_j|^2 / 2. What a query sums up is relative to exp(M_i), M_i = max_{j <= i} l_j: the same
for all its keys, so it cancels, and no later token has a part in it. A state is relative to exp(M) of its last token.

Without any of this a key's exponent is at most |w|^2 / 2, about d / 2, which float32 holds up to d = 128 or so. But it
has no lower bound: keys of pretrained layers are long, all their plain features vanish, and the quotient is 0 / 0.

The paper adds a small number to all features. Here queries alone get it, EPS of their own largest: since some feature
of some key is 1, the denominator is at least EPS, and the stabilisers of the keys cancel exactly.

The maxima are constants to the gradient: they cancel (a query's but for EPS), so theirs would vanish.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from rlhf.attention.contract import Extras, HeadShape, State, per

EPS = 1e-6


@dataclass(frozen=True, slots=True)
class PerformerExtras(Extras):
    """features: w_1 .. w_m of each key-value head."""

    features_Gmd: Tensor = per("Gmd")


def state_shapes(shape: HeadShape, extras: PerformerExtras) -> tuple[tuple[int, ...], ...]:
    """sum of exp(l_j - M) phi_j v_j^T; sum of exp(l_j - M) phi_j, some element at least 1 (0: no token yet); M."""
    m = extras.features_Gmd.shape[1]
    return (shape.kv_heads, m, shape.value), (shape.kv_heads, m), (shape.kv_heads,)


def query_features(q_GNd: Tensor, features_Gmd: Tensor) -> Tensor:
    """[G, N, m] in [EPS, 1 + EPS]."""
    return _relative(q_GNd, features_Gmd)[0] + EPS


def key_features(k_GNd: Tensor, features_Gmd: Tensor) -> tuple[Tensor, Tensor]:
    """(features [G, N, m] in (0, 1], log of their weight [G, N])."""
    found_GNm, top_GN = _relative(k_GNd, features_Gmd)
    return found_GNm, top_GN - k_GNd.square().sum(-1) / (2 * k_GNd.shape[-1] ** 0.5)


def _relative(x_GNd: Tensor, features_Gmd: Tensor) -> tuple[Tensor, Tensor]:
    """(exp(w_f . x' - top) [G, N, m], top [G, N]): the largest of w_f . x', of which no gradient comes."""
    # Scaling the few features costs less than scaling the many rows.
    projected_GNm = x_GNd @ (features_Gmd * features_Gmd.shape[-1] ** -0.25).mT
    top_GN1 = projected_GNm.detach().amax(-1, keepdim=True)
    return projected_GNm.sub_(top_GN1).exp_(), top_GN1.squeeze(-1)


def carried_top(state: State | None) -> Tensor | None:
    """M [S, G] of the carried state; -inf for a sequence that has no token yet."""
    if state is None:
        return None
    _, norm_SGm, top_SG = (t.detach() for t in state)
    return top_SG.masked_fill(norm_SGm.amax(-1) <= 0, -torch.inf)
