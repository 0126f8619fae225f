"""`run_oracle(name, inputs)`: the worked numbers of spec/oracles.json from the project's own functions, in float64.

Each key of the file that the project implements has a function in one of the tables of `tests/oracle_parts/`; it gives
what the entry's `expected` holds. Where an entry says `"batch": "_batch"` the shared batch of the file is taken; any
mapping of the same form is accepted in its place.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from tests.oracle_parts import advantages, corrections, losses, rules

SPEC = Path(os.environ.get("LONGTHOUGHT_SPEC") or Path(__file__).resolve().parent)
ORACLES = {**advantages.ORACLES, **corrections.ORACLES, **losses.ORACLES, **rules.ORACLES}
NOT_YET = frozenset(
    {
        "dpo",
        "model_merge",
        "long2short_select",
        "llama2_rm_margin",
        "llama2_reward",
        "llama2_best_of_k",
        "seed_pairwise_genrm",
        "seed_won_filter",
        "kimi_testcase_filter",
        "r3_replay",
    }
)


@cache
def entries() -> dict[str, Any]:
    """The file, by name."""
    return json.loads((SPEC / "oracles.json").read_text())


def run_oracle(name: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """What `expected` of the entry holds. NotImplementedError for parts that are not asked for yet; KeyError else."""
    if name in NOT_YET:
        raise NotImplementedError(f"{name} is not part of the project yet")
    return ORACLES[name](_with_batch(inputs))


def _with_batch(inputs: Mapping[str, Any]) -> dict[str, Any]:
    batch = inputs.get("batch")
    if batch is None:
        return dict(inputs)
    shared = entries()[batch]["inputs"] if isinstance(batch, str) else batch
    return {**shared, **{key: value for key, value in inputs.items() if key != "batch"}}
