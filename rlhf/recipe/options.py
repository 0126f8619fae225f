"""An evaluation's recipe composed from the options of `rlhf eval`: checked like a file's, faults naming the option."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from rlhf.recipe.devices import Devices
from rlhf.recipe.eval_schema import EvalRecipe
from rlhf.recipe.findings import Finding
from rlhf.recipe.load import LoadedEval, checked_eval
from rlhf.recipe.problems import Problem, RecipeError, dotted, explain

OPTIONS: Mapping[str, str] = {
    "policy.model": "MODEL",
    "policy.revision": "--revision",
    "policy.dtype": "--dtype",
    "evaluation.benchmarks": "--benchmark",
    "evaluation.benchmarks.limit": "--limit",
    "evaluation.data_dir": "--data-dir",
    "evaluation.errata": "--errata",
    "evaluation.samples": "--samples",
    "evaluation.pass_at": "--pass-at",
    "evaluation.temperature": "--temperature",
    "evaluation.top_p": "--top-p",
    "evaluation.top_k": "--top-k",
    "evaluation.min_p": "--min-p",
    "evaluation.max_response_tokens": "--max-tokens",
    "evaluation.thinking_tokens": "--thinking-tokens",
    "evaluation.thinking_end": "--thinking-end",
    "evaluation.system_prompt": "--system-prompt",
    "evaluation.chat_template": "--chat-template",
    "evaluation.template_options": "--template-options",
    "evaluation.seed": "--seed",
    "engines.engines": "--engines",
    "engines.tensor_parallel": "--tensor-parallel",
    "engines.max_concurrent_sequences": "--concurrent",
    "verify.workers": "--verify-workers",
    "out": "--out",
}
"""By the recipe's key, without the indices of lists."""

_KEY = re.compile(r"\b(?:policy|evaluation|engines|verify)(?:\.\w+)+(?:: (?=[\w.]))?")


def option_of(key: str) -> tuple[str | None, str]:
    """The option of a key, or of the nearest above it, and what is left of the key below that.

    `evaluation.pass_at.1` → `--pass-at`; `evaluation.benchmarks.0.file` → `--benchmark` and `file`.
    """
    parts = [part for part in key.split(".") if not part.isdecimal()]
    for end in range(len(parts), 0, -1):
        if (option := OPTIONS.get(".".join(parts[:end]))) is not None:
            return option, ".".join(parts[end:])
    return None, key


def in_options(text: str) -> str:
    """A finding's message as an option's: `write evaluation.samples: 4` → `write --samples 4`."""

    def spelled(match: re.Match[str]) -> str:
        colon = match[0].endswith(": ")
        option, rest = option_of(match[0].removesuffix(": "))
        if option is None or rest:  # the key of a benchmark's own entry, which its file says
            return rest + (": " if colon else "")
        return option + (" " if colon else "")

    return _KEY.sub(spelled, text)


def eval_from_options(data: Mapping[str, Any], devices: Devices | None = None) -> LoadedEval:
    """data: an evaluation's recipe as nested keys. Raises RecipeError with every fault, by option."""
    try:
        recipe = EvalRecipe.model_validate_json(json.dumps({"kind": "eval", **data}))
    except ValidationError as error:
        faults = [
            Finding(dotted(tuple(e["loc"])), explain(e, EvalRecipe), fatal=True)
            for e in error.errors(include_url=False)
        ]
        raise RecipeError([_placed(fault) for fault in faults]) from None
    return checked_eval(recipe, _placed, devices)


def _placed(finding: Finding) -> Problem:
    option, rest = option_of(finding.key)
    return Problem("" if option and rest == "name" else rest, in_options(finding.message), option or "")
