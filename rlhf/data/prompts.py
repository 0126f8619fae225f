"""Rows to prompts: chat template or plain text, tokenised once, with a limit on the length."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from rlhf.data.errors import BadRowError, DataError
from rlhf.data.rows import Message, Row
from rlhf.recipe.data_schema import DataConfig
from rlhf.types import Prompt


class Tokenizer(Protocol):
    """What is used of a Hugging Face tokenizer."""

    @property
    def chat_template(self) -> Any: ...

    def __call__(self, text: str, *, add_special_tokens: bool = True) -> Mapping[str, Any]: ...

    def apply_chat_template(
        self, conversation: Sequence[Message], *, tokenize: bool, add_generation_prompt: bool
    ) -> Any: ...


def make_prompt(row: Row, set_name: str, data: DataConfig, tokenizer: Tokenizer) -> Prompt:
    """The prompt of a row; its id is `set_name/index of the row`. Raises BadRowError for what cannot be one.

    With a chat template: system prompt, few-shot examples and messages through it, with the opening of the answer.
    Without: the same as paragraphs of text, with the special tokens that the tokenizer adds by itself.
    """
    text = row.text + data.prompt_suffix
    ids = _chat(row, text, data, tokenizer) if tokenizer.chat_template else _plain(row, text, data, tokenizer)
    if not ids:
        raise BadRowError(row.origin, "the tokenizer makes no token of the prompt; write some text")
    # Its text is the row's own, without data.prompt_suffix: verifiers and comparisons want the question alone.
    return Prompt(
        f"{set_name}/{row.index}", row.text, tuple(ids), row.reference, row.metadata, row.domain, row.difficulty
    )


def check_length(prompt: Prompt, row: Row, limit: int) -> BadRowError | None:
    if len(prompt.token_ids) <= limit:
        return None
    found = f"the prompt has {len(prompt.token_ids)} tokens, data.max_prompt_tokens is {limit}"
    return BadRowError(row.origin, f"{found}; raise it, or write data.on_long_prompt: skip")


def _chat(row: Row, text: str, data: DataConfig, tokenizer: Tokenizer) -> list[int]:
    turns: list[Message] = [*(row.messages or ())[:-1], {"role": "user", "content": text}]
    system = turns[:1] if turns[0]["role"] == "system" else []
    turns = turns[len(system) :]
    if data.system_prompt is not None:
        if system:
            raise BadRowError(
                row.origin, "the row has a system message, and the recipe data.system_prompt; remove one of the two"
            )
        system = [{"role": "system", "content": data.system_prompt}]
    messages = [*system, *_examples(data), *turns]
    try:
        # Rendered first and then tokenised: what `tokenize=True` returns differs between versions.
        rendered = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    except Exception as error:
        if type(error).__module__.partition(".")[0] != "jinja2":
            raise
        raise BadRowError(row.origin, f"the chat template refuses it: {error}") from error
    if not isinstance(rendered, str):
        raise DataError("tokenizer", f"its chat template gave a {type(rendered).__name__}, not text")
    return _ids(tokenizer(rendered, add_special_tokens=False))


def _examples(data: DataConfig) -> Iterator[Message]:
    """data.few_shot as turns of a chat."""
    for example in data.few_shot:
        yield {"role": "user", "content": example.prompt + data.prompt_suffix}
        yield {"role": "assistant", "content": example.response}


def _plain(row: Row, text: str, data: DataConfig, tokenizer: Tokenizer) -> list[int]:
    if row.messages is not None and len(row.messages) > 1:
        raise BadRowError(
            row.origin,
            f"a chat of {len(row.messages)} messages, but the tokenizer has no chat template; write plain text",
        )
    shown = [f"{e.prompt}{data.prompt_suffix}\n{e.response}" for e in data.few_shot]
    opening = [] if data.system_prompt is None else [data.system_prompt]
    return _ids(tokenizer("\n\n".join([*opening, *shown, text])))


def _ids(encoded: Mapping[str, Any]) -> list[int]:
    return [int(i) for i in encoded["input_ids"]]
