"""Names of verifiers: the built-in ones (specs/), custom ones as `my_module:my_verifier`, and the decorator.

The table holds light specs with import paths, so that listing names and checking a recipe import neither
sympy nor reasoning-gym, and never a user's module.
"""

from __future__ import annotations

import difflib
import importlib
import re
from collections.abc import Callable, Mapping
from typing import Any

from verifiers.base import Verdict
from verifiers.installed import installed
from verifiers.spec import Tasks
from verifiers.specs import VERIFIERS
from verifiers.verifier import Verifier

MAX_BATCH = 256
"""Its verdicts fit into one frame, however long their texts are."""

_LOOKED_FOR = {"reasoning_gym": "logic"}
"""What someone may write for a verifier of another name."""

_CUSTOM = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


def verifier(
    name: str | None = None,
    *,
    summary: str = "",
    isolated: bool = False,
    needs_reference: bool = True,
    gold_response: Callable[..., str | None] | None = None,
    screen: Callable[..., Verdict | None] | None = None,
    warm_up: Callable[[], None] | None = None,
    prepare: Callable[..., None] | None = None,
    batch: int = 1,
) -> Callable[[Callable[..., Any]], Verifier]:
    """Turn `(sample, **config) -> Verdict | float | bool`, sync or async, into a verifier; with a `batch` of more than
    one `(samples, **config) -> Sequence[Verdict | float | bool]`, given up to so many that wait.

    name: shown in reasons and metrics; default the function's.
    isolated: run it only in a process without network or file access; say so if it evaluates model text.
    needs_reference: a sample without a reference is then an `error` that says so.
    gold_response: `(sample, **config) -> str | None`, a response that must be judged correct: asked for at the start
    of a run, for its prompts. None (for a sample, or instead of the function) declares that there is none.
    screen: with isolated, `(sample, **config) -> Verdict | None`: answers that need no evaluation are settled by it.
    warm_up: run once when a worker loads the verifier, for slow imports.
    prepare: `(**config) -> None`, run when a worker loads the verifier with these settings: a model to be read, say.
    """

    most = 1 if isolated else MAX_BATCH
    if not 1 <= batch <= most:
        raise ValueError(f"batch: found {batch}; write 1 to {MAX_BATCH}, and 1 for a verifier that is isolated")

    def wrap(function: Callable[..., Any]) -> Verifier:
        doc_line = (function.__doc__ or "").strip().split("\n")[0]
        return Verifier(
            function,
            name or function.__name__,
            summary or doc_line,
            isolated,
            needs_reference,
            gold_response,
            screen,
            warm_up,
            prepare,
            batch,
        )

    if callable(name):
        raise TypeError("write @verifier() with parentheses, e.g. @verifier(name='mine')")
    return wrap


def check_name(name: str) -> None:
    """Raise ValueError, saying what to write, if `name` cannot name a verifier. Imports nothing of a user's."""
    if name in VERIFIERS or _CUSTOM.fullmatch(name) or name in installed():
        return
    if ":" in name:
        raise ValueError(
            f"verifier {name!r} is not an import path; write my_module:my_verifier (a dotted module, one colon, the "
            "decorated function's name)"
        )
    names = [*VERIFIERS, *installed()]
    near = difflib.get_close_matches(name, [*names, *_LOOKED_FOR], n=1, cutoff=0.5)
    hint = f"did you mean {_LOOKED_FOR.get(near[0], near[0])!r}? " if near else ""
    raise ValueError(
        f"no verifier is called {name!r}; {hint}write one of {', '.join(sorted(names))}, or my_module:my_verifier "
        "for your own"
    )


def check_config(name: str, config: Mapping[str, Any]) -> None:
    """Raise ValueError on a setting that the built-in verifier `name` does not have, or one that it misses; a custom
    one's are checked by its worker, which has imported it."""
    check_name(name)
    spec = VERIFIERS.get(name)
    if spec is None:
        return
    for key, value in config.items():
        option = spec.options.get(key)
        if option is None:
            near = difflib.get_close_matches(key, spec.options, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else "."
            raise ValueError(
                f"verifier {name!r} has no setting {key!r}{hint} It has: {', '.join(spec.options) or 'none'}"
            )
        if type(value) is not option.type and not (option.type is float and type(value) is int):
            raise ValueError(
                f"verifier {name!r}, setting {key!r}: found {value!r}, write a {option.type.__name__}, "
                f"e.g. {option.default!r}"
            )
        if option.choices and value not in option.choices:
            raise ValueError(
                f"verifier {name!r}, setting {key!r}: found {value!r}, write one of {', '.join(option.choices)}"
            )
        if option.least is not None and isinstance(value, int) and value < option.least:
            raise ValueError(f"verifier {name!r}, setting {key!r}: found {value!r}, write {option.least} or more")
    for key, option in spec.options.items():
        if option.required and not config.get(key):
            raise ValueError(f"verifier {name!r}: write config.{key}, {option.help}")


def tasks_of(name: str) -> Tasks:
    """What the built-in verifier `name` judges by name. Raises ValueError where that is nothing."""
    spec = VERIFIERS.get(name)
    if spec is None or not spec.tasks:
        raise ValueError(f"verifier {name!r} does not go by tasks")
    module, _, function = spec.tasks.partition(":")
    found: Tasks = getattr(importlib.import_module(module), function)()
    return found


def resolve(name: str) -> Verifier:
    """Import and return the verifier `name`. Runs the user's module: call it in a worker process.

    Raises ValueError for a name that cannot be one, ImportError if its module or function is missing, and
    TypeError if what is found was not made by `@verifier`.
    """
    check_name(name)
    spec = VERIFIERS.get(name)
    path = spec.import_path if spec else name if ":" in name else installed()[name].import_path
    module_name, _, attribute = path.partition(":")
    found: Any = importlib.import_module(module_name)
    for part in attribute.split("."):
        if not hasattr(found, part):
            ours = [key for key, value in vars(found).items() if isinstance(value, Verifier)]
            near = difflib.get_close_matches(part, ours, n=1, cutoff=0.3)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ImportError(f"verifier {name!r}: {module_name} has no {part!r}{hint}")
        found = getattr(found, part)
    if not isinstance(found, Verifier):
        raise TypeError(
            f"verifier {name!r} is a {type(found).__name__}; decorate the function with @verifier() from verifiers"
        )
    return found
