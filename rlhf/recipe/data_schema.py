"""The recipe's `data` section: where prompts come from, how they are put, and which comes next."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, NonNegativeInt, PositiveFloat, PositiveInt

from rlhf.recipe.section import Fraction, Section

Level = Annotated[int, Field(ge=1, le=10)]
Levels = Annotated[list[Level], BeforeValidator(lambda value: [value] if type(value) is int else value)]


class SourceConfig(Section):
    """Where prompts come from. Which keys apply depends on `source`."""

    source: Literal["jsonl", "parquet", "hub", "reasoning_gym"]
    path: str | None = Field(None, description="jsonl, parquet: the file. hub: the dataset's id")
    split: str = Field("train", description="hub: the split")
    subset: str | None = Field(None, description="hub: the configuration's name")
    revision: str | None = Field(None, description="hub: the revision")
    prompt_field: str = Field("prompt", description="field with the user's text (or a list of chat messages)")
    reference_field: str | None = Field("reference", description="field with the gold answer; null where there is none")
    metadata_fields: list[str] = Field([], description="further fields handed to the verifier")
    domain: str | None = Field(None, description="domain of all its rows; default the task's name, else `default`")
    domain_field: str | None = Field(None, description="field with a row's domain")
    difficulty_field: str | None = Field(
        None, description="field with a number, higher for harder rows: what a curriculum goes by"
    )
    task: str | None = Field(None, description="reasoning_gym: the task's name")
    task_config: dict[str, Any] = Field({}, description="reasoning_gym: the task's own settings")
    difficulty: Levels = Field(
        [],
        max_length=2,
        description="reasoning_gym: a level from 1 to 10, or the first and the last of several that rows take in turn",
    )
    size: PositiveInt | None = Field(None, description="take this many prompts (reasoning_gym: make this many)")
    seed: NonNegativeInt = Field(0, description="reasoning_gym: the generator's seed")


class FewShotExample(Section):
    prompt: str = Field(description="as a row's text, without data.prompt_suffix")
    response: str


class MixConfig(Section):
    """How often each domain of the training prompts is drawn from."""

    weights: dict[str, PositiveFloat] = Field(
        {}, description="how often each is drawn from, all of them named; default in proportion to its prompts"
    )
    adaptive: bool = Field(
        False,
        description="weigh a domain by its share of groups with right and wrong answers too (Seed1.5-Thinking)",
    )
    memory: Fraction = Field(0.95, description="adaptive: share of that running average that a new group leaves")
    floor: Fraction = Field(0.1, description="adaptive: the least that the share counts")


class SamplingConfig(Section):
    """Which training prompt comes next. By default each once an epoch, shuffled."""

    order: Literal["epochs", "prioritised"] = Field(
        "epochs",
        description="prioritised: drawn in proportion to 1 - the prompt's success rate (Kimi k1.5)",
    )
    floor: Fraction = Field(
        0.1, description="prioritised: the least that 1 - success rate counts, so that solved prompts are met again"
    )
    memory: Fraction = Field(
        0.7, description="share of a prompt's running success rate that a new group leaves as it was"
    )
    probe_samples: NonNegativeInt = Field(
        0, description="answers to every prompt before training that estimate its success rate (Kimi k1.5: 10)"
    )
    pass_rate_above: Fraction | None = Field(
        None, description="leave prompts out whose probed success rate is not above this (MiniMax-M1: 0)"
    )
    pass_rate_below: Fraction | None = Field(None, description="or not below this (MiniMax-M1: 0.9)")
    guesses: NonNegativeInt = Field(
        0,
        description="leave a prompt out if any of so many answers given without thinking is right (Kimi k1.5: 8)",
    )
    guess_prefix: str = Field("\\boxed{", description="text that such an answer begins with")
    guess_tokens: PositiveInt = Field(16, description="tokens of such an answer")
    curriculum_steps: NonNegativeInt = Field(
        0, description="over so many steps harder prompts join, easiest first; 0: all from the start"
    )
    curriculum_start: Fraction = Field(0.25, description="share of the prompts, the easiest, that it begins with")
    mix: MixConfig = MixConfig()

    @property
    def probes(self) -> bool:
        """Whether prompts are answered before training to learn about them."""
        return self.probe_samples > 0 or self.guesses > 0

    @property
    def adaptive(self) -> bool:
        """Whether it does more than go through the prompts in epochs."""
        mixed = bool(self.mix.weights) or self.mix.adaptive
        return self.order != "epochs" or self.probes or self.curriculum_steps > 0 or mixed


class DataConfig(Section):
    train: SourceConfig
    train_also: list[SourceConfig] = Field([], description="further sources of training prompts")
    heldout: SourceConfig | None = Field(None, description="prompts never trained on; accuracy is measured on them")
    system_prompt: str | None = None
    few_shot: list[FewShotExample] = Field(
        [],
        description="answered questions shown before every prompt: earlier turns of the chat, or paragraphs of plain text",
    )
    prompt_suffix: str = Field("", description="appended to every user text, e.g. how to box the answer")
    max_prompt_tokens: PositiveInt = 512
    on_bad_row: Literal["stop", "skip"] = Field(
        "stop", description="a malformed row stops the run, or is counted and listed"
    )
    on_long_prompt: Literal["stop", "skip"] = Field(
        "stop", description="likewise for a prompt beyond max_prompt_tokens"
    )
    on_overlap: Literal["stop", "drop"] = Field(
        "stop",
        description="a training prompt that is held out too stops the run, or is dropped from training and counted",
    )
    shuffle: bool = True
    sampling: SamplingConfig = SamplingConfig()
