"""A distillation on Ray: engines while the teacher samples, then a learner, and both taken down again."""

from __future__ import annotations

import asyncio
import dataclasses
import signal
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from cluster import runtime
from cluster.distill_actor import DistillGroup
from cluster.distill_paper import need_of_learning, need_of_sampling
from cluster.engine_pool import EnginePool
from cluster.placement import Plan, plan
from cluster.ray_engine import RayEngine
from cluster.session import quiet_driver
from rlhf.checkpoint import Checkpoints
from rlhf.learner.environment import cpu_environment
from rlhf.learner.spec import LearnerSpec
from rlhf.metrics.live import LiveView, open_live_view
from rlhf.metrics.sinks import open_sinks
from rlhf.models.resolve import load_tokenizer, resolve_model
from rlhf.recipe.devices import devices_for
from rlhf.recipe.distill_schema import DistillRecipe
from rlhf.recipe.load import recheck
from rlhf.recipe.schema import RolloutConfig
from rlhf.rollout.engine_options import EngineSpec
from rlhf.rollout.sampling import queued_at_once
from rlhf.stages.distill.beginnings import Beginnings
from rlhf.stages.distill.curve import draw_curve
from rlhf.stages.distill.folder import DistillFolder, open_distill_run
from rlhf.stages.distill.record import DistillRecord
from rlhf.stages.distill.results import Results
from rlhf.stages.distill.run import Distillation, DistillText
from rlhf.stages.distill.samples import Sample, TextFile
from rlhf.stages.distill.sampling import sample_text
from rlhf.stages.distill.text import text_of


@dataclass(frozen=True, slots=True)
class Distilled:
    """How it ended. finished: all steps were done. curve: the picture, None where nothing was measured yet."""

    folder: Path
    finished: bool
    steps: int
    results: Results
    curve: Path | None


def distill(recipe: DistillRecipe, resume: bool = False) -> Distilled:
    """Run a recipe. Raises what went wrong; asyncio.CancelledError where it was told to end while the teacher was
    sampling. Whatever happens, `resume` goes on from what was sampled and from the last checkpoint."""
    quiet_driver(devices_for(recipe.cluster).kind)
    folder, changed = open_distill_run(recipe, resume)
    view = open_live_view(recipe.distill.steps)
    view.note(f"run folder {folder.path}")
    for line in changed:
        view.note(f"changed since it was started: {line}")
    try:
        return asyncio.run(_Session(recipe, folder, view).run())
    except BaseException:
        folder.discard_if_bare()
        raise
    finally:
        view.close()


