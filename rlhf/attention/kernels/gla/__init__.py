"""Gated linear attention: a state that decays by a factor of its own in every key channel, chosen by the token.

Yang, Wang, Shen, Panda, Kim, "Gated Linear Attention Transformers with Hardware-Efficient Training", 2023
(arXiv 2312.06635), sec. 4.1 (recurrence and sum), 4.2 (chunks) and 4.4 (the layer).

    S_t = diag(alpha_t) S_{t-1} + k_t v_t^T                    S [d, e], alpha_t in (0, 1]^d
    out_t = scale * q_t S_t = scale * sum_{j <= t} sum_c q_t[c] k_j[c] (alpha_{j+1} ... alpha_t)[c] v_j
"""

from rlhf.attention.kernels.gla.mixer import KERNEL, GatedLinearMixer

MIXER = GatedLinearMixer

__all__ = ["KERNEL", "MIXER"]
