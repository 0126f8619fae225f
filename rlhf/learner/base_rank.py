"""What every rank of a DeepSpeed learner has, the policy's and the critic's: model, engine, plan, schedule, state."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn

from rlhf.learner.attention import NAME, PACKABLE, register
from rlhf.learner.checkpoint import TAG, read_rank_state, write_rank_state
from rlhf.learner.config import deepspeed_config, learning_rate_at, parameter_groups
from rlhf.learner.engine import Engine, join_group, leave_group
from rlhf.learner.layout import MicroBatch, build
from rlhf.learner.lora import add_adapters
from rlhf.learner.packing import StepPlan, plan_step
from rlhf.learner.portion import portion_of
from rlhf.learner.scoring import score
from rlhf.learner.spec import LearnerSpec, Stage
from rlhf.learner.ulysses import SequenceParallel, check_shareable
from rlhf.models.hybrid.layers import mixers_of
from rlhf.models.load import LoadedPolicy, load_policy
from rlhf.models.moe import moe_block_classes
from rlhf.recipe.attention_schema import attention_backend
from rlhf.types import TrainSequence


def load(spec: LearnerSpec) -> LoadedPolicy:
    """The model of a rank, in its layout; nothing is random from here on."""
    torch.set_num_threads(spec.threads)
    random.seed(spec.seed)
    np.random.seed(spec.seed)
    torch.manual_seed(spec.seed)
    register()
    loaded = load_policy(
        spec.model_dir,
        spec.policy.dtype,
        spec.policy.packing,
        packable=PACKABLE,
        packed_name=NAME,
        device=spec.device,
        backend=attention_backend(spec.policy),
    )
    if spec.learner.lora is not None:
        add_adapters(loaded.model, spec.learner.lora)
    return loaded


class BaseRank:
    """Joins the process group (gloo on a CPU, nccl on a GPU) and builds the engine around `make_module(model)`.

    notices: what a user should be told, e.g. that this architecture is padded and why. SHARES_SEQUENCES: what a
    subclass makes of a micro-batch is right where this rank has a portion of it (see layout.py).
    """

    SHARES_SEQUENCES: ClassVar[bool] = False

    def __init__(self, spec: LearnerSpec, make_module: Callable[[Any], nn.Module]) -> None:
        self.spec = spec
        learner = spec.learner
        policy = load(spec)
        self.model = policy.model
        self.layout = policy.layout
        self.notices = policy.notices
        self._share_prompts = learner.share_prompts and policy.shares
        if (together := learner.sequence_parallel) > 1:
            if not self.SHARES_SEQUENCES:
                raise ValueError(
                    f"learner.sequence_parallel: found {together}, but sequences are not shared here; write 1"
                )
            check_shareable(policy, spec.world_size, together)
            if self._share_prompts:
                self.notices += ("prompts are run once for every response: ranks share sequences",)
            self._share_prompts = False
        if learner.zero_stage == 3 and self._share_prompts and mixers_of(self.model):
            # Ranks must gather every layer equally often, and a mixer's projections run once a level of shared prompts.
            self.notices += ("prompts are run once for every response: ZeRO-3 with attention kernels",)
            self._share_prompts = False
        if learner.gradient_checkpointing:
            self.model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        self._stage = Stage(learner.learning_rate, learner.warmup_steps, learner.weight_decay)
        leaves = moe_block_classes(self.model)
        self.mixture_of_experts = bool(leaves)
        module = make_module(self.model).train()
        parameters = sum(p.numel() for p in module.parameters())
        config = deepspeed_config(learner, spec.policy.dtype, spec.device, parameters, leaves)
        join_group(spec)
        try:
            self._parallel = SequenceParallel(spec.rank, spec.world_size, together) if together > 1 else None
            self._engine = Engine(module, config, parameter_groups(module, learner.weight_decay), spec.world_size)
        except BaseException:
            leave_group()
            raise
        self._closed = False

    def start_stage(self, learning_rate: float, warmup_steps: int, weight_decay: float) -> None:
        """Begin another stage with the weights as they are: moments and step counter at zero, a new schedule."""
        self._stage = Stage(learning_rate, warmup_steps, weight_decay)
        self._engine.decay_matrices(weight_decay)
        self._engine.reset_moments()

    def reset_optimizer(self) -> None:
        """Moments at zero; the schedule goes on."""
        self._engine.reset_moments()

    def _step_optimizer(self) -> tuple[float, float]:
        """(norm of the gradient before clipping, learning rate) of one update. NonFiniteError, and no update."""
        stage = self._stage
        rate = learning_rate_at(stage.step, stage.learning_rate, stage.warmup_steps)
        norm = self._engine.step(rate)
        stage.step += 1
        return norm, rate

    def _scores(self, sequences: Sequence[TrainSequence], run: Callable[[MicroBatch], Tensor]) -> list[np.ndarray]:
        micros = self._micro_batches(self._plan(sequences), sequences)
        return score(sequences, micros, run, self.spec.world_size)

    @property
    def _hidden(self) -> int:
        return int(self.model.config.hidden_size)

    def _plan(self, sequences: Sequence[TrainSequence]) -> StepPlan:
        learner = self.spec.learner
        return plan_step(
            sequences,
            self.spec.world_size // learner.sequence_parallel,
            learner.token_budget,
            hidden=self._hidden,
            share_prompts=self._share_prompts,
            padded=self.layout == "padded",
        )

    def _micro_batches(self, plan: StepPlan, sequences: Sequence[TrainSequence]) -> list[MicroBatch]:
        padded, device = self.layout == "padded", self.spec.device
        plans = plan.ranks[self.spec.rank // self.spec.learner.sequence_parallel]
        micros = [build(m, sequences, padded=padded, device=device, share=self._share_prompts) for m in plans]
        if self._parallel is None:
            return micros
        reach = max((mixer.lookback for mixer in mixers_of(self.model).values()), default=0)
        return [portion_of(micro, self._parallel, reach) for micro in micros]

    def save(self, folder: str | Path) -> None:
        """Weights, optimizer, schedule, RNG states of every rank; `load` restores them bit for bit."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self._engine.ds.save_checkpoint(str(folder), tag=TAG, save_latest=False)
        write_rank_state(folder, self.spec.rank, asdict(self._stage))
        dist.barrier()

    def load(self, folder: str | Path) -> None:
        """What `save` wrote, with the same number of ranks and the same ZeRO stage; FileNotFoundError, ValueError.

        The schedule goes on from its step with this learner's own learning rate, warm-up and weight decay.
        """
        folder = Path(folder)
        if not (folder / TAG).is_dir():
            raise FileNotFoundError(f"{folder}: no learner state here (a folder written by save() holds {TAG}/)")
        stage = read_rank_state(folder, self.spec.rank, self.spec.world_size)
        self._engine.ds.load_checkpoint(str(folder), tag=TAG)
        self._stage.step = stage["step"]
        self._engine.decay_matrices(self._stage.weight_decay)
        dist.barrier()

    def close(self) -> None:
        """Free the engine and leave the process group. Safe to call twice."""
        if not self._closed:
            self._closed = True
            self._engine.close()
            leave_group()
