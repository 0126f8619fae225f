"""The set-up is a folder of scripts, not a package: its modules are found as it finds them itself."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts" / "setup"))
