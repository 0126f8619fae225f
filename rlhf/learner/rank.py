"""One learner rank: a DeepSpeed engine that learns from packed micro-batches. Ray-free; `cluster/` wraps it.

All methods but `close` are collective: every rank calls them, in the same order, with the same arguments.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rlhf.learner.base_rank import BaseRank
from rlhf.learner.layout import MicroBatch
from rlhf.learner.lora import BaseWeights
from rlhf.learner.metrics import Tally, step_metrics
from rlhf.learner.objective import StepOptions, mean_nll, micro_objective
from rlhf.learner.policy import PolicyModule
from rlhf.learner.reference import Reference, current
from rlhf.learner.router import RouterTerm
from rlhf.learner.spec import LearnerSpec, LossFn, OldLogprobs, StepResult
from rlhf.learner.terms import Monitors, Terms
from rlhf.learner.weights import export_folder, gathered_weights
from rlhf.types import Batch, TrainSequence


class LearnerRank(BaseRank):
    """The policy. With `spec.reference` a reference policy stands beside it, once `take_reference` was called."""

    SHARES_SEQUENCES = True

    def __init__(self, spec: LearnerSpec) -> None:
        super().__init__(spec, lambda model: PolicyModule(model, spec.learner.logit_chunk))
        self._monitors = Monitors(self.model)
        self._reference: Reference | BaseWeights | None = None
        if spec.reference:
            adapted = spec.learner.lora is not None
            self._reference = BaseWeights(self._engine, self.model) if adapted else Reference(spec)

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

    def _step(self, batch: Batch, loss: LossFn, options: StepOptions) -> StepResult:
        if batch.global_tokens <= 0:
            raise ValueError(f"none of the {len(batch.sequences)} sequences of the batch has a token to learn from")
        tally = Tally()
        plan = self._plan(batch.sequences)
        micros = self._micro_batches(plan, batch.sequences)
        terms = Terms(self._monitors, self.spec.learner.router_aux_coef, batch.sequences, self._parallel)
        if terms.router.needs_counting(len(micros)):
            with tally.seconds("counting"):
                self._count_experts(micros, terms.router)
        for i, micro in enumerate(micros):
            share = micro_objective(self._engine, self._monitors, micro, batch, loss, options, terms, tally)
            with tally.seconds("backward"):
                self._engine.backward(share, last=i == len(micros) - 1)
        with tally.seconds("optimizer"):
            norm, rate = self._step_optimizer()
            terms.kernels.learn_outside(self._engine, self._stage.step)
        sums, maxima = tally.reduced()
        metrics = step_metrics(sums, maxima, batch.global_tokens, batch.global_sequences)
        metrics |= terms.router.metrics() | {
            "learner/micro_batches": float(plan.micro_batches),
            "learner/imbalance": plan.imbalance(self._hidden),
        }
        return StepResult(self._stage.step, sums["objective"], norm, rate, metrics)

    def _count_experts(self, micros: Sequence[MicroBatch], router: RouterTerm) -> None:
        with torch.no_grad():
            for micro in micros:
                with self._monitors.router.recording() as record:
                    self._engine(micro, 1.0, head=False)
                router.count(record, micro)
        router.finish_counting()

    def logp(self, sequences: Sequence[TrainSequence], temperature: float = 1.0) -> list[np.ndarray]:
        """Log-probability of each response token, float32 [R] per sequence, in order; on every rank."""
        return self._scores(sequences, lambda micro: self._engine(micro, temperature)[0])

    # -- the reference policy ---------------------------------------------------------------------------------

    def reference_logp(self, sequences: Sequence[TrainSequence], temperature: float = 1.0) -> list[np.ndarray]:
        """The same under the reference policy."""
        return self._scores(sequences, lambda micro: self._beside.logp(micro, temperature))

    def take_reference(self, keep: float = 0.0) -> None:
        """Make the reference keep * what it was + (1 - keep) * the policy as it is."""
        self._beside.follow(current(self._engine, self.model), keep)

    @property
    def _beside(self) -> Reference | BaseWeights:
        if self._reference is None:
            raise RuntimeError("this learner was started without a reference policy (LearnerSpec.reference)")
        return self._reference

    # -- weights and state ------------------------------------------------------------------------------------

    def named_weights(
        self, dtype: torch.dtype | None = None, device: str = "cpu", every_rank: bool = False
    ) -> Iterator[tuple[str, Tensor]]:
        """(name in the checkpoint, a copy of the tensor), one layer at a time, named as save_pretrained does.

        dtype: of floating tensors; default as they are. Unless every_rank, nothing is yielded on ranks other than
        0, which must exhaust the iterator all the same: under ZeRO-3 each layer is gathered from all of them.
        """
        wanted = every_rank or self.spec.rank == 0
        return gathered_weights(self._engine, self.model, wanted, dtype, device, self.spec.learner.lora)

    def export_hf(self, folder: str | Path, tokenizer: Any = None) -> None:
        """A folder that transformers and vLLM load, written by rank 0."""
        export_folder(self._engine, self.model, self.spec.rank, Path(folder), tokenizer, self.spec.learner.lora)

    def save(self, folder: str | Path) -> None:
        """See BaseRank; the reference too, where there is one."""
        super().save(folder)
        if self._reference is not None and self.spec.rank == 0:
            self._reference.save(Path(folder))

    def load(self, folder: str | Path) -> None:
        super().load(folder)
        if self._reference is not None:
            self._reference.load(Path(folder))

    def close(self) -> None:
        if not self._closed:
            self._monitors.close()
        super().close()
