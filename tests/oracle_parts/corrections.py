"""Train-inference mismatch: weights, rejection and statistics around DAPO's token loss."""

from __future__ import annotations

from typing import Any

from rlhf.algorithms.catalog import CATALOG
from rlhf.algorithms.corrections import Corrected, Mismatch, correct
from rlhf.algorithms.definition import Correction
from rlhf.algorithms.loss_types import LossInputs
from rlhf.algorithms.policy_loss import policy_loss
from tests.oracle_parts.tensors import plain, t

Inputs = dict[str, Any]


def _loss(i: Inputs, found: Corrected) -> float:
    """DAPO's, of the rows with what the correction made of mask and weights."""
    inputs = LossInputs(
        logp_BT=t(i["new_logp"]),
        old_logp_BT=t(i["old_logp"]),
        advantage_BT=t(i["adv"])[:, None] * t(i["mask"]),
        mask_BT=found.mask_BT,
        global_tokens=float(found.mask_BT.sum()),
        global_sequences=int(found.mask_BT.any(1).sum()),
        weight_BT=found.weight_BT,
    )
    return float(policy_loss(inputs, CATALOG["dapo"], 1.0).loss)


def mismatch(i: Inputs) -> Inputs:
    found = Mismatch.of(t(i["old_logp"]), t(i["rollout_logp"]), t(i["mask"]))
    (low, high), cap, seq_cap = i["icepop"], i["C"], i["C_seq"]
    tis = Correction("token_tis", high=cap)
    within = {"reject": "geometric", "reject_low": i["geo_band"][0], "reject_high": i["geo_band"][1]}
    asked = {
        "none": Correction(),
        "token_tis": tis,
        "icepop": Correction("token_mis", low, high),
        "token_mis_upper_only": Correction("token_mis", 0.0, cap),
        "seq_tis": Correction("sequence_tis", high=seq_cap),
        "seq_mis": Correction("sequence_mis", high=seq_cap),
        "geo_rs": Correction(**within),
        "geo_rs_token_tis": Correction("token_tis", high=cap, **within),
        "token_tis_batchnorm": Correction("token_tis", high=cap, normalise=True),
    }
    corrected = {name: correct(found, rules) for name, rules in asked.items()}
    weight = {name: of_it.weight_BT for name, (of_it, _) in corrected.items()}
    facts = corrected["token_tis"][1]
    return {
        **{name: _loss(i, of_it) for name, (of_it, _) in corrected.items()},
        "rho": plain(found.rho_BT),
        "token_tis_w": plain(weight["token_tis"]),
        "icepop_w": plain(weight["icepop"]),
        "seq_ratio": plain(found.sequence_rho_B),
        "geo_ratio": plain(found.geometric_rho_B),
        "geo_keep": [bool(x) for x in corrected["geo_rs"][0].mask_BT.any(1)],
        "k3_per_seq": plain(found.k3_B),
        "k3_kl_rollout_old": facts["mismatch/kl"],
        "tis_batchnorm_factor": facts["correction/weight_mean"],
        "ess_token": facts["correction/effective_sample_size"],
        "F_tau2": facts["mismatch/beyond_2x"],
    }


ORACLES = {"mismatch": mismatch}
