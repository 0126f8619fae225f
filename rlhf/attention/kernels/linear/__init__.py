"""Linear attention with the feature map elu + 1.

Katharopoulos, Vyas, Pappas, Fleuret, "Transformers are RNNs", 2020 (arXiv 2006.16236), eq. 8 to 12; rotary positions
as in RoFormer (arXiv 2104.09864), eq. 19: the features are rotated in the numerator and not in the denominator.

    out_i = sum_{j <= i} (R_i phi(q_i)) . (R_j phi(k_j)) v_j / (sum_{j <= i} phi(q_i) . phi(k_j) + eps)
"""

from rlhf.attention.kernels.linear.extras import extras_of
from rlhf.attention.kernels.linear.mixer import KERNEL, LinearMixer

MIXER = LinearMixer

__all__ = ["KERNEL", "MIXER", "extras_of"]
