"""An evaluation on Ray: engines and verifiers started for what is missing, and taken down again."""

from __future__ import annotations

import asyncio
import signal
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cluster import runtime
from cluster.engine_pool import EnginePool
from cluster.on_paper import need_of_eval
from cluster.placement import Plan, plan
from cluster.ray_engine import RayEngine
from cluster.session import quiet_driver
from cluster.verifier_service import VerifierService
from rlhf.evaluation.model import FoundModel, find_model, model_facts
from rlhf.evaluation.run.answer import answering_with
from rlhf.evaluation.run.evaluation import Evaluation, Finished
from rlhf.evaluation.run.gather import Gathering
from rlhf.evaluation.run.journal import Journal
from rlhf.evaluation.run.prepare import prepare, require_room
from rlhf.evaluation.run.progress import Progress
from rlhf.evaluation.run.tasks import Task
from rlhf.models.resolve import load_tokenizer
from rlhf.recipe.attention_schema import attention_backend
from rlhf.recipe.devices import devices_for
from rlhf.recipe.eval_schema import EvalRecipe
from rlhf.recipe.load import recheck
from rlhf.recipe.schema import RolloutConfig
from rlhf.rollout.engine_options import EngineSpec
from rlhf.rollout.sampling import queued_at_once

Note = Callable[[str], None]


def evaluate(recipe: EvalRecipe, out: Path, note: Note, restart: bool = False) -> Finished:
    """Everything that is missing in `out` and its journal, then the results. Raises what went wrong.

    asyncio.CancelledError, KeyboardInterrupt: it was told to end; what is done is journalled, and the same call without
    `restart` goes on.
    """
    quiet_driver(devices_for(recipe.cluster).kind)
    with tempfile.TemporaryDirectory(prefix="longthought-eval-") as workspace:
        found = find_model(recipe.policy, Path(workspace) / "policy", recipe.run.seed)
        if found.note:
            note(found.note)
        recheck(recipe, found.folder)
        tokenizer = load_tokenizer(found.folder)
        evaluation, max_model_len = _on_paper(recipe, out, found, tokenizer, note)
        with evaluation.open(restart, note) as journal:
            tasks = evaluation.tasks(journal)
            if done := evaluation.total() - len(tasks):
                note(f"{done:,} of {evaluation.total():,} samples are there already")
            if tasks:
                with Progress(evaluation.total(), done) as progress:
                    asking = _Asking(recipe, evaluation, journal, tokenizer, max_model_len, progress)
                    asyncio.run(asking.run(tasks))
            return evaluation.finish(journal)


def _on_paper(recipe: EvalRecipe, out: Path, found: FoundModel, tokenizer: Any, note: Note) -> tuple[Evaluation, int]:
    """What is asked, and the tokens of prompt and answer that an engine must have room for."""
    config = recipe.evaluation
    asked = prepare(config, tokenizer, recipe.engines.stop, config.seed, note)
    for benchmark in asked.prepared:
        how = "greedy" if benchmark.temperature == 0 else f"temperature {benchmark.temperature:g}"
        each = "1 sample" if benchmark.samples == 1 else f"{benchmark.samples} samples"
        note(f"{benchmark.name}: {len(benchmark.prompts):,} problems, {each} each, {how}")
    needed = asked.tokens
    require_room(needed, found.context, "the model's context")
    require_room(needed, recipe.engines.max_model_len, "engines.max_model_len")
    facts = model_facts(recipe.policy, found, recipe.policy.dtype)
    evaluation = Evaluation(out, facts, asked.settings, config, asked.prepared, recipe.engines.engines)
    return evaluation, recipe.engines.max_model_len or needed


@dataclass(slots=True)
class _Asking:
    """Starts what the missing samples need, and ends it whatever happens."""

    recipe: EvalRecipe
    evaluation: Evaluation
    journal: Journal
    tokenizer: Any
    max_model_len: int
    progress: Progress
    group: Any = None
    engines: EnginePool | None = None
    verifying: VerifierService | None = None

    async def run(self, tasks: Sequence[Task]) -> None:
        ray = runtime.connect(self.recipe.cluster)
        _listen_to_signals()  # after Ray, which puts handlers of its own in their place
        try:
            await self._start(ray, sampled=any(task.answered is None for task in tasks))
            assert self.verifying is not None
            answering = None
            if self.engines is not None:
                answering = answering_with(self.engines, self.tokenizer, self.recipe.evaluation)
            config = self.recipe.engines
            at_once = queued_at_once(config.engines, config.max_concurrent_sequences)
            self.progress.begin()
            await Gathering(answering, self.verifying, self.journal, self.progress, at_once).run(tasks)
        finally:
            if self.engines is not None:
                await self.engines.close()
            if self.verifying is not None:
                await self.verifying.close()
            runtime.shutdown(ray, self.group)

    async def _start(self, ray: runtime.Runtime, sampled: bool) -> None:
        """sampled: engines are needed, and not the verifiers alone."""
        recipe, note = self.recipe, self.progress.note
        device = ray.device(recipe.cluster)
        layout = plan(ray.nodes, need_of_eval(recipe, device))
        self.group = await runtime.place(layout)
        self.verifying = VerifierService(
            [runtime.options(self.group, layout, b) for b in layout.of("verifier")],
            recipe.verify,
            [benchmark.component for benchmark in self.evaluation.prepared],
            note,
        )
        note(f"loading {recipe.engines.engines} vLLM and verifiers" if sampled else "loading verifiers")
        starting = [_start_verifiers(self.verifying, self.evaluation)]
        if sampled:
            self.engines = self._make_engines(layout, device)
            starting.append(self.engines.start())
        await asyncio.gather(*starting)

    def _make_engines(self, layout: Plan, device: str) -> EnginePool:
        """They hold the model's own weights: nothing is ever published into them."""
        recipe, bundles, rollout = self.recipe, layout.of("engine"), rollout_of(self.recipe)
        # Another session draws other numbers: else what it samples might repeat what an earlier one did.
        seed = recipe.evaluation.seed * 1000 + 7919 * self.journal.session

        def make(index: int) -> RayEngine:
            bundle = bundles[index]
            spec = EngineSpec(
                name=f"engine-{index}",
                model_dir=self.evaluation.model.path,
                dtype=recipe.policy.dtype,
                rollout=rollout,
                max_model_len=self.max_model_len,
                seed=seed + index,
                device=device,
                cpus=bundle.cores,
                attention_backend=attention_backend(recipe.policy),
            )
            return RayEngine(spec, runtime.options(self.group, layout, bundle), None)

        return EnginePool(len(bundles), make, self.progress.note)


async def _start_verifiers(verifying: VerifierService, evaluation: Evaluation) -> None:
    await verifying.start()
    for benchmark in evaluation.prepared:
        await verifying.note_gold(benchmark.name, benchmark.prompts)


def rollout_of(recipe: EvalRecipe) -> RolloutConfig:
    """The engines' settings as those of a training recipe: they are the same engines."""
    asked, evaluation = recipe.engines, recipe.evaluation
    shared = {name: getattr(asked, name) for name in type(asked).model_fields if name in RolloutConfig.model_fields}
    return RolloutConfig(**shared, max_response_tokens=evaluation.max_response_tokens)


def _listen_to_signals() -> None:
    """SIGINT and SIGTERM end the evaluation, once: a second one finds Python's own handlers."""
    loop, running = asyncio.get_running_loop(), asyncio.current_task()
    assert running is not None

    def on_signal() -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
        running.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal)
