"""Whether a custom verifier is there to be imported, found out without running any of its code."""

from __future__ import annotations

import ast
import difflib
import sys
from collections.abc import Iterator, Sequence
from importlib.machinery import PathFinder
from pathlib import Path


def check_importable(name: str, folders: Sequence[str]) -> None:
    """name: `my_module:my_verifier`. folders: where modules are looked for first, the working directory say.

    Raises ValueError where there is no such module, or where a module that is one file holds no such name. What only
    importing can tell (a package's inside, what a function is) is told when a run starts.
    """
    module, _, attribute = name.partition(":")
    top, _, inside = module.partition(".")
    spec = PathFinder.find_spec(top, [*folders, *sys.path])
    if spec is None:
        looked = ", ".join(folders)
        raise ValueError(f"no module {top!r} in {looked}, nor among the installed packages; start from its folder")
    if inside or spec.origin is None or not spec.origin.endswith(".py") or spec.submodule_search_locations:
        return
    defined = dict(_names(Path(spec.origin)))
    wanted = attribute.partition(".")[0]
    if wanted in defined or "*" in defined:
        return
    verifiers = [found for found, decorated in defined.items() if decorated]
    near = difflib.get_close_matches(wanted, verifiers, n=1, cutoff=0.5)
    there = f"it has {', '.join(verifiers)}" if verifiers else "decorate a function there with @verifier()"
    hint = f"did you mean {module}:{near[0]}?" if near else there
    raise ValueError(f"{spec.origin} holds no {wanted!r}; {hint}")


def _names(path: Path) -> Iterator[tuple[str, bool]]:
    """What a file defines, and whether `@verifier(...)` stands over it. ValueError if it is no Python."""
    try:
        tree = ast.parse(path.read_bytes(), str(path))
    except SyntaxError as error:
        raise ValueError(f"{path}:{error.lineno}: {error.msg}") from error
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.name, any("verifier" in ast.unparse(d) for d in node.decorator_list)
            case ast.Name(id=name, ctx=ast.Store()):
                yield name, False
            case ast.Import() | ast.ImportFrom():
                for alias in node.names:
                    yield alias.asname or alias.name.partition(".")[0], False
