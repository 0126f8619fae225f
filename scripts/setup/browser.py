"""A headless Chromium for the tests of the report's page: `make browser`, which `make test` runs first.

Installed where that needs no password (root, apt-get); elsewhere it is said what is missing, and those tests skip.
Only tests need it: neither `make setup` nor `make demo` asks for it. It never fails, and ends at once where one is.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable

import pips
import system

NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = system.Need("a headless browser (`chromium`)", "tests of the report's page run in it", "chromium")
# Without a network apt-get would else try each address for minutes, at every `make test`.
BOUNDS = ("-o", "Acquire::Retries=1", "-o", "Acquire::http::Timeout=20", "-o", "Acquire::https::Timeout=20")


def install(say: Callable[[str], None], run: Callable[[list[str]], int], root: bool) -> None:
    """Nothing where a browser is found; else Debian's, or a line on what is missing."""
    if any(shutil.which(name) for name in NAMES):
        return

    def bounded(command: list[str]) -> int:
        return run([command[0], *BOUNDS, *command[1:]])

    system.offer([CHROMIUM], say, bounded, root)


if __name__ == "__main__":
    install(pips.Speaker(), system.run_quietly, os.geteuid() == 0)
