"""One side of a benchmark in this process: `python -m benchmarks.side MODULE SIDE OPTIONS RESULT` (not for people)."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

from benchmarks.common import end_on_sigterm


def main(module: str, side: str, options: str, result: str) -> None:
    end_on_sigterm()
    answer = importlib.import_module(module).SIDES[side](json.loads(options))
    Path(result).write_text(json.dumps(answer))


if __name__ == "__main__":
    main(*sys.argv[1:])
