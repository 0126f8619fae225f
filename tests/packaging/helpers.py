"""Shared by the tests of the set-up: its main module, and executables made on the spot."""

from __future__ import annotations

import importlib.util
import stat
import sys
from pathlib import Path
from types import ModuleType

import environment as env

ROOT = Path(__file__).resolve().parents[2]


def load_main() -> ModuleType:
    """`scripts/setup/__main__.py` as a module."""
    spec = importlib.util.spec_from_file_location("longthought_setup", ROOT / "scripts" / "setup" / "__main__.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def executable(path: Path, body: str) -> Path:
    """A Python program with a shebang, in a file that may be executed."""
    path.write_text(f"#!{sys.executable}\n{body}")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def fake_venv(folder: Path, stamp: env.Stamp | None, version: str = "3.11.7") -> Path:
    """A folder that looks like a virtual environment, whose Python says `version` whatever it is asked."""
    (folder / "bin").mkdir(parents=True)
    (folder / "pyvenv.cfg").touch()
    executable(folder / "bin" / "python", f"print('{version}')")
    if stamp is not None:
        env.write_stamp(folder, stamp)
    return folder


MAIN = load_main()
