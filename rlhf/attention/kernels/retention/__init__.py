"""Retention: linear attention with a fixed decay a head, from one that forgets in 32 tokens to one that hardly does.

Sun et al., "Retentive Network", 2023 (arXiv 2307.08621), eq. 5 to 8. Its rotation by position is RoPE on queries and
keys (xPos without the part that scales them, which the decay stands for).

    out_i = scale * sum_{j <= i} gamma^(i - j) (q_i . k_j) v_j,     gamma_h = 1 - 2^(-5 - h)
"""

from rlhf.attention.kernels.retention.mixer import KERNEL, RetentionMixer

MIXER = RetentionMixer

__all__ = ["KERNEL", "MIXER"]
