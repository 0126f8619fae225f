"""Linear attention whose state decays by a scalar a token: the shared core of lightning, retention and ssd in chunks.

    state_t = exp(log_decay_t) state_{t-1} + k_t v_t^T          out_t = q_t . state_t

`decayed` in `core` is the function, with a gradient written by hand; `plan` cuts packed sequences into pieces that fit
a cache, `factors` makes the decays within a piece, `operands` fetches its queries, keys and values.
"""

from rlhf.attention.decay.core import decayed

__all__ = ["decayed"]
