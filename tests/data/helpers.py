"""Tokenizers that need no download, and a DataConfig around a jsonl file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rlhf.recipe.data_schema import DataConfig, SourceConfig


class WordTokenizer:
    """One token a word; token 1 opens a plain text, as a BOS would."""

    chat_template: str | None = None

    def __call__(self, text: str, *, add_special_tokens: bool = True) -> dict[str, list[int]]:
        return {"input_ids": [1] * add_special_tokens + [100 + len(word) for word in text.split()]}

    def apply_chat_template(self, conversation: Any, *, tokenize: bool, add_generation_prompt: bool) -> Any:
        raise AssertionError("there is no chat template")


def source(path: Path, **more: Any) -> SourceConfig:
    return SourceConfig(source="jsonl", path=str(path), **more)


def write_rows(path: Path, rows: Sequence[Any]) -> Path:
    """Each row is an object, or a raw line where it is text or bytes."""
    lines = [r if isinstance(r, bytes) else (r if isinstance(r, str) else json.dumps(r)).encode() for r in rows]
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return path


def config(path: Path, heldout: Path | None = None, fields: dict[str, Any] | None = None, **more: Any) -> DataConfig:
    return DataConfig(
        train=source(path, **(fields or {})), heldout=None if heldout is None else source(heldout), **more
    )
