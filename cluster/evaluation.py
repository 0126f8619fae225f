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
from rlhf.evaluation.prompts import PromptStyle
from rlhf.evaluation.results import Results
from rlhf.evaluation.run.answer import answering_with
from rlhf.evaluation.run.evaluation import Evaluation, settings_of
from rlhf.evaluation.run.gather import Gathering
from rlhf.evaluation.run.journal import Journal
from rlhf.evaluation.run.prepare import prepare_all, require_room, tokens_needed
from rlhf.evaluation.run.progress import Progress
from rlhf.evaluation.run.tasks import Task
from rlhf.models.resolve import load_tokenizer
from rlhf.recipe.devices import devices_for
from rlhf.recipe.eval_schema import EvalRecipe
from rlhf.recipe.schema import RolloutConfig
from rlhf.rollout.engine_options import EngineSpec
from rlhf.rollout.sampling import queued_at_once

Note = Callable[[str], None]


def evaluate(recipe: EvalRecipe, out: Path, note: Note, restart: bool = False) -> Results:
    """Everything that is missing in `out` and its journal, then the results. Raises what went wrong.

    asyncio.CancelledError: a signal came; what is done is journalled, and the same call goes on.
    """
    quiet_driver(devices_for(recipe.cluster).kind)
    with tempfile.TemporaryDirectory(prefix="longthought-eval-") as workspace:
        return asyncio.run(_Session(recipe, out, note).run(Path(workspace), restart))


@dataclass(slots=True)
class _Session:
    recipe: EvalRecipe
    out: Path
    note: Note

    async def run(self, workspace: Path, restart: bool) -> Results:
        _listen_to_signals()
        found = find_model(self.recipe.policy, workspace / "policy", self.recipe.run.seed)
        if found.note:
            self.note(found.note)
        tokenizer = load_tokenizer(found.folder)
        evaluation, needed = self._on_paper(found, tokenizer)
        with evaluation.open(restart) as journal:
            tasks = evaluation.tasks(journal)
            done = evaluation.total() - len(tasks)
            if done:
                self.note(f"{done:,} of {evaluation.total():,} samples are there already")
            if tasks:
                with Progress(evaluation.total(), done) as progress:
                    await self._ask(tasks, evaluation, journal, tokenizer, needed, progress)
            return evaluation.finish(journal)

    def _on_paper(self, found: FoundModel, tokenizer: Any) -> tuple[Evaluation, int]:
        """What is asked, and the tokens that the longest prompt and answer may take."""
        recipe, config = self.recipe, self.recipe.evaluation
        style = PromptStyle.of(config, tokenizer)
        if style.chat_template == "none" != config.chat_template:
            self.note("the tokenizer has no chat template: problems are put as plain text")
        prepared = prepare_all(config, tokenizer, style)
        for benchmark in prepared:
            how = "greedy" if benchmark.temperature == 0 else f"temperature {benchmark.temperature:g}"
            self.note(f"{benchmark.name}: {len(benchmark.prompts):,} problems, {benchmark.samples} samples each, {how}")
        end = tokenizer.encode(f"\n{config.thinking_end}\n\n", add_special_tokens=False)
        needed = tokens_needed(prepared, config, len(end))
        require_room(needed, found.context, "the model's context")
        require_room(needed, recipe.engines.max_model_len, "engines.max_model_len")
        return Evaluation(
            out=self.out,
            model=model_facts(recipe.policy, found, recipe.policy.dtype),
            settings=settings_of(config, style.chat_template, recipe.engines.stop, config.template_options),
            config=config,
            prepared=prepared,
            engines=recipe.engines.engines,
        ), recipe.engines.max_model_len or needed

    async def _ask(
        self,
        tasks: Sequence[Task],
        evaluation: Evaluation,
        journal: Journal,
        tokenizer: Any,
        max_model_len: int,
        progress: Progress,
    ) -> None:
        recipe, sampled = self.recipe, any(task.answered is None for task in tasks)
        ray = runtime.connect(recipe.cluster)
        _listen_to_signals()  # again: Ray has put handlers of its own in their place
        group = engines = verifying = None
        try:
            device = recipe.cluster.device
            if device == "auto":
                device = "gpu" if any(node.gpus for node in ray.nodes) else "cpu"
            layout = plan(ray.nodes, need_of_eval(recipe, device))
            group = await runtime.place(layout)
            components = [benchmark.component for benchmark in evaluation.prepared]
            verifying = VerifierService(
                [runtime.options(group, layout, b) for b in layout.of("verifier")],
                recipe.verify,
                components,
                progress.note,
            )
            progress.note(f"loading {recipe.engines.engines} vLLM and verifiers" if sampled else "loading verifiers")
            if sampled:
                seed = recipe.evaluation.seed * 1000 + 7919 * journal.session
                engines = _engines(recipe, evaluation, layout, group, device, max_model_len, seed, progress.note)
            await asyncio.gather(_start_verifiers(verifying, evaluation), *([engines.start()] if engines else []))
            answering = None if engines is None else answering_with(engines, tokenizer, recipe.evaluation)
            progress.begin()
            at_once = queued_at_once(recipe.engines.engines, recipe.engines.max_concurrent_sequences)
            await Gathering(answering, verifying, journal, progress, at_once).run(tasks)
        finally:
            if engines is not None:
                await engines.close()
            if verifying is not None:
                await verifying.close()
            runtime.shutdown(ray, group)


async def _start_verifiers(verifying: VerifierService, evaluation: Evaluation) -> None:
    await verifying.start()
    for benchmark in evaluation.prepared:
        await verifying.note_gold(benchmark.name, benchmark.prompts)


def _engines(
    recipe: EvalRecipe,
    evaluation: Evaluation,
    layout: Plan,
    group: Any,
    device: str,
    max_model_len: int,
    seed: int,
    note: Note,
) -> EnginePool:
    """They hold the model's own weights: nothing is ever published into them."""
    bundles, rollout = layout.of("engine"), rollout_of(recipe)

    def make(index: int) -> RayEngine:
        bundle = bundles[index]
        spec = EngineSpec(
            name=f"engine-{index}",
            model_dir=evaluation.model.path,
            dtype=recipe.policy.dtype,
            rollout=rollout,
            max_model_len=max_model_len,
            seed=seed + index,
            device=device,
            cpus=bundle.cores,
        )
        return RayEngine(spec, runtime.options(group, layout, bundle), None)

    return EnginePool(len(bundles), make, note)


def rollout_of(recipe: EvalRecipe) -> RolloutConfig:
    """The engines' settings as those of a training recipe: they are the same engines."""
    asked, evaluation = recipe.engines, recipe.evaluation
    shared = {name: getattr(asked, name) for name in type(asked).model_fields if name in RolloutConfig.model_fields}
    return RolloutConfig(**shared, max_response_tokens=evaluation.max_response_tokens)


def _listen_to_signals() -> None:
    """SIGINT and SIGTERM end the evaluation; what is judged by then is in the journal."""
    loop, running = asyncio.get_running_loop(), asyncio.current_task()
    assert running is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, running.cancel)
