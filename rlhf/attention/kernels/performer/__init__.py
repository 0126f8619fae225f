"""Performer: softmax attention estimated with positive orthogonal random features (FAVOR+).

Choromanski et al., "Rethinking attention with Performers", 2020 (arXiv 2009.14794), lemma 1 and section 2.4. With
x' = x / d^(1/4) and features w_1 .. w_m, each w_f ~ N(0, I),

    phi(x)_f = exp(w_f . x' - |x'|^2 / 2) / sqrt(m),    E[phi(q) . phi(k)] = exp(q . k / sqrt(d)),
    out_i = sum_{j <= i} phi(q_i) . phi(k_j) v_j / sum_{j <= i} phi(q_i) . phi(k_j)

How overflow is kept away without changing the quotient, and why that is causal: see `extras.py`.
"""

from rlhf.attention.kernels.performer.mixer import KERNEL, PerformerMixer

MIXER = PerformerMixer

__all__ = ["KERNEL", "MIXER"]
