"""`reward_model`: how well a response reads, by any Hugging Face sequence-classification checkpoint.

For prompts that have no gold answer (Seed1.5-Thinking 2504.13914, DeepSeek-R1 2501.12948: on general data, beside the
rules). Its verdicts are a degree: status `wrong` with the score as partial credit, `correct` only at 1.
"""

from __future__ import annotations

import re
import sys
import uuid
from functools import lru_cache
from pathlib import Path
from typing import Any

from verifiers.base import Sample, Verdict
from verifiers.registry import verifier

_BELOW_ONE = 1.0 - 1e-6


def _prepare(model: str, **_: object) -> None:
    _loaded(model)


@verifier(
    "reward_model", summary="the score of a sequence-classification model", needs_reference=False, prepare=_prepare
)
def reward_model_verifier(sample: Sample, model: str, max_tokens: int = 4096, think_close: str = "</think>") -> Verdict:
    """sigmoid of a model with one label, else the probability of its last label; of the answer without its thinking."""
    answer = sample.response.rpartition(think_close)[2] if think_close else sample.response
    if not answer.strip():
        return Verdict.unparsed("nothing follows the thinking part")
    return Verdict.wrong(score=min(_loaded(model).score(sample.prompt, answer, max_tokens), _BELOW_ONE))


class _RewardModel:
    def __init__(self, name: str) -> None:
        import torch
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        path = Path(name).expanduser()
        source = str(path) if path.is_dir() else name
        # Weights from safetensors alone: a pickle would run what its author pleases.
        self._model: Any = AutoModelForSequenceClassification.from_pretrained(source, use_safetensors=True)
        self._tokenizer: Any = AutoTokenizer.from_pretrained(source)
        self._model.eval()
        readable = getattr(self._model.config, "max_position_embeddings", None)
        self._longest = min(readable or sys.maxsize, self._tokenizer.model_max_length)
        torch.set_num_threads(1)  # a worker is one of several on its node

    def score(self, prompt: str, answer: str, max_tokens: int) -> float:
        import torch

        ids = self._ids(prompt, answer)[: min(max_tokens, self._longest)]
        with torch.no_grad():
            logits = self._model(input_ids=torch.tensor([ids])).logits[0].float()
        degree = logits[0].sigmoid() if len(logits) == 1 else logits.softmax(0)[-1]
        return float(degree)

    def _ids(self, prompt: str, answer: str) -> list[int]:
        """In neither text does the spelling of a control token stand for it: an answer could else end its own turn, and
        go on as somebody who praises it."""
        if not self._tokenizer.chat_template:
            return list(self._tokenizer(f"{prompt}\n\n{answer}", split_special_tokens=True)["input_ids"])
        holes = {uuid.uuid4().hex: text for text in (prompt, answer)}
        roles = zip(("user", "assistant"), holes, strict=True)
        shown = self._tokenizer.apply_chat_template([{"role": r, "content": h} for r, h in roles], tokenize=False)
        ids: list[int] = []
        for part in re.split(f"({'|'.join(holes)})", shown):
            text, is_control = (holes[part], False) if part in holes else (part, True)
            ids += self._tokenizer(text, add_special_tokens=False, split_special_tokens=not is_control)["input_ids"]
        return ids


@lru_cache(maxsize=2)
def _loaded(name: str) -> _RewardModel:
    """In a worker's process, once."""
    return _RewardModel(name)
