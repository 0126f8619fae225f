"""From the evaluation section of a recipe to benchmarks that can be asked: loaded, tokenised, and known to fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlhf.data.errors import DataError
from rlhf.evaluation.benchmarks import load_benchmark
from rlhf.evaluation.prompts import PLAIN_TEXT, PromptStyle, Tokenizer, encode
from rlhf.evaluation.results import Settings
from rlhf.evaluation.run.tasks import Prepared, label_of
from rlhf.recipe.asked import temperature_of
from rlhf.recipe.evaluation_schema import BenchmarkConfig, EvaluationConfig
from rlhf.types import Prompt


@dataclass(frozen=True, slots=True)
class Asked:
    """The benchmarks of a recipe's section, ready to be asked. tokens: that the longest prompt and answer may take."""

    config: EvaluationConfig
    prepared: tuple[Prepared, ...]
    settings: Settings
    tokens: int


def prepare(
    config: EvaluationConfig, tokenizer: Any, stop: Sequence[str], seed: int, note: Callable[[str], None]
) -> Asked:
    """stop, seed: of the engines. Raises DataError for what cannot be loaded."""
    style = PromptStyle.of(config, tokenizer)
    if style.chat_template == "none" != config.chat_template:
        note(PLAIN_TEXT)
    prepared = prepare_all(config, tokenizer, style)
    end = tokenizer.encode(f"\n{config.thinking_end}\n\n", add_special_tokens=False)
    settings = settings_of(config, style.chat_template, stop, seed)
    return Asked(config, prepared, settings, tokens_needed(prepared, config, len(end)))


def prepare_all(config: EvaluationConfig, tokenizer: Tokenizer, style: PromptStyle) -> tuple[Prepared, ...]:
    """Raises DataError for what cannot be loaded, an erratum that none of the benchmarks has, or what does not fit."""
    prepared = tuple(_prepare(entry, config, tokenizer, style) for entry in config.benchmarks)
    applied = {name for benchmark in prepared for name in benchmark.loaded.errata}
    if missing := [name for name in config.errata if name not in applied]:
        raise DataError(
            "evaluation.errata", f"no benchmark named here has {', '.join(missing)}; see rlhf list benchmarks"
        )
    return prepared


def _prepare(entry: BenchmarkConfig, config: EvaluationConfig, tokenizer: Tokenizer, style: PromptStyle) -> Prepared:
    folder = None if config.data_dir is None else Path(config.data_dir).expanduser()
    loaded = load_benchmark(entry, folder, config.errata)
    benchmark, label = loaded.benchmark, label_of(entry.name)
    prompts = tuple(
        Prompt(
            id=f"{entry.name}/{problem.id}",
            text=problem.question,
            token_ids=encode(problem, benchmark.instruction, entry.few_shot, style, tokenizer),
            reference=problem.reference,
            metadata=dict(problem.metadata),
            domain=label,
        )
        for problem in loaded.problems
    )
    samples = entry.samples or config.samples or benchmark.samples
    return Prepared(loaded, prompts, samples, temperature_of(entry, config, samples), len(entry.few_shot))


def tokens_needed(prepared: Sequence[Prepared], config: EvaluationConfig, end_tokens: int) -> int:
    """Of the longest prompt with the longest answer. end_tokens: of thinking_end."""
    longest = max(len(prompt.token_ids) for benchmark in prepared for prompt in benchmark.prompts)
    thinking = 0 if config.thinking_tokens is None else config.thinking_tokens + end_tokens
    return longest + thinking + config.max_response_tokens


def require_room(needed: int, limit: int | None, what: str) -> None:
    """limit: of the model's context. Raises DataError where the longest prompt and answer exceed it."""
    if limit is not None and needed > limit:
        raise DataError(
            "evaluation.max_response_tokens",
            f"the longest prompt with its answer may take {needed:,} tokens, {what} is {limit:,}; ask for fewer "
            f"response or thinking tokens (--max-tokens, --thinking-tokens), {needed - limit:,} less",
        )


def settings_of(config: EvaluationConfig, chat_template: str, stop: Sequence[str], seed: int) -> Settings:
    """chat_template: as it came out, `none` for a model that has none. seed: of the engines."""
    return Settings(
        top_p=config.top_p,
        top_k=config.top_k,
        min_p=config.min_p,
        max_response_tokens=config.max_response_tokens,
        thinking_tokens=config.thinking_tokens,
        thinking_end=config.thinking_end,
        system_prompt=config.system_prompt,
        chat_template=chat_template,
        template_options=dict(config.template_options),
        stop=list(stop),
        seed=seed,
    )
