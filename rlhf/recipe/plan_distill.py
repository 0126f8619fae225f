"""What `rlhf check` prints of a distillation's recipe, as rich renderables. It starts nothing and loads no text."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from rlhf.recipe.devices import GIB
from rlhf.recipe.distill_estimate import DistillEstimate, epochs
from rlhf.recipe.distill_schema import DistillRecipe, DistillStageConfig
from rlhf.recipe.load import LoadedDistill
from rlhf.recipe.plan import engine_rows
from rlhf.recipe.plan_attention import attention_words
from rlhf.recipe.plan_placement import Placed, describe_devices, placement_table, plural, table_of


def render_distill_plan(loaded: LoadedDistill, placement: Iterable[Placed]) -> Group:
    """What is converted, from what text and in which steps; where it runs, its memory, its work, and the warnings."""
    recipe = loaded.recipe
    parts: list[RenderableType] = [_summary(loaded), _stages(recipe), placement_table(list(placement))]
    if loaded.estimate is not None:
        parts += [_memory(recipe, loaded.estimate), _work(recipe, loaded.estimate)]
    parts += [Text(f"warning: {warning}", style="yellow") for warning in loaded.warnings]
    return Group(*parts)


def _summary(loaded: LoadedDistill) -> Table:
    recipe, devices = loaded.recipe, loaded.devices
    table, engines = table_of("distillation", "", ""), recipe.engines
    rows: dict[str, str | None] = {
        "run": f"{recipe.run.name}, seed {recipe.run.seed}",
        "teacher": f"{recipe.policy.model} ({recipe.policy.dtype})",
        "student": attention_words(recipe.policy, loaded.model, devices),
        "text": _text(recipe),
        "held out": _heldout(recipe),
        "learner": f"{plural(recipe.learner.ranks, 'rank')}, ZeRO {recipe.learner.zero_stage}",
        "engines": None
        if recipe.text.sampled is not None
        else f"{plural(engines.engines, 'engine')}, tensor parallel {engines.tensor_parallel}, ended before learning",
        "devices": describe_devices(devices),
    }
    for key, value in rows.items():
        if value is not None:
            table.add_row(key, Text(value))
    return table


def _text(recipe: DistillRecipe) -> str:
    text = recipe.text
    if text.sampled is not None:
        return f"what the teacher sampled in {text.sampled}"
    begin = " or ".join(text.begin) or "the tokenizer's begin token"
    from_what = [f"{1 - text.prompted:.0%} from {begin} alone"] if text.prompted < 1.0 else []
    if text.prompts is not None:
        sources = (text.prompts.train, *text.prompts.train_also)
        named = ", ".join(f"{source.source} {source.task or source.path}" for source in sources)
        from_what.append(f"{text.prompted:.0%} answer prompts of {named}")
    return f"{text.tokens:,} tokens that the teacher samples, at most {text.length} each: {', '.join(from_what)}"


def _heldout(recipe: DistillRecipe) -> str:
    text = recipe.text
    real = (
        "" if text.heldout_file is None else f", and {text.heldout_file} (at most {text.heldout_file_tokens:,} tokens)"
    )
    return f"{text.heldout:.0%} of the text{real}"


def _stages(recipe: DistillRecipe) -> Table:
    table, stages = table_of("stages", "", "steps", "tokens a step", "learning rate", "learns"), recipe.distill
    learns = "everything" if stages.logits.learn == "all" else "the new layers"
    for name, stage, what in (
        ("match attention outputs", stages.attention, "the new layers"),
        ("match logits", stages.logits, learns),
    ):
        if stage.steps:
            table.add_row(name, *_stage(recipe, stage), what)
    return table


def _stage(recipe: DistillRecipe, stage: DistillStageConfig) -> tuple[str, str, str]:
    times = "" if recipe.text.sampled is not None else f" ({epochs(recipe, stage):.1f} epochs)"
    rate = f"{stage.learning_rate:g}, falling to {stage.final_rate * stage.learning_rate:.2g}"
    return str(stage.steps), f"{stage.tokens_per_step:,}{times}", rate


def _memory(recipe: DistillRecipe, found: DistillEstimate) -> Table:
    learner, engine, dtype = found.learner, found.engine, recipe.policy.dtype
    table = table_of("memory per device", "", "GiB", "of")
    kept = "one input a layer" if recipe.learner.gradient_checkpointing else "every layer in full"
    for name, size, what in (
        ("student: weights", learner.weights, dtype),
        ("student: gradients", learner.gradients, "of what learns"),
        ("student: optimizer", learner.optimizer, "master copy and two moments"),
        ("student: activations", learner.activations, f"one micro-batch, {kept}"),
        ("teacher: weights", learner.teacher, f"{dtype}, all of it on every rank"),
        ("logits", learner.logits, f"of both, {recipe.learner.logit_chunk} tokens, fp32"),
        ("together", learner.total, "a rank"),
    ):
        table.add_row(name, f"{size / GIB:.3f}" if size < GIB else f"{size / GIB:.1f}", what)
    if recipe.text.sampled is None:
        for row in engine_rows(engine, recipe.engines.dtype or dtype, recipe.engines.tensor_parallel):
            table.add_row(*row)
    return table


def _work(recipe: DistillRecipe, found: DistillEstimate) -> Table:
    table = table_of("work", "", "FLOP")
    for name, flops in zip(("sampling", "attention outputs", "logits"), found.flops, strict=True):
        if flops:
            table.add_row(name, f"{flops:.2g}")
    return table
