"""What a learner rank is told at its start, what a step answers, and how it fails."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from rlhf.recipe.schema import LearnerConfig, PolicyConfig

if TYPE_CHECKING:
    from rlhf.algorithms.loss_types import LossInputs, LossOutput

LossFn = Callable[["LossInputs"], "LossOutput"]
OldLogprobs = Literal["behaviour", "recomputed"]


@dataclass(frozen=True, slots=True)
class LearnerSpec:
    """Everything that one rank needs; the same on every rank but for `rank`.

    model_dir: a local folder in Hugging Face format. device: `cpu`, or `cuda:N` of this process.
    master_addr, master_port: where rank 0 listens (unused with one rank). threads: of this rank on a CPU.
    weight_transfer: `shared_memory`, `nccl` or `ipc`. engine_workers: processes of one engine. reference: keep a
    reference policy beside the policy.
    """

    policy: PolicyConfig
    learner: LearnerConfig
    model_dir: str
    seed: int = 0
    device: str = "cpu"
    rank: int = 0
    world_size: int = 1
    master_addr: str = "127.0.0.1"
    master_port: int = 0
    threads: int = 1
    weight_transfer: str = "shared_memory"
    engine_workers: int = 1
    reference: bool = False


@dataclass(frozen=True, slots=True)
class StepResult:
    """One optimizer step; the same on every rank.

    step: number of updates since the stage began, this one included. loss: of the whole batch, router loss
    included. grad_norm: before clipping. metrics: see `metrics.py`, every value a float.
    """

    step: int
    loss: float
    grad_norm: float
    lr: float
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(slots=True)
class Stage:
    """The schedule and where it stands; saved with a checkpoint."""

    learning_rate: float
    warmup_steps: int
    weight_decay: float
    step: int = 0


class NonFiniteError(RuntimeError):
    """The loss or the gradient is NaN or infinite. Weights, moments and the step counter are as before the call."""
