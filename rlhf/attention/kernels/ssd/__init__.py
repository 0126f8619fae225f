"""A selective state space in its dual form, Mamba-2's: a scalar decay a head and token, and a step that scales inputs.

Dao and Gu, "Transformers are SSMs", 2024 (arXiv 2405.21060), eq. 1 and sec. 6. In its letters q is C, k is B, v is x:

    S_t = exp(log_decay_t) S_{t-1} + dt_t k_t v_t^T,     out_t = q_t S_t + D v_t

with log_decay = -exp(A_log) dt. Unrolled it is attention with a 1-semiseparable mask of decays in place of softmax.
"""

from rlhf.attention.kernels.ssd.mixer import KERNEL, SsdMixer

MIXER = SsdMixer

__all__ = ["KERNEL", "MIXER"]
