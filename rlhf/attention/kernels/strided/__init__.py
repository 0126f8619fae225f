"""The strided pattern: the last tokens, and every stride-th one before.

Child, Gray, Radford, Sutskever, "Generating Long Sequences with Sparse Transformers", 2019 (arXiv 1904.10509), section
4.2: A_i^(1) = {i - local + 1, ..., i} and A_i^(2) = {j <= i: (i - j) mod stride = 0}, here merged in one head (section
4.3, eq. 6, "merged heads").

    out_i = sum_{j in A_i} exp(q_i . k_j / sqrt(d)) v_j / sum_{j in A_i} exp(q_i . k_j / sqrt(d)),
    A_i = A_i^(1) u A_i^(2)

It needs the keys and values of all tokens, so its state grows; the learner has it, engines do not.
"""

from rlhf.attention.kernels.strided.extras import StridedExtras, extras_of
from rlhf.attention.kernels.strided.mixer import KERNEL, StridedMixer

MIXER = StridedMixer

__all__ = ["KERNEL", "MIXER", "StridedExtras", "extras_of"]
