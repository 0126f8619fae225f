"""The recipe's learner section as a DeepSpeed configuration, its parameter groups and its learning rate."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import nn

from rlhf.recipe.schema import Dtype, LearnerConfig

BUCKET = 50_000_000  # elements at most; DeepSpeed's default of 5e8 is allocated whole, at a gigabyte and more


def deepspeed_config(
    learner: LearnerConfig, dtype: Dtype, device: str, parameters: int, leaf_classes: Iterable[type] = ()
) -> dict[str, Any]:
    """One micro-batch a 'step' as DeepSpeed counts; the learner moves the accumulation boundary by hand.

    parameters: of the model, which bounds the communication buffers. Gradients add up in float32: in bfloat16 the
    small ones of a long accumulation would be rounded away. DeepSpeed cannot do that without ZeRO, so ZeRO-0 in
    bfloat16 is the one case whose gradients add up in bfloat16.
    """
    bucket = min(BUCKET, max(parameters + parameters % 2, 2))  # an even number, or DeepSpeed refuses it
    bf16 = dtype == "bfloat16"
    zero: dict[str, Any] = {
        "stage": learner.zero_stage,
        "reduce_bucket_size": bucket,
        "allgather_bucket_size": bucket,
        "overlap_comm": device != "cpu" and learner.zero_stage > 0,
        "contiguous_gradients": True,
    }
    if learner.zero_stage == 3:
        zero["stage3_prefetch_bucket_size"] = bucket
        zero["leaf_module"] = {"classes": [f"{c.__module__}.{c.__qualname__}" for c in leaf_classes]}
    if learner.offload_optimizer and learner.zero_stage > 0:
        zero["offload_optimizer"] = {"device": "cpu"}
    optimizer: dict[str, Any] = {
        "lr": learner.learning_rate,
        "betas": list(learner.betas),
        "eps": learner.adam_eps,
        "weight_decay": learner.weight_decay,
    }
    if device == "cpu":
        optimizer["torch_adam"] = True  # DeepSpeed's own would be compiled at the first run
    config: dict[str, Any] = {
        "train_micro_batch_size_per_gpu": 1,
        "gradient_accumulation_steps": 1,
        "steps_per_print": 10**9,
        "gradient_clipping": learner.gradient_clip,
        "optimizer": {"type": "AdamW", "params": optimizer},
        "bf16": {"enabled": bf16, "check_grad_overflow": True} if bf16 else {"enabled": False},
        "zero_optimization": zero,
    }
    if bf16 and learner.zero_stage > 0:
        config["data_types"] = {"grad_accum_dtype": "fp32"}
    return config


def parameter_groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Matrices decay, vectors (norms, biases) do not; what is frozen is left out.

    Both groups exist wherever there is a vector to learn, so checkpoints look the same. (Adapters are matrices alone,
    and DeepSpeed refuses an empty group.)
    """
    learned = [p for p in model.parameters() if p.requires_grad]
    matrices, vectors = [p for p in learned if p.ndim >= 2], [p for p in learned if p.ndim < 2]
    groups = [{"params": matrices, "weight_decay": weight_decay}, {"params": vectors, "weight_decay": 0.0}]
    return [group for group in groups if group["params"]]


def learning_rate_at(step: int, learning_rate: float, warmup_steps: int) -> float:
    """Of update number `step`, counted from 0: linear from learning_rate / warmup_steps, then constant."""
    return learning_rate * min(1.0, (step + 1) / warmup_steps) if warmup_steps else learning_rate
