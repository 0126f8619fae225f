"""Transformer-VQ: softmax attention over keys that are rounded to a codebook, in linear time.

Lingle, "Transformer-VQ: Linear-Time Transformers via Vector Quantization", 2023 (arXiv 2309.16354), theorem 3.7 and
section 3.4. With codes C_1 .. C_n, c(j) the code nearest to key j, and k^_j = C_c(j),

    out_i = sum_{j <= i} exp(s q_i . k^_j) v_j / sum_{j <= i} exp(s q_i . k^_j)
          = sum_c exp(s q_i . C_c) V_ic / sum_c exp(s q_i . C_c) n_ic,     n_ic, V_ic: number and sum of values of the
                                                                            keys j <= i whose code is c.

The rounding passes gradients as if it were not there ("straight through"), but only from queries in the key's own
block of tokens; what is older reaches a query through sums, which hold no keys. The codes take no gradient: an
exponential moving average moves them (`ema.py`), and the commitment loss draws keys to their codes.
"""

from rlhf.attention.kernels.vq.mixer import KERNEL, VqMixer

MIXER = VqMixer

__all__ = ["KERNEL", "MIXER"]
