"""One problem of a benchmark, as every part of the evaluation knows it: before any tokenizer, after any errata."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Problem:
    """id: unique within its benchmark and stable between runs: the row's own, else its number counted from 0.

    question: what the verifier is told was asked, and what `instruction` wraps. category: a subject or level, for
    tables; None where the benchmark has none. metadata: JSON values only, for the verifier.

    core: the data set's own texts where `question` has words of ours around them, or has them in an order of ours: each
    alone gives the problem away, and is what contamination looks for. Empty: the question is its own.
    """

    id: str
    question: str
    reference: str | None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    category: str | None = None
    core: tuple[str, ...] = ()
