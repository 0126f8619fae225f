"""Causal softmax attention over the last `window` tokens, the current one included.

Beltagy, Peters, Cohan, "Longformer: The Long-Document Transformer", 2020 (arXiv 2004.05150), section 3.1, in the
causal form of Jiang et al., "Mistral 7B", 2023 (arXiv 2310.06825), section 2.

    out_i = sum_{i - window < j <= i} softmax_j(scale q_i . k_j) v_j

The state is Mistral's rolling buffer: the token at position p, counted from the sequence's start, lies in slot
p mod window. So a step overwrites one slot and moves nothing, and the same past leaves the same state however it was
read in. (window - 1 slots would do; with one more a step attends over the buffer as it stands, without a copy.)
"""

from rlhf.attention.kernels.sliding_window.extras import extras_of
from rlhf.attention.kernels.sliding_window.mixer import KERNEL, SlidingWindowMixer

MIXER = SlidingWindowMixer

__all__ = ["KERNEL", "MIXER", "extras_of"]
