"""What `rlhf check` prints of an evaluation's recipe, as rich renderables. It starts nothing and loads no problem."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from rlhf.recipe.asked import Asked, asked_of, pass_at_of
from rlhf.recipe.devices import Devices
from rlhf.recipe.eval_schema import EvalRecipe
from rlhf.recipe.load import LoadedEval
from rlhf.recipe.model_config import ModelConfig
from rlhf.recipe.plan import engine_rows
from rlhf.recipe.plan_attention import attention_words
from rlhf.recipe.plan_placement import Placed, describe_devices, placement_table, plural, table_of


def render_eval_plan(loaded: LoadedEval, placement: Iterable[Placed], sandboxes: Sequence[str] = ()) -> Group:
    """What is evaluated and how, where the engines are placed, their memory, and the warnings.

    sandboxes: what this machine gives to benchmarks that run code, a line each.
    """
    parts: list[RenderableType] = [
        _summary(loaded.recipe, loaded.devices, loaded.model),
        _benchmarks(loaded.recipe),
        placement_table(list(placement)),
    ]
    if loaded.engine is not None:
        memory = table_of("memory per device", "", "GiB", "of")
        for row in engine_rows(loaded.engine, loaded.recipe.policy.dtype, loaded.recipe.engines.tensor_parallel):
            memory.add_row(*row)
        parts.append(memory)
    parts += [Text(f"sandbox of code benchmarks: {line}") for line in sandboxes]
    parts += [Text(f"warning: {warning}", style="yellow") for warning in loaded.warnings]
    return Group(*parts)


def _summary(recipe: EvalRecipe, devices: Devices, model: ModelConfig | None) -> Table:
    table, evaluation, engines = table_of("evaluation", "", ""), recipe.evaluation, recipe.engines
    thinking = "" if evaluation.thinking_tokens is None else f"at most {evaluation.thinking_tokens} to think, then "
    truncated = {"top_p": evaluation.top_p, "top_k": evaluation.top_k, "min_p": evaluation.min_p}
    cut = [f"{name} {value:g}" for name, value in truncated.items() if name in evaluation.changed]
    rows: dict[str, str | None] = {
        "run": recipe.run.name,
        "model": f"{recipe.policy.model} ({recipe.policy.dtype})",
        "attention": attention_words(recipe.policy, model, devices),
        "problems": _sources(recipe),
        "prompt": _prompt(recipe),
        "answers": f"{thinking}at most {evaluation.max_response_tokens} tokens",
        "sampling": ", ".join([*cut, f"seed {evaluation.seed}"]),
        "engines": f"{plural(engines.engines, 'engine')}, tensor parallel {engines.tensor_parallel}",
        "devices": describe_devices(devices),
        "results": recipe.out or "results.json in the run's folder",
    }
    for key, value in rows.items():
        if value is not None:
            table.add_row(key, Text(value))
    return table


def _sources(recipe: EvalRecipe) -> str:
    evaluation = recipe.evaluation
    named = {
        "table": "of the hub" if evaluation.data_dir is None else f"of {evaluation.data_dir}",
        "file": "files of your own",
        "reasoning_gym": "made here",
    }
    kinds = dict.fromkeys(asked.kind for asked in asked_of(evaluation))
    return ", ".join([*(named[kind] for kind in kinds), *(f"erratum {name}" for name in evaluation.errata)])


def _prompt(recipe: EvalRecipe) -> str:
    evaluation = recipe.evaluation
    template = {"model": "the model's chat template", "none": "plain text"}.get(
        evaluation.chat_template, evaluation.chat_template
    )
    options = "".join(f", {name} {value}" for name, value in evaluation.template_options.items())
    system = "no system prompt" if evaluation.system_prompt is None else "a system prompt"
    return f"{template}{options}, {system}"


def _benchmarks(recipe: EvalRecipe) -> Table:
    table = table_of("benchmarks", "", "problems", "samples", "temperature", "judged by", "pass@k")
    for asked in asked_of(recipe.evaluation):
        ks = pass_at_of(recipe.evaluation.pass_at, asked.samples)
        table.add_row(
            Text(asked.name),
            _problems(asked),
            str(asked.samples),
            f"{asked.temperature:g}" if asked.temperature else "0 (greedy)",
            Text(asked.verifier or ""),
            ", ".join(map(str, ks)),
        )
    return table


def _problems(asked: Asked) -> str:
    """How many, as far as the recipe says: all of a table's or a file's are counted when they are loaded."""
    limit = asked.entry.limit
    if asked.kind == "reasoning_gym":
        return str(min(asked.entry.size, limit or asked.entry.size))
    return "all" if limit is None else f"the first {limit}"
