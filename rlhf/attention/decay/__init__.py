"""Linear attention whose state decays by a scalar a token: the shared core of lightning, retention, ssd and,
with nothing decaying, linear.

    state_t = exp(log_decay_t) state_{t-1} + k_t v_t^T          out_t = scale q_t . state_t

`definition` is quadratic, or one step; `decayed` in `core` the same over chunks, with a gradient written by hand in
`passes`: `plan` cuts packed sequences into pieces that fit a cache, `factors` makes the decays within a piece,
`operands` fetches its queries, keys and values, `recurrence` carries its states.
"""

from rlhf.attention.decay.core import decayed
from rlhf.attention.decay.definition import decayed_by_definition, decayed_step

__all__ = ["decayed", "decayed_by_definition", "decayed_step"]
