"""Who imports whom (design, rule 7), read from the source: no module is executed for it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PACKAGES = ("rlhf", "verifiers", "cluster")
MAX_LINES = 400


@dataclass(frozen=True)
class Import:
    """One import: the module it stands in, what it names, and whether it runs when the module is imported."""

    path: str  # `rlhf/rollout/engine.py`, relative to the root
    line: int
    target: str  # `vllm.engine.arg_utils`, absolute
    at_import: bool  # False inside a function, and under `if TYPE_CHECKING`

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: imports {self.target}"


@dataclass(frozen=True)
class Rule:
    """`what` may be imported below `only_in` alone (or, with `nowhere_in`, anywhere but there)."""

    what: tuple[str, ...]
    only_in: tuple[str, ...] = ()
    nowhere_in: tuple[str, ...] = ()
    excused: tuple[str, ...] = ()  # files that may, provided the import is inside a function
    why: str = ""

    def broken_by(self, found: Import) -> bool:
        """Whether this import is one the rule forbids."""
        if not any(found.target == name or found.target.startswith(name + ".") for name in self.what):
            return False
        if found.path in self.excused and not found.at_import:
            return False
        if self.only_in:
            return not found.path.startswith(self.only_in)
        return found.path.startswith(self.nowhere_in)


ENGINES = ("ray", "vllm", "deepspeed")
RULES = (
    Rule(("ray",), only_in=("cluster/",), why="Ray-free cores are wrapped as actors in cluster/"),
    Rule(("vllm",), only_in=("rlhf/rollout/",), why="vLLM code lives in rlhf/rollout/"),
    Rule(("deepspeed",), only_in=("rlhf/learner/",), why="DeepSpeed code lives in rlhf/learner/"),
    Rule(
        ("cluster",),
        nowhere_in=("rlhf/", "verifiers/"),
        excused=("rlhf/cli.py",),
        why="only rlhf/cli.py puts the parts together, lazily",
    ),
    Rule(("rlhf",), nowhere_in=("verifiers/",), why="verifiers/ stands alone"),
    Rule(
        (*ENGINES, "rlhf.rollout", "rlhf.learner", "rlhf.trainer", "rlhf.data", "transformers", "datasets"),
        nowhere_in=("rlhf/algorithms/",),
        why="algorithms are pure: tensors in, loss and metrics out",
    ),
)
HEAVY = frozenset(
    {
        "torch",
        "transformers",
        "vllm",
        "deepspeed",
        "ray",
        "datasets",
        "pandas",
        "pyarrow",
        "accelerate",
        "reasoning_gym",
    }
)
LIGHT = "rlhf/recipe/"


def module_name(path: str) -> str:
    """`rlhf/recipe/__init__.py` → `rlhf.recipe`."""
    name = path.removesuffix(".py").replace("/", ".")
    return name.removesuffix(".__init__")


def imports_of(path: str, source: str) -> list[Import]:
    """Every import in one file, relative ones made absolute; `import_module("…")` with a literal counts too."""
    module = module_name(path)
    package = module if path.endswith("__init__.py") else module.rpartition(".")[0]
    return list(_walk(ast.parse(source, path), path, package, at_import=True))


def _walk(node: ast.AST, path: str, package: str, at_import: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        yield from (Import(path, getattr(child, "lineno", 0), name, at_import) for name in _targets(child, package))
        if isinstance(child, ast.If) and _is_type_checking(child.test):
            for inner in child.body:
                yield from _walk(ast.Module([inner], []), path, package, at_import=False)
            for inner in child.orelse:
                yield from _walk(ast.Module([inner], []), path, package, at_import)
            continue
        later = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        yield from _walk(child, path, package, at_import and not later)


def _is_type_checking(test: ast.expr) -> bool:
    return ast.unparse(test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def _targets(node: ast.AST, package: str) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            parent = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join([*parent, base] if base else parent)
        return [f"{base}.{alias.name}" for alias in node.names]
    if isinstance(node, ast.Call) and ast.unparse(node.func) in (
        "importlib.import_module",
        "import_module",
        "__import__",
    ):
        first = node.args[0] if node.args else None
        return [first.value] if isinstance(first, ast.Constant) and isinstance(first.value, str) else []
    return []


def broken(found: list[Import], rules: tuple[Rule, ...] = RULES) -> list[str]:
    """One line for each import that a rule forbids."""
    return [f"{item}; {rule.why}" for rule in rules for item in found if rule.broken_by(item)]


def reached(start: str, found: list[Import], modules: frozenset[str]) -> dict[str, tuple[str, ...]]:
    """What importing module `start` imports, by module name, each with the chain of our modules leading to it.

    Importing `a.b.c` imports `a` and `a.b` as well.
    """
    by_module: dict[str, list[str]] = {}
    for item in found:
        if item.at_import:
            by_module.setdefault(module_name(item.path), []).append(item.target)
    chains: dict[str, tuple[str, ...]] = {}
    waiting: list[tuple[str, tuple[str, ...]]] = [(start, ())]
    while waiting:
        target, chain = waiting.pop()
        parts = target.split(".")
        for name in (".".join(parts[:end]) for end in range(1, len(parts) + 1)):
            if name in chains or (parts[0] in PACKAGES and name not in modules):
                continue
            chains[name] = (*chain, name)
            waiting += [(further, chains[name]) for further in by_module.get(name, [])]
    return chains


def sources(root: Path) -> dict[str, str]:
    """Text of every Python file of our packages, by path relative to `root`; tracked or not."""
    files = sorted(file for package in PACKAGES for file in (root / package).rglob("*.py"))
    return {file.relative_to(root).as_posix(): file.read_text(encoding="utf-8") for file in files}
