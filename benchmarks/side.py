"""One side of a benchmark in this process: `python -m benchmarks.side MODULE SIDE OPTIONS RESULT` (not for people)."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import sys
from pathlib import Path

from benchmarks.common import end_on_sigterm
from verifiers.sandbox.linux import adopt_orphans


def main(module: str, side: str, options: str, result: str) -> None:
    end_on_sigterm()
    adopt_orphans()  # what its processes leave behind is its own work, and must not count as that of others
    answer = importlib.import_module(module).SIDES[side](json.loads(options))
    Path(result).write_text(json.dumps(answer))
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


if __name__ == "__main__":
    main(*sys.argv[1:])
