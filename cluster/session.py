"""One training run on Ray, from the recipe to the report: puts the parts together and takes them down again."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import shutil
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from cluster import runtime
from cluster.engine_pool import EnginePool
from cluster.learner_group import CriticGroup, LearnerGroup
from cluster.on_paper import need_of
from cluster.own_reference import OwnReference
from cluster.placement import Plan, plan
from cluster.rank_group import RankGroup
from cluster.ranks import Ranks
from cluster.ray_engine import RayEngine
from cluster.verifier_service import VerifierService
from rlhf.algorithms import resolve
from rlhf.checkpoint import Checkpoints, read_state
from rlhf.data.errors import DataError
from rlhf.data.load import PromptSets, load_prompts
from rlhf.data.sampling import make_sampler
from rlhf.evaluation import during
from rlhf.evaluation.report.build import build_report
from rlhf.evaluation.run.answer import answering_with
from rlhf.evaluation.run.prepare import Asked, prepare
from rlhf.metrics.live import LiveView, open_live_view
from rlhf.metrics.sinks import open_sinks
from rlhf.models.resolve import load_tokenizer, resolve_model
from rlhf.offending import OffendingBatchError, keep_batch
from rlhf.parts import Parts
from rlhf.protocols import ReferencePolicy
from rlhf.publication import canary_of
from rlhf.recipe.attention_schema import attention_backend
from rlhf.recipe.checks_domains import domain_faults
from rlhf.recipe.devices import devices_for, weight_transfer
from rlhf.recipe.load import recheck
from rlhf.recipe.schema import TrainRecipe
from rlhf.record import RunRecord
from rlhf.rollout.engine_options import EngineSpec
from rlhf.rollout.plugin import WEIGHT_BACKEND
from rlhf.run_folder import RunFolder, describe_run, note_in_run, open_run
from rlhf.stages.parity import check_parity
from rlhf.stages.sft import run_warmup
from rlhf.token_details import TokenTexts
from rlhf.trainer import Trainer


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended. finished: all steps were done; otherwise it was stopped and can be resumed. report: the page,
    None where it could not be built."""

    folder: Path
    report: Path | None
    finished: bool
    record: RunRecord


def train(recipe: TrainRecipe, resume: bool = False) -> Outcome:
    """Run a recipe. Raises what went wrong; every process is ended and the checkpoint of the last step kept."""
    quiet_driver(devices_for(recipe.cluster).kind)
    folder = open_run(recipe, resume)
    changed = describe_run(folder, recipe)
    view = open_live_view(recipe.trainer.steps)
    view.note(f"run folder {folder.path}")
    for line in changed:
        view.note(f"changed since it was started: {line}")
    try:
        return asyncio.run(_Session(recipe, folder, view, resume).run())
    except BaseException:
        folder.discard_if_bare()
        raise
    finally:
        view.close()


def quiet_driver(device: str | None) -> None:
    """Keep libraries from writing between the lines of the live view."""
    if device == "cpu":
        # Else DeepSpeed, which transformers imports where it is installed, looks for a GPU and says so.
        os.environ.setdefault("DS_ACCELERATOR", "cpu")
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()


def _refuse_domains(recipe: TrainRecipe, prompts: PromptSets) -> None:
    """What the recipe's check could not know where rows say their own domains."""
    for fault in domain_faults(recipe, (p.domain for p in prompts.train), (p.domain for p in prompts.heldout)):
        raise DataError(fault.key, fault.message)


