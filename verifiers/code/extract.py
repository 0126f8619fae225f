"""The program in a response: the last fenced block after the thinking part."""

from __future__ import annotations

import re
from dataclasses import dataclass

from verifiers.extract import after_thinking

MAX_SOURCE_CHARS = 200_000
LANGUAGES = {
    "python": ("python", "py", "python3"),
    "cpp": ("cpp", "c++", "cc", "cxx"),
}
_OPENING = re.compile(r"(`{3,}+|~{3,}+)[ \t]*+([\w+#.-]*+)[^\n`]*+")


@dataclass(frozen=True, slots=True)
class Source:
    text: str
    language: str


def blocks(text: str) -> list[tuple[str, str]]:
    """(tag, content) of the fenced blocks that are closed, in order. A fence is closed by one as long, of its kind."""
    found: list[tuple[str, str]] = []
    tag, fence, lines = "", "", list[str]()
    for line in text.replace("\r\n", "\n").split("\n"):
        stripped = line.strip()
        if fence:
            if stripped and set(stripped) == {fence[0]} and len(stripped) >= len(fence):
                found.append((tag, "\n".join(lines)))
                fence = ""
            else:
                lines.append(line)
        elif opening := _OPENING.fullmatch(stripped):
            fence, tag, lines = opening[1], opening[2].lower(), []
    return found


def extract(response: str, how: str, language: str, think_close: str) -> Source | str:
    """The source, or why there is none. how: `fence`, or `all` for responses that are nothing but code. language:
    `python` or `cpp`, or `fence`: what the block says it is (Python where it says nothing)."""
    text = after_thinking(response, think_close)
    if how == "all":
        return _bounded(Source(text, "python" if language == "fence" else language))
    wanted = [language] if language != "fence" else list(LANGUAGES)
    tags = {tag: name for name in wanted for tag in LANGUAGES[name]} | {"": wanted[0]}
    found = [Source(content, tags[tag]) for tag, content in blocks(text) if tag in tags]
    if not found:
        return f"no closed ``` block of {' or '.join(wanted)} in the response"
    return _bounded(found[-1])


def _bounded(source: Source) -> Source | str:
    if not source.text.strip():
        return "the code is empty"
    if len(source.text) > MAX_SOURCE_CHARS:
        return f"code of {len(source.text)} characters; at most {MAX_SOURCE_CHARS} are run"
    return source
