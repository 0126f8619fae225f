"""A policy from a Hugging Face folder, ready to be learned with: dtype, attention layout, head, experts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.utils import logging

from rlhf.attention.backends import Backend
from rlhf.attention.implementations import implement
from rlhf.models.hybrid import model as hybrid
from rlhf.models.hybrid.layers import can_go_on, mixers_of
from rlhf.models.moe import choose_experts_implementation

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
Layout = Literal["packed", "padded"]
ROUNDING = 1e-2  # of bfloat16 logits, relative


@dataclass(frozen=True, slots=True)
class LoadedPolicy:
    """notices: what a user should know of the layout. shares: a prompt may be run once for all its responses."""

    model: Any
    layout: Layout
    notices: tuple[str, ...]
    shares: bool = True


def choose_layout(packing: str, config: Any, packable: tuple[str, ...]) -> tuple[Layout, str]:
    """(layout, notice) for `policy.packing`; ValueError where packing was asked for and is not proven."""
    obstacle = ""
    if config.model_type not in packable:
        obstacle = f"{config.model_type} is not on the tested list ({', '.join(packable)})"
    elif getattr(config, "use_sliding_window", False) and getattr(config, "sliding_window", None):
        obstacle = f"its attention has a sliding window of {config.sliding_window} tokens"
    if packing == "padded":
        return "padded", ""
    if not obstacle:
        return "packed", ""
    if packing == "packed":
        raise ValueError(f"policy.packing: packed cannot be had: {obstacle}; write policy.packing: auto or padded")
    return "padded", f"sequences are padded, not packed: {obstacle}"


def load_policy(
    folder: str | Path,
    dtype: str,
    packing: str,
    *,
    packable: tuple[str, ...],
    packed_name: str,
    device: str = "cpu",
    backend: Backend = "auto",
) -> LoadedPolicy:
    """Load, choose the layout, check that the head can be computed apart from the model.

    packable: model types that may be packed; packed_name: the registered attention function that packs them. backend:
    what computes kernels that are not softmax.
    """
    folder = Path(folder)
    if not (folder / "config.json").is_file():
        raise FileNotFoundError(f"{folder}: no config.json; policy.model must be a folder in Hugging Face format")
    hybrid.register()
    layout, notice = choose_layout(packing, AutoConfig.from_pretrained(folder), packable)
    with _without_progress_bars():
        model, report = AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=DTYPES[dtype],
            attn_implementation=packed_name if layout == "packed" else "sdpa",
            output_loading_info=True,
        )
    if lacking := sorted(report["missing_keys"]):
        raise ValueError(f"{folder}: its weights lack {', '.join(lacking[:5])}{' and more' * (len(lacking) > 5)}")
    logit_scale(model)  # whoever cannot be learned with is refused here
    choose_experts_implementation(model, device)
    notices = [notice] if notice else []
    if not (shares := can_go_on(model)):
        notices.append("prompts are run once for every response: an attention kernel cannot go on from a state")
    notices += implement(mixers_of(model).values(), "cpu" if device == "cpu" else "gpu", backend)
    return LoadedPolicy(model.to(device), layout, tuple(notices), shares)


@contextmanager
def _without_progress_bars() -> Iterator[None]:
    """A rank's loading bar would run across the live view."""
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def logit_scale(model: Any) -> float:
    """What the model multiplies its output layer's result by to get logits (Granite and Falcon-H1 do); else 1.

    Raises ValueError if the model does anything else to its hidden states: some architectures cap the logits in their
    own forward, and learning with the bare layer would be wrong without a word. So both are computed once and compared.
    """
    training = model.training
    model.eval()
    ids = torch.arange(1, 9, device=next(model.parameters()).device)[None] % model.config.vocab_size
    with torch.no_grad():
        logits = model(input_ids=ids, use_cache=False).logits.float()
        hidden = model.base_model(input_ids=ids, use_cache=False).last_hidden_state
        bare = model.get_output_embeddings()(hidden).float()
    model.train(training)
    scale = float((logits * bare).sum() / bare.square().sum().clamp(min=torch.finfo(torch.float32).tiny))
    scale = 1.0 if abs(scale - 1.0) < ROUNDING else scale
    gap = (logits - scale * bare).abs().max()
    if not scale > 0.0 or not bool(gap <= ROUNDING * logits.abs().max()):
        raise ValueError(
            f"{model.config.model_type}: the model's logits are not its output layer applied to its hidden states"
            f" (largest difference {float(gap):.3g}); this architecture cannot be learned with"
        )
    return scale
