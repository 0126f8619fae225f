"""Who imports whom (design, rule 7), sizes of files, and that the commands start without the engines."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.imports import HEAVY, LIGHT, MAX_LINES, broken, imports_of, module_name, reached, sources

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sources(ROOT)
FOUND = [item for path, text in SOURCES.items() for item in imports_of(path, text)]
MODULES = frozenset(module_name(path) for path in SOURCES)


def test_the_checker_sees_the_packages() -> None:
    assert {"rlhf/types.py", "verifiers/base.py", "cluster/__init__.py"} <= set(SOURCES)
    assert any(item.target.startswith("pydantic") for item in FOUND)


def test_nobody_imports_whom_they_must_not() -> None:
    assert broken(FOUND) == []


@pytest.mark.parametrize("module", sorted(m for m in MODULES if f"{m.replace('.', '/')}/".startswith(LIGHT)))
def test_the_recipe_imports_nothing_heavy(module: str) -> None:
    chains = reached(module, FOUND, MODULES)
    assert [" → ".join(chains[name]) for name in sorted(HEAVY & set(chains))] == []


@pytest.mark.parametrize("path", sorted(SOURCES))
def test_a_file_stays_readable(path: str) -> None:
    lines = SOURCES[path].count("\n")
    assert lines <= MAX_LINES, f"{path} has {lines} lines; split it (at most {MAX_LINES})"


PLANTED = [
    ("rlhf/trainer.py", "import ray\n", "only_ray"),
    ("rlhf/trainer.py", "from ray.util import placement_group\n", "only_ray"),
    ("rlhf/trainer.py", "def f():\n    import ray\n", "only_ray"),
    ("rlhf/cli.py", "def f():\n    import ray\n", "only_ray"),
    ("verifiers/pool.py", "import ray as r\n", "only_ray"),
    ("cluster/actors.py", "from vllm import LLM\n", "vLLM"),
    ("rlhf/learner/x.py", "import vllm.engine\n", "vLLM"),
    ("rlhf/learner/x.py", "import importlib\nimportlib.import_module('vllm')\n", "vLLM"),
    ("rlhf/rollout/x.py", "import deepspeed\n", "DeepSpeed"),
    ("cluster/learner.py", "async def f():\n    import deepspeed\n", "DeepSpeed"),
    ("rlhf/cli.py", "from cluster.app import build\n", "lazily"),
    ("rlhf/cli.py", "import cluster\n", "lazily"),
    ("rlhf/cli.py", "class C:\n    import cluster\n", "lazily"),
    ("rlhf/trainer.py", "def f():\n    from cluster import app\n", "lazily"),
    ("rlhf/trainer.py", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import cluster\n", "lazily"),
    ("verifiers/math.py", "from cluster import x\n", "lazily"),
    ("verifiers/math.py", "from rlhf.types import Prompt\n", "stands alone"),
    ("verifiers/math.py", "def f():\n    import rlhf\n", "stands alone"),
    ("rlhf/algorithms/grpo.py", "from rlhf.learner import packing\n", "pure"),
    ("rlhf/algorithms/grpo.py", "from ..learner import packing\n", "pure"),
    ("rlhf/algorithms/grpo.py", "from .. import rollout\n", "pure"),
    ("rlhf/algorithms/grpo.py", "import transformers\n", "pure"),
    ("rlhf/algorithms/__init__.py", "from ..trainer import run\n", "pure"),
]


@pytest.mark.parametrize(("path", "source", "why"), PLANTED)
def test_a_planted_violation_is_found(path: str, source: str, why: str) -> None:
    lines = broken(imports_of(path, source))
    assert len(lines) == 1
    assert lines[0].startswith(f"{path}:{source.count(chr(10))}: imports ")
    assert {"only_ray": "wrapped as actors"}.get(why, why) in lines[0]


ALLOWED = [
    ("rlhf/cli.py", "def f():\n    from cluster.app import build\n"),
    ("cluster/actors.py", "import ray\nfrom rlhf.rollout import engine\nfrom verifiers import base\n"),
    ("rlhf/rollout/engine.py", "import vllm\nfrom vllm.v1 import x\n"),
    ("rlhf/learner/engine.py", "def f():\n    import deepspeed\n"),
    (
        "rlhf/algorithms/kl.py",
        "import torch\nfrom . import base\nfrom ..types import Batch\nfrom .loss_types import L\n",
    ),
    ("rlhf/trainer.py", "import rayon\nfrom clusters import x\nimport vllm_like\n'import ray'\n"),
    ("verifiers/math.py", "from .base import Verdict\nimport rlhfoo\n"),
]


@pytest.mark.parametrize(("path", "source"), ALLOWED)
def test_what_is_allowed_is_left_alone(path: str, source: str) -> None:
    assert broken(imports_of(path, source)) == []


HIDDEN = {
    "rlhf/__init__.py": "",
    "rlhf/recipe/__init__.py": "from .load import load\n",
    "rlhf/recipe/load.py": "from rlhf import registry\ndef f():\n    import ray\n",
    "rlhf/registry.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import vllm\nelse:\n    import datasets\n"
    "try:\n    import torch.nn\nexcept ImportError:\n    pass\n",
}


def test_a_heavy_import_is_found_through_other_modules() -> None:
    found = [item for path, text in HIDDEN.items() for item in imports_of(path, text)]
    chains = reached("rlhf.recipe", found, frozenset(map(module_name, HIDDEN)))
    assert HEAVY & set(chains) == {"torch", "datasets"}
    assert chains["torch"] == ("rlhf.recipe", "rlhf.recipe.load", "rlhf.registry", "torch")


def scripts() -> dict[str, str]:
    """Console scripts by name, as in pyproject.toml (`rlhf.cli:main`)."""
    table: dict[str, str] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    return table


@pytest.mark.parametrize("name", sorted(scripts()))
def test_a_command_is_found_and_imports_no_engine(name: str) -> None:
    module, _, function = scripts()[name].partition(":")
    code = (
        f"import importlib, sys; assert callable(importlib.import_module({module!r}).{function}); "
        f"print(*sorted(set({sorted(HEAVY)!r}) & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr
