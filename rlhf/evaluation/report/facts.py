"""What ran: the facts of a run's recipe and of an evaluation's settings, and where several recipes differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rlhf.evaluation.report.load import RunData
from rlhf.evaluation.report.plain import cut
from rlhf.evaluation.report.sources import Source
from rlhf.evaluation.results import Results

Fact = tuple[str, str]
MOST_DIFFERENCES = 60
LONGEST = 200
RECIPE_CHARS = 120_000
FACTS = {
    "model": "policy.model",
    "algorithm": "algorithm.name",
    "samples per prompt": "algorithm.group_size",
    "prompts per step": "trainer.prompts_per_step",
    "mini-batches": "algorithm.mini_batches",
    "inner epochs": "algorithm.inner_epochs",
    "LoRA rank": "learner.lora.rank",
    "staleness bound": "trainer.max_staleness",
    "learning rate": "learner.learning_rate",
    "dtype": "policy.dtype",
    "engines": "rollout.engines",
    "learner ranks": "learner.ranks",
    "ZeRO stage": "learner.zero_stage",
    "seed": "run.seed",
}  # words on the page: place in the recipe
MOST_FACTS = 80
LONGEST_FACT = 1_000
UNREMARKABLE = ("run.name", "run.root")


def run_facts(run: RunData) -> list[Fact]:
    facts = [(name, str(value)) for name, path in FACTS.items() if (value := run.recipe_value(path)) is not None]
    for name, value in run.run.items():
        if isinstance(value, Mapping):
            facts += [
                (str(part), str(inner))
                for part, inner in value.items()
                if inner is not None and not isinstance(inner, (Mapping, list))
            ]
        elif not isinstance(value, list):
            facts.append((str(name), str(value)))
    return _few(facts)


def evaluation_facts(results: Results) -> list[Fact]:
    """Of which weights, and how answers were asked for."""
    model, settings = results.model, results.settings
    options = ", ".join(f"{key}={value}" for key, value in settings.template_options.items())
    thinking = f"{settings.thinking_tokens:,} tokens, then {settings.thinking_end}" if settings.thinking_tokens else ""
    facts: list[tuple[str, Any]] = [
        ("model", model.asked),
        ("loaded from", model.path if model.path != model.asked else ""),
        ("revision", model.revision),
        ("commit", model.commit),
        ("step", model.step),
        ("dtype", model.dtype),
        ("fingerprint of the weights", model.fingerprint),
        ("sampling", f"top_p {settings.top_p:g}, top_k {settings.top_k}, min_p {settings.min_p:g}"),
        ("longest answer", f"{settings.max_response_tokens:,} tokens"),
        ("budget of thinking", thinking),
        ("system prompt", settings.system_prompt),
        ("chat template", settings.chat_template + (f" ({options})" if options else "")),
        ("stop", ", ".join(map(repr, settings.stop))),
        ("seed", settings.seed),
        ("engines", results.engines),
        ("when", results.created),
    ]
    facts += [
        *results.versions.items(),
        *((k, v) for k, v in results.machine.items() if not isinstance(v, Mapping | list)),
    ]
    return _few([(str(name), str(value)) for name, value in facts if value not in (None, "")])


def recipe_text(run: RunData, share: int) -> str:
    """As resolved; cut in the middle where it is no recipe that anyone would write. share: runs on the page."""
    return cut(run.recipe_text, RECIPE_CHARS // share)


def _few(facts: Sequence[Fact]) -> list[Fact]:
    shown = [(cut(name, LONGEST), cut(value, LONGEST_FACT)) for name, value in facts[:MOST_FACTS]]
    return shown + ([("more", f"{len(facts) - MOST_FACTS}, in run.json")] if len(facts) > MOST_FACTS else [])


def differences(sources: Sequence[Source]) -> list[tuple[str, list[str]]]:
    """Of several runs: every key of the recipes at which they are not alike, with each run's value."""
    recipes = [dict(_flat(source.run.recipe)) for source in sources if source.run is not None]
    keys = dict.fromkeys(key for recipe in recipes for key in recipe if key not in UNREMARKABLE)
    rows = []
    for key in keys:
        values = [_words(recipe[key]) if key in recipe else "–" for recipe in recipes]
        if len(set(values)) > 1:
            rows.append((_words(key), values))
    return rows[:MOST_DIFFERENCES]


def _flat(value: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    """Leaves of nested mappings by dotted key; a list is a leaf."""
    if not isinstance(value, Mapping):
        yield before, value
        return
    for key, inner in value.items():
        yield from _flat(inner, f"{before}.{key}" if before else str(key))


def _words(value: Any) -> str:
    words = str(value)
    return words if len(words) <= LONGEST else words[: LONGEST - 1] + "…"