class _Session:
    def __init__(self, recipe: DistillRecipe, folder: DistillFolder, view: LiveView) -> None:
        self.recipe, self.folder, self.view = recipe, folder, view
        self.started = time.monotonic()
        self.group: Any = None
        self.engines: EnginePool | None = None
        self.student: DistillGroup | None = None
        self.distillation: Distillation | None = None
        self.ray: runtime.Runtime | None = None

    async def run(self) -> Distilled:
        self.view.stage("starting", "reading the model")
        self._listen_to_signals()
        recipe, seed = self.recipe, self.recipe.run.seed
        softmax = recipe.policy.model_copy(update={"attention": None})
        teacher = resolve_model(softmax, self.folder.policy / "base", seed)
        recheck(recipe, teacher)
        policy = resolve_model(recipe.policy, self.folder.policy, seed)
        tokenizer = load_tokenizer(teacher)
        try:
            sample = partial(self._sample, teacher)
            text = await text_of(recipe, self.folder.text, teacher, tokenizer, sample, self.view.note)
            return await self._learn(teacher, policy, text)
        finally:
            await self._take_down()

    async def _sample(self, teacher: Path, file: TextFile, starts: Beginnings) -> list[Sample]:
        """On engines that have ended when it returns."""
        from ray.util.placement_group import remove_placement_group  # Ray reads its settings when it is imported

        text, config = self.recipe.text, self.recipe.engines
        ray = self._connect()
        layout = await self._place(need_of_sampling(self.recipe, ray.device(self.recipe.cluster)))
        self.view.stage("loading", f"{config.engines} vLLM with the teacher")
        session = len(file.read())  # another one draws other numbers: else it might repeat what is there
        self.engines = self._make_engines(layout, teacher, starts.longest + text.length, session)
        await self.engines.start()
        self.view.stage("sampling", f"{text.tokens:,} tokens")
        at_once = queued_at_once(config.engines, config.max_concurrent_sequences) // 2
        samples = await sample_text(self.engines, file, starts, text.tokens, text.length, at_once, self.view.note)
        await self.engines.close()
        self.engines = None
        remove_placement_group(self.group)
        self.group = None
        return samples

    async def _learn(self, teacher: Path, policy: Path, text: DistillText) -> Distilled:
        recipe = self.recipe
        checkpoints = Checkpoints(self.folder.checkpoints, recipe.distill.keep_checkpoints)
        checkpoint = checkpoints.latest()
        ray = self._connect()
        layout = await self._place(need_of_learning(recipe, ray.device(recipe.cluster)))
        self.student = self._make_student(layout, teacher)
        step = None if checkpoint is None else int(checkpoint.name.removeprefix("step_"))
        told = recipe.model_dump(mode="json")
        if step is None:  # a start that ended before its first checkpoint is begun again
            (self.folder.path / "metrics.jsonl").unlink(missing_ok=True)
        sinks = open_sinks(recipe.tracking, self.folder.path, recipe.run.name, told, step)
        record = DistillRecord(self.folder.path, sinks, self.view, recipe.distill, step is not None, self.started)
        self.distillation = Distillation(recipe, self.student, text, policy, checkpoints, record, self.view, checkpoint)
        if checkpoint is not None:
            self.view.note(f"resumed from {checkpoint}")
        status = "failed"
        try:
            finished = await self.distillation.run()
            status = "finished" if finished else "interrupted"
        finally:
            record.close(status)
        results = self.distillation.results
        curve = draw_curve(self.folder.path, results) if results.history else None
        return Distilled(self.folder.path, finished, self.distillation.step, results, curve)

    def _connect(self) -> runtime.Runtime:
        if self.ray is None:
            self.ray = runtime.connect(self.recipe.cluster)
            self.view.note("an embedded Ray" if self.ray.embedded else f"the Ray at {self.ray.address}")
            self._listen_to_signals()  # again: Ray has put handlers of its own in their place
        return self.ray

    async def _place(self, need: Any) -> Plan:
        assert self.ray is not None
        layout = plan(self.ray.nodes, need)
        self.group = await runtime.place(layout)
        return layout

    def _make_engines(self, layout: Plan, teacher: Path, max_model_len: int, session: int) -> EnginePool:
        """They hold the teacher's own weights: nothing is ever published into them."""
        assert self.ray is not None
        recipe, bundles, device = self.recipe, layout.of("engine"), self.ray.device(self.recipe.cluster)
        asked = recipe.engines
        shared = {name: getattr(asked, name) for name in type(asked).model_fields if name in RolloutConfig.model_fields}
        rollout = RolloutConfig(**shared, max_response_tokens=recipe.text.length)

        def make(index: int) -> RayEngine:
            spec = EngineSpec(
                name=f"engine-{index}",
                model_dir=str(teacher),
                dtype=asked.dtype or recipe.policy.dtype,
                rollout=rollout,
                max_model_len=max_model_len,
                seed=recipe.run.seed * 1000 + 7919 * session + index,
                device=device,
                cpus=bundles[index].cores,
            )
            return RayEngine(spec, runtime.options(self.group, layout, bundles[index]), None)

        return EnginePool(len(bundles), make, self.view.note)

    def _make_student(self, layout: Plan, teacher: Path) -> DistillGroup:
        assert self.ray is not None
        recipe, bundles, device = self.recipe, layout.of("learner"), self.ray.device(self.recipe.cluster)
        first = LearnerSpec(recipe.policy, recipe.learner, "", recipe.run.seed)
        specs = [
            dataclasses.replace(
                first,
                device="cuda:0" if device == "gpu" else "cpu",
                rank=bundle.index,
                world_size=recipe.learner.ranks,
                threads=len(bundle.cores[0]) if bundle.cores else 1,
            )
            for bundle in bundles
        ]
        options = [runtime.options(self.group, layout, bundle) for bundle in bundles]
        if device == "cpu":
            options = [runtime.with_environment(o, cpu_environment(alone=True)) for o in options]
        one_node = len({bundle.node for bundle in bundles}) == 1
        return DistillGroup(specs, options, str(teacher), recipe.distill, one_node)

    def _listen_to_signals(self) -> None:
        """SIGINT and SIGTERM: while learning, end the step and write a checkpoint; before, end at once."""
        loop, running = asyncio.get_running_loop(), asyncio.current_task()
        assert running is not None

        def on_signal(name: str) -> None:
            loop.remove_signal_handler(signal.SIGINT)
            loop.remove_signal_handler(signal.SIGTERM)
            if self.distillation is None:
                self.view.note(f"{name}: ending; what was sampled is kept")
                running.cancel()
                return
            self.view.note(f"{name}: ending this step, then writing a checkpoint; send it again to end at once")
            self.distillation.stop()

        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, on_signal, number.name)

    async def _take_down(self) -> None:
        """End every process that this run started, by handle, whatever happened before."""
        if self.engines is not None:
            await self.engines.close()
        if self.student is not None:
            self.student.kill()
        if self.ray is not None:
            runtime.shutdown(self.ray, self.group)
