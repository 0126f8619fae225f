"""A problem to the tokens that an engine is given: instruction, examples, system prompt, chat template."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from rlhf.data.errors import DataError
from rlhf.evaluation.problem import Problem
from rlhf.recipe.data_schema import FewShotExample
from rlhf.recipe.evaluation_schema import EvaluationConfig

QUESTION = "{question}"
PLAIN_TEXT = "the tokenizer has no chat template: problems are put as plain text, and template_options have no effect"
Message = dict[str, str]


class Tokenizer(Protocol):
    """What is used of a Hugging Face tokenizer."""

    @property
    def chat_template(self) -> Any: ...

    def __call__(self, text: str, *, add_special_tokens: bool = True) -> Mapping[str, Any]: ...

    def apply_chat_template(self, conversation: Sequence[Message], **options: Any) -> Any: ...


@dataclass(frozen=True, slots=True)
class PromptStyle:
    """chat_template: `model`, `none`, or the path of a jinja file; template: its text, for a file."""

    chat_template: str
    template: str | None = None
    system_prompt: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, config: EvaluationConfig, tokenizer: Tokenizer) -> PromptStyle:
        """As asked for; a model without a chat template is given plain text. Raises DataError for a file not there."""
        name, template = config.chat_template, None
        if name == "model" and not tokenizer.chat_template:
            name = "none"
        if name not in ("model", "none"):
            try:
                template = Path(name).expanduser().read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                raise DataError("evaluation.chat_template", f"{name} cannot be read: {error}") from error
        return cls(name, template, config.system_prompt, dict(config.template_options))


def wrap(question: str, instruction: str) -> str:
    """The instruction around a question; the question's own braces stay as they are."""
    return instruction.replace(QUESTION, question)


def encode(
    problem: Problem, instruction: str, few_shot: Sequence[FewShotExample], style: PromptStyle, tokenizer: Tokenizer
) -> tuple[int, ...]:
    """Token ids [P] of a problem's prompt. Raises DataError where the chat template refuses it."""
    if style.chat_template == "none":
        shown = [f"{wrap(e.prompt, instruction)}\n{e.response}" for e in few_shot]
        opening = [] if style.system_prompt is None else [style.system_prompt]
        return _ids(tokenizer("\n\n".join([*opening, *shown, wrap(problem.question, instruction)])), problem)
    messages = list(_messages(problem, instruction, few_shot, style))
    options = dict(style.options) | ({} if style.template is None else {"chat_template": style.template})
    try:
        text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True, **options)
    except Exception as error:
        if type(error).__module__.partition(".")[0] != "jinja2":
            raise
        raise DataError("evaluation.chat_template", f"it refuses problem {problem.id}: {error}") from error
    return _ids(tokenizer(text, add_special_tokens=False), problem)


def _messages(
    problem: Problem, instruction: str, few_shot: Sequence[FewShotExample], style: PromptStyle
) -> Iterator[Message]:
    if style.system_prompt is not None:
        yield {"role": "system", "content": style.system_prompt}
    for example in few_shot:
        yield {"role": "user", "content": wrap(example.prompt, instruction)}
        yield {"role": "assistant", "content": example.response}
    yield {"role": "user", "content": wrap(problem.question, instruction)}


def _ids(encoded: Mapping[str, Any], problem: Problem) -> tuple[int, ...]:
    ids = tuple(int(i) for i in encoded["input_ids"])
    if not ids:
        raise DataError(f"problem {problem.id}", "the tokenizer makes no token of its prompt")
    return ids
