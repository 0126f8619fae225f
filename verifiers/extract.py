"""Finding the answer in a response: the last box, tag or line after the thinking part. Plain text work, linear time."""

from __future__ import annotations

import re

_TOKEN = re.compile(r"\\(?:boxed|fbox)\s*\{|\\.|[{}]", re.DOTALL)
_BOX_START = re.compile(r"\\(?:boxed|fbox)\s*\{")


def after_thinking(response: str, think_close: str = "</think>") -> str:
    """What follows the last `think_close`; the whole response where there is none."""
    return response.rpartition(think_close)[2] if think_close else response


def last_boxed(text: str) -> str | None:
    """The content of the last `\\boxed{...}` whose braces balance, boxes around boxes removed; None without one.

    Of nested boxes the outermost counts. Escaped braces are text.
    """
    found = boxes(text)
    return found[-1] if found else None


def boxes(text: str) -> list[str]:
    """The contents of all of them, in order."""
    open_braces: list[tuple[int, bool]] = []
    closed: list[tuple[int, int]] = []
    for token in _TOKEN.finditer(text):
        found = token.group()
        if found == "}":
            if open_braces:
                start, is_box = open_braces.pop()
                if is_box:
                    while closed and closed[-1][0] > start:
                        closed.pop()  # it stands within this one
                    closed.append((start, token.start()))
        elif found.endswith("{") and found != "\\{":
            open_braces.append((token.end(), len(found) > 1))
    return [_unwrapped(text[start:end].strip()) for start, end in closed]


def _unwrapped(content: str) -> str:
    """`content` without boxes that hold all of it: `\\boxed{5}` is `5`."""
    while (box := _BOX_START.match(content)) and content.endswith("}"):
        inner = content[box.end() : -1]
        if not balanced(inner):
            break
        content = inner.strip()
    return content


def balanced(text: str) -> bool:
    """Whether every brace that is not escaped has its partner."""
    depth = 0
    for token in _TOKEN.finditer(text):
        found = token.group()
        if found == "}":
            depth -= 1
            if depth < 0:
                return False
        elif found.endswith("{") and found != "\\{":
            depth += 1
    return depth == 0


def tag_contents(text: str, tag: str) -> list[str]:
    """What stands between each `<tag>` and the next `</tag>`, in order."""
    opening, closing = f"<{tag}>", f"</{tag}>"
    found, position = [], 0
    while (start := text.find(opening, position)) >= 0:
        end = text.find(closing, start)
        if end < 0:
            break
        found.append(text[start + len(opening) : end])
        position = end + len(closing)
    return found


def last_line(text: str) -> str | None:
    """The last line that is not blank."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else None
