"""`format`: think and answer tags exactly once and in order (the format reward of DeepSeek-R1).

Tags of the same name that the answer only *mentions* count too: a response is right only if each tag occurs once.
"""

from __future__ import annotations

import functools
import re

from verifiers.base import Sample, Verdict
from verifiers.extract import last_boxed
from verifiers.registry import verifier
from verifiers.shape.parts import shows
from verifiers.verifier import clip

_TAG_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_BOX = re.compile(r"\\(?:boxed|fbox)(?![A-Za-z])")
_HIDDEN = re.compile(r"[^\t\n\r -~]+")


@verifier("format", summary="think and answer tags exactly once and in order", needs_reference=False)
def format_verifier(
    sample: Sample,
    tags: list[str] | None = None,
    require_box: bool = False,
    opened_by_prompt: bool = False,
    allow_outside: bool = False,
) -> Verdict:
    """Check the shape of the response: `<a>…</a><b>…</b>` for tags [a, b], none of them empty."""
    names = ["think", "answer"] if tags is None else tags
    if not names or len(set(names)) < len(names) or not all(_TAG_NAME.fullmatch(name) for name in names):
        raise ValueError(f"tags: found {names!r}; write distinct tag names without brackets, e.g. [think, answer]")
    response = f"<{names[0]}>{sample.response}" if opened_by_prompt else sample.response
    found = contents_in_order(response, names, allow_outside)
    if isinstance(found, str):
        return Verdict.wrong(reason=found)
    last = found[-1]
    if require_box:
        box = last_boxed(last)
        if len(_BOX.findall(last)) != 1 or box is None:
            return Verdict.wrong(reason=f"<{names[-1]}> does not hold exactly one \\boxed{{}}")
        if not shows(box.strip(" .,;:")):
            return Verdict.wrong(reason="the box is empty")
    return Verdict.correct(clip(last.strip()))


def contents_in_order(text: str, names: list[str], allow_outside: bool) -> list[str] | str:
    """What stands in each tag, or what is wrong with the shape of `text`."""
    position, contents = 0, []
    for name in names:
        span = _only_span(text, name)
        if isinstance(span, str):
            return span
        opening, start, end = span[0] - len(name) - 2, *span
        problem = None
        if opening < position:
            problem = f"<{name}> comes too early; the order is {', '.join(names)}"
        elif not allow_outside and text[position:opening].strip():
            problem = f"text before <{name}>, outside the tags"
        elif not shows(text[start:end]):
            problem = f"<{name}> is empty"
        if problem:
            return problem
        contents.append(text[start:end])
        position = end + len(name) + 3
    return contents if allow_outside or not text[position:].strip() else f"text after </{names[-1]}>"


def _only_span(text: str, name: str) -> tuple[int, int] | str:
    """Start and end of the content of the only `<name>…</name>`, or what is wrong."""
    opening, closing = f"<{name}>", f"</{name}>"
    for tag in (opening, closing):
        if (count := text.count(tag)) != 1:
            return f"{tag} occurs {count} times, not once"
    if len(list(_nearly(name).finditer(_HIDDEN.sub("", text)))) != 2:
        return f"a tag that is {opening} or {closing} but for case, spaces, attributes or hidden characters"
    start, end = text.index(opening) + len(opening), text.index(closing)
    return (start, end) if start <= end else f"{closing} comes before {opening}"


@functools.lru_cache(maxsize=16)
def _nearly(name: str) -> re.Pattern[str]:
    return re.compile(rf"<\s{{0,9}}/?\s{{0,9}}{re.escape(name)}(?:[\s/][^<>]{{0,200}})?>", re.IGNORECASE | re.ASCII)
