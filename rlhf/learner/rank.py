"""One learner rank: a DeepSpeed engine that learns from packed micro-batches. Ray-free; `cluster/` wraps it.

All methods but `close` are collective: every rank calls them, in the same order, with the same arguments.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor

from rlhf.learner.attention import NAME, PACKABLE, register
from rlhf.learner.checkpoint import TAG, read_rank_state, write_rank_state
from rlhf.learner.config import deepspeed_config, learning_rate_at, parameter_groups
from rlhf.learner.engine import Engine, join_group, leave_group
from rlhf.learner.layout import MicroBatch, build
from rlhf.learner.metrics import Tally, step_metrics
from rlhf.learner.objective import StepOptions, mean_nll, micro_objective
from rlhf.learner.packing import StepPlan, plan_step
from rlhf.learner.policy import PolicyModule
from rlhf.learner.router import RouterMonitor, RouterTerm
from rlhf.learner.spec import LearnerSpec, LossFn, OldLogprobs, Stage, StepResult
from rlhf.learner.weights import export_folder, gathered_weights
from rlhf.models.load import load_policy
from rlhf.models.moe import moe_block_classes
from rlhf.types import Batch, TrainSequence


class LearnerRank:
    """Loads the policy, joins the process group (gloo on a CPU, nccl on a GPU) and builds the engine.

    notices: what a user should be told, e.g. that this architecture is padded and why.
    """

    def __init__(self, spec: LearnerSpec) -> None:
        self.spec = spec
        torch.set_num_threads(spec.threads)
        random.seed(spec.seed)
        np.random.seed(spec.seed)
        torch.manual_seed(spec.seed)
        register()
        learner = spec.learner
        policy = load_policy(
            spec.model_dir,
            spec.policy.dtype,
            spec.policy.attention,
            packable=PACKABLE,
            packed_name=NAME,
            device=spec.device,
        )
        self.model = policy.model
        self.layout = policy.layout
        self.notices: tuple[str, ...] = (policy.notice,) if policy.notice else ()
        if learner.gradient_checkpointing:
            self.model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        self._stage = Stage(learner.learning_rate, learner.warmup_steps, learner.weight_decay)
        self._router = RouterMonitor(self.model)
        self.mixture_of_experts = bool(moe_block_classes(self.model))
        module = PolicyModule(self.model, learner.logit_chunk).train()
        config = deepspeed_config(
            learner,
            spec.policy.dtype,
            spec.device,
            sum(p.numel() for p in module.parameters()),
            moe_block_classes(self.model),
        )
        join_group(spec)
        try:
            self._engine = Engine(module, config, parameter_groups(module, learner.weight_decay), spec.world_size)
        except BaseException:
            leave_group()
            raise
        self._closed = False

    # -- learning ---------------------------------------------------------------------------------------------

    def update(
        self,
        batch: Batch,
        loss: LossFn,
        *,
        old_logprobs: OldLogprobs = "behaviour",
        entropy_gradient: bool = False,
    ) -> StepResult:
        """One optimizer step on the whole batch; every rank gets the whole batch and takes its share.

        loss: called once a micro-batch. old_logprobs: `recomputed` hands the loss the forward's own
        log-probabilities, detached (with one update a batch they are those of the weights before it).
        entropy_gradient: hand the loss the entropy with its gradient (`entropy_BT`), else None.
        Raises NonFiniteError before anything is changed.
        """
        return self._step(batch, loss, StepOptions(old_logprobs, entropy_gradient, compare=True))

    def sft_step(self, sequences: Sequence[TrainSequence]) -> StepResult:
        """One step on the mean negative log-likelihood of the masked response tokens, nats a token."""
        return self._step(Batch.of(sequences), mean_nll, StepOptions("recomputed", False, compare=False))

    def start_stage(self, learning_rate: float, warmup_steps: int, weight_decay: float) -> None:
        """Begin another stage with the weights as they are: moments and step counter at zero, a new schedule."""
        self._stage = Stage(learning_rate, warmup_steps, weight_decay)
        self._engine.decay_matrices(weight_decay)
        self._engine.reset_moments()

    def _step(self, batch: Batch, loss: LossFn, options: StepOptions) -> StepResult:
        if batch.global_tokens <= 0:
            raise ValueError(f"none of the {len(batch.sequences)} sequences of the batch has a token to learn from")
        tally = Tally()
        plan = self._plan(batch.sequences)
        micros = self._micro_batches(plan, batch.sequences)
        router = RouterTerm(self._router, self.spec.learner.router_aux_coef, batch.sequences)
        if router.needs_counting(len(micros)):
            with tally.seconds("counting"):
                self._count_experts(micros, router)
        for i, micro in enumerate(micros):
            share = micro_objective(self._engine, self._router, micro, batch, loss, options, router, tally)
            with tally.seconds("backward"):
                self._engine.backward(share, last=i == len(micros) - 1)
        stage = self._stage
        rate = learning_rate_at(stage.step, stage.learning_rate, stage.warmup_steps)
        with tally.seconds("optimizer"):
            norm = self._engine.step(rate)
        stage.step += 1
        sums, maxima = tally.reduced()
        metrics = step_metrics(sums, maxima, batch.global_tokens, batch.global_sequences)
        metrics |= router.metrics() | {
            "learner/micro_batches": float(plan.micro_batches),
            "learner/imbalance": plan.imbalance(self._hidden),
        }
        return StepResult(stage.step, sums["objective"], norm, rate, metrics)

    def _count_experts(self, micros: Sequence[MicroBatch], router: RouterTerm) -> None:
        with torch.no_grad():
            for micro in micros:
                with self._router.recording() as record:
                    self._engine(micro, 1.0, head=False)
                router.count(record, micro)
        router.finish_counting()

    def logp(self, sequences: Sequence[TrainSequence], temperature: float = 1.0) -> list[np.ndarray]:
        """Log-probability of each response token, float32 [R] per sequence, in order; on every rank."""
        found: dict[int, np.ndarray] = {}
        with torch.no_grad():
            for micro in self._micro_batches(self._plan(sequences), sequences):
                logp_N, _ = self._engine(micro, temperature)
                rows = logp_N.cpu().numpy()
                for member in micro.members:
                    length = len(sequences[member].response_ids_R)
                    found[member], rows = rows[:length].copy(), rows[length:]
        if self.spec.world_size > 1:
            everyone: list[dict[int, np.ndarray]] = [{}] * self.spec.world_size
            dist.all_gather_object(everyone, found)
            found = {k: v for part in everyone for k, v in part.items()}
        return [found[i] for i in range(len(sequences))]

    @property
    def _hidden(self) -> int:
        return int(self.model.config.hidden_size)

    def _plan(self, sequences: Sequence[TrainSequence]) -> StepPlan:
        learner = self.spec.learner
        return plan_step(
            sequences,
            self.spec.world_size,
            learner.token_budget,
            hidden=self._hidden,
            share_prompts=learner.share_prompts,
            padded=self.layout == "padded",
        )

    def _micro_batches(self, plan: StepPlan, sequences: Sequence[TrainSequence]) -> list[MicroBatch]:
        share, padded, device = self.spec.learner.share_prompts, self.layout == "padded", self.spec.device
        micros = plan.ranks[self.spec.rank]
        return [build(m, sequences, padded=padded, device=device, share=share) for m in micros]

    # -- weights and state ------------------------------------------------------------------------------------

    def named_weights(
        self, dtype: torch.dtype | None = None, device: str = "cpu", every_rank: bool = False
    ) -> Iterator[tuple[str, Tensor]]:
        """(name in the checkpoint, a copy of the tensor), one layer at a time, named as save_pretrained does.

        dtype: of floating tensors; default as they are. Unless every_rank, nothing is yielded on ranks other than
        0, which must exhaust the iterator all the same: under ZeRO-3 each layer is gathered from all of them.
        """
        return gathered_weights(self._engine, self.model, every_rank or self.spec.rank == 0, dtype, device)

    def export_hf(self, folder: str | Path, tokenizer: Any = None) -> None:
        """A folder that transformers and vLLM load, written by rank 0."""
        export_folder(self._engine, self.model, self.spec.rank, Path(folder), tokenizer)

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
            self._router.close()
            self._engine.close()
            leave_group()
