"""TRL in a virtual environment of its own, laid over this one, which stays as it is.

TRL wants nothing that Longthought's lock does not hold (transformers, accelerate, datasets…), so the environment
holds TRL alone and sees the rest through a .pth file: both sides run the same torch and transformers.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

from benchmarks.common import BenchmarkError, say

TRL_VERSION = "1.16.0"


def default_folder() -> Path:
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(cache).expanduser() / "longthought" / "benchmarks" / f"trl-{TRL_VERSION}"


def trl_python(folder: Path) -> Path:
    """The interpreter of the environment in `folder`, which is made on the first call (a download of 1 MB)."""
    python = folder / "bin" / "python"
    overlay = _site_packages(folder) / "longthought.pth"
    base = f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n"
    if _installed(folder) and overlay.exists() and overlay.read_text() == base:
        return python
    say(f"grpo_step: installing TRL {TRL_VERSION} into {folder}")
    venv.EnvBuilder(clear=True, symlinks=True, with_pip=False).create(folder)
    overlay.write_text(base)
    command = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps"]
    done = subprocess.run([*command, f"trl=={TRL_VERSION}"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BenchmarkError(f"TRL could not be installed into {folder}:\n{done.stderr.strip()}")
    return python


def _site_packages(folder: Path) -> Path:
    return folder / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"


def _installed(folder: Path) -> bool:
    return (_site_packages(folder) / f"trl-{TRL_VERSION}.dist-info").is_dir()
