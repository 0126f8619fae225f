"""Lightning attention: linear attention with a fixed exponential decay in every head, and no denominator.

Qin et al., "The Devil in Linear Transformer" (TransNormer, arXiv 2210.10340): a norm of the output in place of the
denominator; "TransNormerLLM" (arXiv 2307.14995), sec. 3.1: a decay of its own for every head and layer, here with the
slopes of ALiBi (arXiv 2108.12409), as its authors' released code has them, not its eq. 5; "Various Lengths, Constant
Speed" (Lightning Attention, arXiv 2405.17381), alg. 1 and 2: the chunks.

    out_i = scale * sum_{j <= i} exp(log_decay (i - j)) (q_i . k_j) v_j
"""

from rlhf.attention.kernels.lightning.mixer import KERNEL, LightningMixer

MIXER = LightningMixer

__all__ = ["KERNEL", "MIXER"]
