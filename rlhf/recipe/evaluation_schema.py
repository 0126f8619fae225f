"""What is evaluated and how its answers are asked for: of an evaluation recipe, and of a training recipe's section."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, NonNegativeFloat, NonNegativeInt, PositiveInt

from rlhf.recipe.data_schema import FewShotExample, Levels
from rlhf.recipe.section import Fraction, Section


class BenchmarkConfig(Section):
    """A benchmark by name, with what differs from its table; or, with `file`, one of your own."""

    name: str = Field(
        description="a name of `rlhf list benchmarks`, `reasoning_gym:TASK`, or with `file` a new one",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*(:[A-Za-z0-9_]+)?$",
    )
    limit: PositiveInt | None = Field(None, description="its first so many problems")
    samples: PositiveInt | None = Field(None, description="a problem; default evaluation.samples, else the table's")
    temperature: NonNegativeFloat | None = Field(None, description="default evaluation.temperature")
    instruction: str | None = Field(None, description="what a question is wrapped in; {question} stands for it")
    few_shot: list[FewShotExample] = Field([], description="answered problems shown before every one")
    file: str | None = Field(None, description="of your own: jsonl or parquet")
    prompt_field: str = Field("prompt", description="own file: field with the question")
    reference_field: str | None = Field("reference", description="own file: field with the gold answer")
    metadata_fields: list[str] = Field([], description="own file: further fields handed to the verifier")
    category_field: str | None = Field(None, description="own file: field with a subject or level, for tables")
    verifier: str | None = Field(None, description="own file: which verifier judges (required); else the table's")
    config: dict[str, Any] = Field({}, description="the verifier's own settings, over the table's")
    licence: str | None = Field(None, description="own file: its licence, written into the results")
    task_config: dict[str, Any] = Field({}, description="reasoning_gym: the task's own settings")
    difficulty: Levels = Field([], max_length=2, description="reasoning_gym: a level, or the first and the last")
    size: PositiveInt = Field(100, description="reasoning_gym: how many problems are made")
    seed: NonNegativeInt = Field(1_000_000_000, description="reasoning_gym: the generator's; keep it off training's")


Entry = Annotated[BenchmarkConfig, BeforeValidator(lambda value: {"name": value} if type(value) is str else value)]
"""A name alone is an entry with nothing but that name."""


class EvaluationConfig(Section):
    """Which benchmarks, how many samples of a problem, and how an answer is sampled."""

    benchmarks: Annotated[list[Entry], Field(min_length=1)] = Field(
        description="names of `rlhf list benchmarks`, or entries"
    )
    data_dir: str | None = Field(None, description="folder of benchmark files: then nothing is downloaded")
    errata: list[str] = Field(
        [], description="named corrections of wrong gold answers; see `rlhf list benchmarks NAME`"
    )
    samples: PositiveInt | None = Field(None, description="answers to every problem; default the benchmark's own")
    pass_at: list[PositiveInt] = Field([], description="k of pass@k; default 1, 2, 4, … up to the samples")
    temperature: NonNegativeFloat | None = Field(
        None, description="0: greedy; default 0 for one sample of a problem, 0.6 for several"
    )
    top_p: Annotated[float, Field(gt=0.0, le=1.0)] = 1.0
    top_k: NonNegativeInt = Field(0, description="0: off")
    min_p: Fraction = 0.0
    max_response_tokens: PositiveInt = Field(2048, description="with thinking_tokens: of the answer after the thinking")
    thinking_tokens: PositiveInt | None = Field(
        None, description="budget of the thinking part: where it is spent, thinking_end is put and the answer asked for"
    )
    thinking_end: str = Field("</think>", description="text that ends the thinking part")
    system_prompt: str | None = None
    chat_template: str = Field("model", description="model: the tokenizer's own; none: plain text; or a jinja file")
    template_options: dict[str, Any] = Field({}, description="for the chat template, e.g. {enable_thinking: true}")
    seed: NonNegativeInt = 0


class TrainEvaluationConfig(EvaluationConfig):
    """Benchmarks while training, on the engines of the run."""

    every: NonNegativeInt = Field(0, description="every n steps; 0: before and after only")
