"""The gated delta rule: a state that decays, and in which a token replaces what is stored at its key.

Yang, Kautz, Hatamizadeh, "Gated Delta Networks: Improving Mamba2 with Delta Rule", 2024 (arXiv 2412.06464), sec. 3.1
(recurrence) and sec. 3.3 (chunks); the UT transform is that of Yang, Wang, Zhang, Shen, Kim, "Parallelizing Linear
Transformers with the Delta Rule over Sequence Length", 2024 (arXiv 2406.06484), sec. 3.

    S_t = a_t (I - b_t k_t k_t^T) S_{t-1} + b_t k_t v_t^T      S [d, e], a_t in (0, 1], b_t in [0, 1]
    out_t = scale * q_t S_t

Keys of length 1 keep the state bounded. The mixer gives such keys; the kernel takes them as they are.
"""

from rlhf.attention.kernels.gated_delta.mixer import KERNEL, GatedDeltaMixer

MIXER = GatedDeltaMixer

__all__ = ["KERNEL", "MIXER"]
