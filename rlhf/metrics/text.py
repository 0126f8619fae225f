"""Model text made safe for a terminal: no escape sequence, control or direction-changing character survives."""

from __future__ import annotations

import re

# CSI (colours, cursor); OSC, DCS, SOS, PM, APC strings (titles, links, clipboard) to their terminator; other escapes.
_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]*[0-~]?"
)
# C0 and C1 controls but newline and tab; line separators; bidirectional overrides and isolates; zero-width marks.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


def terminal_text(text: str) -> str:
    """`text` without escape sequences and control characters; newlines and tabs stay.

    What is left is plain characters. It may still hold rich's markup (`[red]`): print it as `rich.text.Text`,
    never as a string that rich parses.
    """
    return _CONTROLS.sub("", _ESCAPES.sub("", text.replace("\r\n", "\n")))


def one_line(text: str, width: int = 200) -> str:
    """`terminal_text` on one line of at most `width` characters."""
    flat = " ".join(terminal_text(text).split())
    return flat if len(flat) <= width else flat[: width - 1] + "…"
