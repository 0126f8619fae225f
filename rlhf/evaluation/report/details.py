"""Token details of a sample (`rlhf.token_details`) in the form that the page shades by.

    t: texts, p: log-probabilities in hundredths, v: [version, how many] in order, a: the advantage, or one each

A token that adds no text (it ends within a character) is put together with the one that completes it: their
log-probabilities add up. A text without log-probability and version is a remark about what was left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from rlhf.evaluation.report.plain import number


@dataclass(frozen=True, slots=True)
class _Piece:
    text: str
    logp: float | None
    version: int | None
    advantage: float | None


def page_details(raw: Any, text: str, limit: int) -> tuple[dict[str, Any] | None, bool]:
    """The page's form of a record's `details`, at most about `limit` characters; and whether they make up the text.

    None for what is missing or not of that form.
    """
    pieces = _pieces(raw)
    if pieces is None:
        return None, False
    gap = _gap(raw, len(pieces))
    head, tail = (pieces[: gap[0]], pieces[gap[0] :]) if gap else (pieces, [])
    begin, end = "".join(p.text for p in head), "".join(p.text for p in tail)
    whole = text.startswith(begin) and text.endswith(end) if gap else text == begin
    shown = [*_merged(head), _remark(gap[1]), *_merged(tail)] if gap else _merged(head)
    shown = _cut(shown, limit)
    advantages = [piece.advantage for piece in shown if piece.version is not None]
    one = advantages[0] if len(set(advantages)) == 1 else None
    return {
        "t": [piece.text for piece in shown],
        "p": [None if piece.logp is None else round(100 * piece.logp) for piece in shown],
        "v": [[version, len(list(same))] for version, same in groupby(piece.version for piece in shown)],
        "a": one if len(set(advantages)) <= 1 else [piece.advantage for piece in shown],
    }, whole


def _pieces(raw: Any) -> list[_Piece] | None:
    """One a token, or None for what is not the form that it should have."""
    if not isinstance(raw, dict):
        return None
    texts, logp, runs, advantage = (raw.get(key) for key in ("texts", "logp", "versions", "advantage"))
    if not isinstance(texts, list) or not isinstance(logp, list) or not isinstance(runs, list):
        return None
    versions: list[int] = []
    for run in runs:
        if not (isinstance(run, list) and len(run) == 2 and all(type(n) is int for n in run)):
            return None
        versions += [run[0]] * max(0, min(run[1], len(texts) - len(versions)))
    advantages = advantage if isinstance(advantage, list) else [advantage] * len(texts)
    if not texts or not len(texts) == len(logp) == len(versions) == len(advantages):
        return None
    rows = zip(texts, logp, versions, advantages, strict=True)
    return [_Piece(str(t), number(p), v, number(a)) for t, p, v, a in rows]


def _gap(raw: dict[str, Any], length: int) -> tuple[int, int] | None:
    """(index, tokens left out there)."""
    gap = raw.get("gap")
    if isinstance(gap, list) and len(gap) == 2 and all(type(n) is int for n in gap) and 0 <= gap[0] <= length:
        return gap[0], gap[1]
    return None


def _merged(pieces: Sequence[_Piece]) -> list[_Piece]:
    merged: list[_Piece] = []
    for piece in pieces:
        before = merged[-1] if merged else None
        if before is not None and before.text == "":
            known = [p for p in (before.logp, piece.logp) if p is not None]
            merged[-1] = replace(piece, logp=sum(known) if known else None)
        else:
            merged.append(piece)
    return merged


def _cut(pieces: Sequence[_Piece], limit: int) -> list[_Piece]:
    """Tokens from both ends, until half of the characters are spent at each."""
    if sum(len(piece.text) for piece in pieces) <= limit:
        return list(pieces)
    first = _reach([piece.text for piece in pieces], limit // 2)
    last = _reach([piece.text for piece in reversed(pieces)], limit // 2)
    return [*pieces[:first], _remark(len(pieces) - first - last), *pieces[len(pieces) - last :]]


def _reach(texts: Sequence[str], limit: int) -> int:
    """How many of the first texts are within `limit` characters."""
    spent = 0
    for index, text in enumerate(texts):
        spent += len(text)
        if spent > limit:
            return index
    return len(texts)


def _remark(tokens: int) -> _Piece:
    return _Piece(f"\n[… {tokens:,} tokens left out …]\n", None, None, None)
