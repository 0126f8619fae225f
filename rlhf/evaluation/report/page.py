"""From what a page shows to its HTML: templates, style, script, and the policy that allows these and nothing else.

Model text is hostile, and so are names of runs, files and benchmarks. Model text is in the page only as JSON in a data
block with `<`, `>`, `&` escaped, and is shown through `textContent`; everything else goes through Jinja's autoescape.
The content security policy allows the page's own script and style by their hashes, and no network.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from rlhf.whole_file import write_whole

HERE = Path(__file__).parent
STYLES = ("page.css", "charts.css", "browser.css")
SCRIPTS = ("common.js", "charts.js", "shading.js", "browser.js")  # one script, in this order
_UNSAFE = re.compile("[<>&\u2028\u2029\ud800-\udfff]")


def render(context: Mapping[str, Any]) -> str:
    style, script = _assets(STYLES), _assets(SCRIPTS)
    return (
        _environment()
        .get_template("page.html.jinja")
        .render(
            **context,
            style=Markup(style),  # noqa: S704 - our own files
            script=Markup(script),  # noqa: S704 - our own files
            style_hash=_hash(style),
            script_hash=_hash(script),
        )
    )


def encoded(page: str) -> bytes:
    """As it is written: a lone surrogate in a text becomes "?"."""
    return page.encode("utf-8", "replace")


def write(path: Path, page: str) -> None:
    """Atomically: whoever reads finds the old page or the new one. Raises OSError where it cannot be written."""
    write_whole(path, encoded(page))


def data_block(value: Any) -> Markup:
    """JSON for the inside of a `<script type="application/json">`: it cannot end the element or open another.

    Written in UTF-8 but for what HTML reads, line ends of JavaScript, and lone surrogates, which UTF-8 has not.
    """
    text = json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    return Markup(_UNSAFE.sub(_escaped, text))  # noqa: S704 - holds no character that HTML reads


def _escaped(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"


def _assets(names: tuple[str, ...]) -> str:
    return "\n".join((HERE / "assets" / name).read_text(encoding="utf-8").rstrip() for name in names) + "\n"


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@cache
def _environment() -> Environment:
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=FileSystemLoader(HERE / "templates"),
    )
    environment.filters["drawing"] = Markup  # SVG made in this package, from numbers and escaped words
    return environment