class _Session:
    def __init__(self, recipe: TrainRecipe, folder: RunFolder, view: LiveView, resume: bool) -> None:
        self.recipe, self.folder, self.view = recipe, folder, view
        self.checkpoints = Checkpoints(folder.checkpoints, recipe.trainer.keep_checkpoints)
        self.checkpoint = self.checkpoints.latest() if resume else None
        self.started = time.monotonic()
        self.group: Any = None
        self.engines: EnginePool | None = None
        self.verifying: VerifierService | None = None
        self.learner: LearnerGroup | None = None
        self.critic: CriticGroup | None = None
        self.reference: ReferencePolicy | None = None
        self.benchmarks: Asked | None = None
        self.trainer: Trainer | None = None

    async def run(self) -> Outcome:
        self.view.stage("starting", "reading the model and the prompts")
        self._listen_to_signals()
        model_dir = resolve_model(self.recipe.policy, self.folder.policy, self.recipe.run.seed)
        recheck(self.recipe, model_dir)
        tokenizer = load_tokenizer(model_dir)
        prompts = load_prompts(self.recipe.data, tokenizer)
        _refuse_domains(self.recipe, prompts)
        if (evaluation := self.recipe.evaluation) is not None:
            stop, seed = self.recipe.rollout.stop, self.recipe.run.seed
            self.benchmarks = prepare(evaluation, tokenizer, stop, seed, self.view.note)
        for line in str(prompts.report).splitlines():
            self.view.note(line)
        if left_out := prompts.report.details():
            (self.folder.path / "left_out.txt").write_text("".join(f"{line}\n" for line in left_out), "utf-8")
        if len(prompts.train) < (wanted := self.recipe.trainer.prompts_per_step):
            self.view.note(f"{len(prompts.train)} prompts for {wanted} a step: some come more than once in a step")
        self.ray = runtime.connect(self.recipe.cluster)
        self.view.note("an embedded Ray" if self.ray.embedded else f"the Ray at {self.ray.address}")
        self._listen_to_signals()  # again: Ray has put handlers of its own in their place
        try:
            return await self._train(model_dir, tokenizer, prompts)
        finally:
            await self._take_down()

    async def _train(self, model_dir: Path, tokenizer: Any, prompts: PromptSets) -> Outcome:
        await self._start(model_dir, prompts)
        assert self.learner is not None
        state, groups = read_state(self.checkpoint) if self.checkpoint else (None, [])
        step = state["step"] if state else None
        sinks = open_sinks(
            self.recipe.tracking, self.folder.path, self.recipe.run.name, self.recipe.model_dump(mode="json"), step
        )
        texts = TokenTexts(lambda ids: tokenizer.decode(ids, skip_special_tokens=True))
        kept = self.recipe.tracking.token_details
        record = RunRecord(self.folder, sinks, self.view, step, self.started, texts, kept)
        status = "failed"
        try:
            assert self.engines is not None
            parity = partial(check_parity, self.recipe, self.learner, self.engines, prompts.train, model_dir, self.view)
            if self.checkpoint is not None:
                await self.learner.load(self.checkpoint / "learner")
            else:
                await parity()  # before a warm-up, which may take long
                if self.recipe.warmup is not None:
                    record.warmup(await run_warmup(self.learner, self.recipe, tokenizer, prompts.heldout, self.view))
            await self._start_critic(model_dir)
            trainer = Trainer(self.recipe, self._parts(prompts, tokenizer, record))
            if state is not None and self.checkpoint is not None:
                if self.critic is not None:
                    await self.critic.load(self.checkpoint / "critic")
                if self.reference is not None and state["begun"]:
                    await self.reference.load(self.checkpoint / "reference")
                trainer.resume(state, groups)
                during.forget_after(self.folder.evaluations, state["step"])
                self._note_best(state["step"])
                self.view.note(f"resumed from {self.checkpoint}")
            self.trainer = trainer
            changed = self.checkpoint is not None or self.recipe.warmup is not None
            finished = await trainer.run(parity if changed else None)
            status = "finished" if finished else "interrupted"
        except asyncio.CancelledError:
            status = "interrupted"
            raise
        except OffendingBatchError as error:
            error.add_note(f"the batch: {keep_batch(self.folder.path, error)}; {self._what_is_kept()}")
            raise
        finally:
            record.close(status)
            report = self._report()
        return Outcome(self.folder.path, report, finished, record)

    def _report(self) -> Path | None:
        """The page, or None, and a word, where it cannot be built: what became of the run is what must be told."""
        try:
            return build_report(self.folder.path)
        except Exception as error:  # noqa: BLE001 - a full disk, a defect of the page: `rlhf report` builds it later
            self.view.note(f"the report was not built ({error!r}); later: rlhf report {self.folder.path}")
            return None

    def _note_best(self, step: int) -> None:
        """A run that goes back may have had better weights than it will have again."""
        if (best := self.checkpoints.best_step()) is not None and best > step:
            self.view.note(f"the best weights are of step {best}, before it was gone back to {step}; they are kept")

    def _what_is_kept(self) -> str:
        kept = self.checkpoints.latest()
        return "no checkpoint was written before it" if kept is None else f"--resume goes on from {kept}"

    def _parts(self, prompts: PromptSets, tokenizer: Any, record: RunRecord) -> Parts:
        assert self.learner is not None
        assert self.engines is not None
        assert self.verifying is not None
        recipe = self.recipe
        benchmarks = None
        if (asked := self.benchmarks) is not None and recipe.evaluation is not None:
            answering = answering_with(self.engines, tokenizer, asked.config)
            benchmarks = during.Benchmarks(
                asked,
                recipe.evaluation.every,
                recipe.policy,
                recipe.rollout,
                self.folder.evaluations,
                answering,
                self.verifying,
            )
        return Parts(
            prompts=prompts,
            sampler=make_sampler(recipe, prompts),
            engines=self.engines,
            learner=self.learner,
            verifying=self.verifying,
            decode=lambda ids: tokenizer.decode(ids, skip_special_tokens=True),
            encode=lambda text: tokenizer.encode(text, add_special_tokens=False),
            run_folder=self.folder.path,
            checkpoints=self.checkpoints,
            record=record,
            view=self.view,
            canary_ids=canary_of(prompt.token_ids for prompt in prompts.train),
            critic=self.critic,
            reference=self.reference,
            benchmarks=benchmarks,
        )

    def _listen_to_signals(self) -> None:
        """SIGINT and SIGTERM: while training, end the step and write a checkpoint; before, end at once."""
        loop, running = asyncio.get_running_loop(), asyncio.current_task()
        assert running is not None

        def on_signal(name: str) -> None:
            if self.trainer is None:
                self.view.note(f"{name}: ending; nothing was learned yet that could be kept")
                running.cancel()
                return
            self.view.note(f"{name}: ending this step, then writing a checkpoint; send it again to end at once")
            self.trainer.stop()
            loop.remove_signal_handler(signal.SIGINT)
            loop.remove_signal_handler(signal.SIGTERM)

        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, on_signal, number.name)

    async def _start(self, model_dir: Path, prompts: PromptSets) -> None:
        """All actors at once: loading is mostly imports, and the slowest decides."""
        recipe, asked = self.recipe, self.benchmarks.prepared if self.benchmarks else ()
        device = self.ray.device(recipe.cluster)
        layout = plan(self.ray.nodes, need_of(recipe, device))
        note_in_run(self.folder, placement=[dataclasses.asdict(bundle) for bundle in layout.bundles])
        self.group = await runtime.place(layout)
        self.view.stage("loading", f"{recipe.rollout.engines} vLLM, {recipe.learner.ranks} DeepSpeed, verifiers")
        ranks = Ranks(recipe, layout, self.group, device, self._transfer(device))
        self.learner = ranks.learner(model_dir)
        self.reference = ranks.reference(model_dir, self.learner, self.folder.path / "reference")
        self.verifying = VerifierService(
            [runtime.options(self.group, layout, b) for b in layout.of("verifier")],
            recipe.verify,
            [*recipe.reward, *(benchmark.component for benchmark in asked)],
            self.view.note,
        )
        longest = max(len(p.token_ids) for p in (*prompts.train, *prompts.heldout))
        shared = device == "gpu" and (recipe.cluster.share_gpus or bool(layout.of("critic")))
        gpus = await self.learner.visible_gpus() if shared else []
        self._start_critic = partial(self._make_critic, ranks, gpus)
        guess = recipe.data.sampling.guess_tokens + len(
            recipe.data.sampling.guess_prefix
        )  # a token has a letter or more
        answer = max(recipe.rollout.max_response_tokens, guess if recipe.data.sampling.guesses else 0)
        room = max(longest + answer, self.benchmarks.tokens if self.benchmarks else 0)
        self.engines = self._make_engines(layout, model_dir, device, room, gpus)
        notices, _, _ = await asyncio.gather(
            self.learner.start(), self.verifying.start(prompts.train, prompts.heldout), self.engines.start()
        )
        for benchmark in asked:
            await self.verifying.note_gold(benchmark.name, benchmark.prompts)
        for notice in notices:
            self.view.note(notice)

    async def _make_critic(self, ranks: Ranks, rank_gpus: Sequence[str], model_dir: Path) -> None:
        """The value function, where the algorithm has one: on a copy of the policy's start, or on its own model."""
        if resolve(self.recipe.algorithm).value is None:
            return
        self.view.stage("loading", "the critic")
        start = self.folder.path / "critic_start"
        if own := self.recipe.algorithm.critic.model:
            model_dir = Path(own).expanduser()
        elif self.recipe.warmup is not None and self.checkpoint is None:
            assert self.learner is not None
            model_dir = start
            await self.learner.export(model_dir)
        self.critic = ranks.critic(model_dir, rank_gpus)
        await self.critic.start()
        shutil.rmtree(start, ignore_errors=True)

    def _make_engines(
        self, layout: Plan, model_dir: Path, device: str, max_model_len: int, rank_gpus: Sequence[str]
    ) -> EnginePool:
        """rank_gpus: of each learner rank, where engines share them."""
        assert self.learner is not None
        learner, bundles = self.learner, layout.of("engine")
        learner_node, transfer = layout.of("learner")[0].node, self._transfer(device)

        def make(index: int) -> RayEngine:
            bundle = bundles[index]
            spec = EngineSpec(
                name=f"engine-{index}",
                model_dir=str(model_dir),
                dtype=self.recipe.policy.dtype,
                rollout=self.recipe.rollout,
                max_model_len=max_model_len,
                seed=self.recipe.run.seed * 1000 + index,
                device=device,
                cpus=bundle.cores,
                attention_backend=attention_backend(self.recipe.policy),
                weight_backend=WEIGHT_BACKEND if transfer == "shared_memory" else transfer,
            )
            options = runtime.riding_options(self.group, layout, bundle, rank_gpus)
            far = transfer == "shared_memory" and bundle.node != learner_node
            return RayEngine(spec, options, learner.remote_weights if far else None)

        return EnginePool(len(bundles), make, self.view.note, learner.send_weights)

    def _transfer(self, device: str) -> str:
        return weight_transfer(self.recipe.rollout.weight_transfer, device, self.recipe.cluster.share_gpus)

    async def _take_down(self) -> None:
        """End every process that this run started, by handle, whatever happened before."""
        self.view.stage("ending", "")
        if self.engines is not None:
            await self.engines.close()
        if self.verifying is not None:
            await self.verifying.close()
        for group in (self.learner, self.critic, self.reference):
            if isinstance(group, RankGroup | OwnReference):
                group.kill()
        runtime.shutdown(self.ray, self.group)
