"""FLASH: a gated attention unit with mixed chunk attention.

Hua, Dai, Liu, Le, "Transformer Quality in Linear Time", 2022 (arXiv 2202.10447), sections 2 and 3, causal form. A
sequence is cut from its start into chunks of C tokens, which is part of what is computed and not only of how. A token
attends by squared relu to the tokens of its own chunk up to itself, and linearly to all chunks completed before:

    out_i = 1 / C        sum_{j <= i, in i's chunk}         relu(q_i . k_j / sqrt(d))^2 v_j
          + 1 / (C n_i)  sum_{j in the n_i chunks before}   (q'_i . k'_j / sqrt(d)) v_j

q, k serve inside the chunk; q', k' (`q_linear`, `k_linear`) across chunks; all four come from one shared
representation (the mixer). The constants: both parts are divided by the number of tokens that they can reach, so that
neither grows with the sequence. Division of the linear sum by C alone, as is common, lets it grow with every chunk
whose values share a direction; by the whole sequence's length, a token would have to know the future. C n_i, the
number of tokens summed, is known to the token. 1 / sqrt(d) keeps scores of normalised q and k near 1 whatever d.

A token that completes its chunk does not yet see it linearly, only by squared relu; the next token does.
"""

from rlhf.attention.kernels.flash.mixer import KERNEL, FlashMixer

MIXER = FlashMixer

__all__ = ["KERNEL", "MIXER"]
