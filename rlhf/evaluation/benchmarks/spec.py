"""What a benchmark is: one light entry of the table, with its source, its prompt, its verifier and its known errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["math", "science", "code", "logic", "own"]

BOXED = "{question}\n\nPlease reason step by step, and put your final answer within \\boxed{}."
"""As Qwen2.5-Math and DeepSeek-R1 are asked (the model cards of both)."""


@dataclass(frozen=True, slots=True)
class Hub:
    """A data set of the hub. revision: the commit, where somebody has checked it against a source; None: unverified.

    file: a jsonl or parquet file of it, read as it is: for sets with a loading script, which `datasets` refuses.
    """

    id: str
    subset: str | None
    split: str
    revision: str | None
    file: str | None = None


@dataclass(frozen=True, slots=True)
class Erratum:
    """A wrong gold answer, and the right one. problem: words that its question alone holds, since ids differ between
    copies. why: what makes it right. source: who says so."""

    problem: str
    reference: str
    why: str
    source: str


@dataclass(frozen=True, slots=True)
class Benchmark:
    """files: names that are looked for in --data-dir, in order. reader: `module:function`, from a Record to a Problem.

    instruction: `{question}` stands for the question. config: the verifier's. samples: of a problem, unless asked for
    otherwise. errata: by name. categories: what `Problem.category` means, empty where there is none. note: what one has
    to know before one uses it as it is; empty where that is nothing.
    """

    name: str
    summary: str
    kind: Kind
    hub: Hub | None
    files: tuple[str, ...]
    reader: str
    instruction: str
    verifier: str
    samples: int
    licence: str
    config: Mapping[str, Any] = field(default_factory=dict)
    errata: Mapping[str, Erratum] = field(default_factory=dict)
    categories: str = ""
    note: str = ""
