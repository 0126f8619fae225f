"""A codebook to start from, out of keys."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from rlhf.attention.contract import working
from rlhf.attention.kernels.vq.extras import nearest, sum_by_code
from rlhf.attention.seeds import generator_of


def codebook_from_keys(keys_GTd: Tensor, codes: int, seed: int | Sequence[int], rounds: int = 10) -> Tensor:
    """[G, codes, d] in float32 or 64: k-means++ (Arthur & Vassilvitskii, 2007), then `rounds` of Lloyd's iteration.

    Raises ValueError with fewer keys than codes.
    """
    groups, tokens, _ = keys_GTd.shape
    if tokens < codes:
        raise ValueError(f"{codes} codes want at least as many keys to start from; found {tokens}")
    (keys,) = working(keys_GTd.detach())
    generator = generator_of(seed)
    heads = torch.arange(groups, device=keys.device)
    chosen: list[Tensor] = []
    distance_GT = torch.ones(groups, tokens, dtype=keys.dtype, device=keys.device)
    for i in range(codes):
        # Keys that coincide with a code have no weight; where all do, any serves.
        weight = distance_GT.double() + torch.finfo(torch.float64).tiny
        pick_G = torch.multinomial(weight.cpu(), 1, generator=generator).squeeze(-1).to(keys.device)
        chosen.append(keys[heads, pick_G])
        new_GT = (keys - chosen[-1][:, None]).square().sum(-1)
        distance_GT = new_GT if i == 0 else distance_GT.minimum(new_GT)
    codebook = torch.stack(chosen, 1)
    for _ in range(rounds):
        nearest_GT = nearest(keys, codebook)
        count = sum_by_code(torch.ones_like(keys[..., :1]), nearest_GT, codes)
        codebook = torch.where(count > 0, sum_by_code(keys, nearest_GT, codes) / count.clamp(min=1), codebook)
    return codebook
