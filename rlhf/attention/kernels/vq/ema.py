"""How a codebook follows the keys: an exponential moving average, outside any gradient.

The update is that of VQ-VAE (arXiv 1711.00937, appendix A.1), with the rate of Transformer-VQ (arXiv 2309.16354):

    n_c <- g n_c + (1 - g) (keys of code c),    S_c <- g S_c + (1 - g) (their sum),    C_c = S_c / n'_c,
    n'_c = (n_c + eps) / (N + c eps) N,   N = sum_c n_c      (Laplace smoothing)

Axes: G key-value heads, c codes, d key size. Arithmetic is float32.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from rlhf.attention.seeds import generator_of

JITTER = 0.05
"""How far apart the halves of a split code go, of its elements' root mean square: more than bfloat16 rounds away."""


@dataclass(frozen=True, slots=True)
class CodebookEma:
    """decay: g. smoothing: eps. revive_below: a code with less than this share of the mean n_c takes half of a
    frequent one's keys; 0: never."""

    decay: float = 0.99
    smoothing: float = 1e-5
    revive_below: float = 0.05

    def update(
        self, codebook_Gcd: Tensor, counts_Gc: Tensor, statistics: Mapping[str, Tensor], seed: Sequence[int]
    ) -> tuple[Tensor, Tensor]:
        """The new (codebook, counts). statistics: count_Gc and sum_Gcd of the keys since the last update.

        S is not kept: it is n' C. A code without new keys stays where it is, and the first keys of one that had none
        decide alone where it goes, so that a random start is forgotten at once.
        """
        added = statistics["count_Gc"]
        counts = self.decay * counts_Gc + (1 - self.decay) * added
        sums = self.decay * self._smoothed(counts_Gc) * codebook_Gcd + (1 - self.decay) * statistics["sum_Gcd"]
        moved = torch.where(added[..., None] > 0, sums / self._smoothed(counts).clamp(min=1e-30), codebook_Gcd)
        return self._revived(moved, counts, seed) if self.revive_below else (moved, counts)

    def _smoothed(self, counts_Gc: Tensor) -> Tensor:
        """n', [G, c, 1]."""
        total = counts_Gc.sum(-1, keepdim=True)
        share = (counts_Gc + self.smoothing) / (total + self.smoothing * counts_Gc.shape[-1])
        return (share * total)[..., None]

    def _revived(self, codebook_Gcd: Tensor, counts_Gc: Tensor, seed: Sequence[int]) -> tuple[Tensor, Tensor]:
        """The rarest code becomes a twin of the most frequent, the next of the next, while the one is rare enough and
        the other would not be; the twins step apart in a random direction and halve the keys."""
        floor_G1 = self.revive_below * counts_Gc.mean(-1, keepdim=True)
        order, half = counts_Gc.argsort(dim=-1, stable=True), counts_Gc.shape[1] // 2
        rare, frequent = order[:, :half], order.flip(-1)[:, :half]
        kept = counts_Gc.gather(-1, frequent)
        split = (counts_Gc.gather(-1, rare) < floor_G1) & (kept >= 2 * floor_G1)
        place = frequent[..., None].expand(-1, -1, codebook_Gcd.shape[-1])
        source = codebook_Gcd.gather(1, place)
        noise = torch.randn(source.shape, generator=generator_of(seed), device="cpu").to(source)
        apart = JITTER * source.square().mean(-1, keepdim=True).sqrt() * noise
        codebook, counts = codebook_Gcd.clone(), counts_Gc.clone()
        for half_of, step in ((rare, apart), (frequent, -apart)):
            at = half_of[..., None].expand_as(place)
            codebook.scatter_(1, at, torch.where(split[..., None], source + step, codebook_Gcd.gather(1, at)))
            counts.scatter_(1, half_of, torch.where(split, kept / 2, counts_Gc.gather(1, half_of)))
        return codebook, counts


def in_two(x: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """x = main + rest, both of `dtype`: two bfloat16 hold 16 bits of a float32's 24.

    One alone holds 8, in which a step of 1% of the way is rounded away, and the average would stand still.
    """
    main = x.to(dtype)
    return main, (x - main.to(x.dtype)).to(dtype)
