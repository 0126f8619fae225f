"""Block-sparse attention with a choice: a query's own block, and the earlier blocks that suit it best.

Lu et al., "MoBA: Mixture of Block Attention for Long-Context LLMs", 2025 (arXiv 2502.13189), section 2.2, eq. 2 to 6.
With block(i) = i // block, the score of an earlier block b is s_ib = q_i . mean_{j in b} k_j, and

    out_i = sum_{j in A_i} exp(q_i . k_j / sqrt(d)) v_j / sum_{j in A_i} exp(q_i . k_j / sqrt(d)),
    A_i = {j <= i: block(j) = block(i)} u {j: block(j) among the `topk` highest s_ib with b < block(i)}

`topk` counts the earlier blocks alone (the paper's k counts the own block too). The choice has no gradient. It needs
the keys and values of all tokens, so its state grows; the learner has it, engines do not.
"""

from rlhf.attention.kernels.block_sparse.choice import choose_blocks
from rlhf.attention.kernels.block_sparse.extras import BlockSparseExtras, extras_of
from rlhf.attention.kernels.block_sparse.mixer import KERNEL, BlockSparseMixer

MIXER = BlockSparseMixer

__all__ = ["KERNEL", "MIXER", "BlockSparseExtras", "choose_blocks", "extras_of"]
