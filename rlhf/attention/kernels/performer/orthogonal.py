"""Orthogonal random features (arXiv 2009.14794, section 2.4)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from rlhf.attention.seeds import generator_of


def orthogonal_features(
    groups: int,
    features: int,
    size: int,
    seed: int | Sequence[int],
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> Tensor:
    """[groups, features, size]: rows ~ N(0, I), in blocks of `size` rows that are orthogonal to each other.

    A row is a direction of a random rotation times a length drawn as that of a Gaussian vector, chi(size), so each one
    by itself is Gaussian, and the estimate of the kernel unbiased; orthogonality only lowers its variance.
    The draw is made on the CPU in float64, so that it is the same for every rank and device.
    """
    if min(groups, features, size) < 1:
        raise ValueError(f"{groups} heads with {features} features of size {size}: each is at least 1")
    generator = generator_of(seed)

    def gaussian() -> Tensor:
        shape = (groups, -(-features // size), size, size)
        return torch.randn(shape, generator=generator, dtype=torch.float64, device="cpu")

    rotation, triangle = torch.linalg.qr(gaussian())
    # QR fixes each column up to its sign; with R's diagonal positive the rotation is uniformly distributed.
    rotation = rotation * triangle.diagonal(dim1=-2, dim2=-1).sign()[..., None, :]
    length = gaussian().norm(dim=-1, keepdim=True)
    return (rotation.mT * length).flatten(1, 2)[:, :features].to(dtype=dtype, device=device).contiguous()
