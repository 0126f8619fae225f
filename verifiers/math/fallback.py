"""math-verify, for references that this package's grammar does not have: integrals, sums, limits, determinants.

Its LaTeX parser hands its number tokens to `sympify`, and so to `eval`: it sees references only. The answer comes as a
tree of this package and is built into sympy node by node. math-verify's time limits are SIGALRM and are off; what is
compared is short and mild by its text, since sympy computes while it compares.
"""

from __future__ import annotations

import logging
import re
from functools import lru_cache
from typing import Any

from verifiers.math.nodes import Node, Symbol, depth, size
from verifiers.math.numeric import agree
from verifiers.math.rewrite import mapped
from verifiers.math.symbolic import MAX_EXPANDED_TERMS, NotInSympyError, build, terms
from verifiers.math.vocabulary import names

MAX_CHARS = 300
MAX_SIZE = 40
MAX_TREE = 8
_TOO_MUCH = re.compile(
    r"\d{10}|\^\s*\{[^{}]*\^|\^\s*\(?-?\d{4}|\^\s*\{[^{}]*\d{4}|\d{4}\s*[)}\]]*!|![\s)}\]]*!|\^\s*\{?-?\d+[)}]*!|\*\*"
)
_ITS_OWN = re.compile(r"\\(?:i?int|oint|sum|prod|lim|det)(?![A-Za-z])|\{vmatrix\}")
"""What only math-verify reads. Other references beyond the grammar are compared as text."""
_COMMAND = re.compile(r"\\([A-Za-z]+)")
_TAKEN = names(
    "frac sqrt int iint oint sum prod lim to infty pi cdot times div left right begin end text mathrm sin cos tan cot "
    "sec csc arcsin arccos arctan sinh cosh tanh log ln exp alpha beta gamma delta epsilon theta lambda mu nu rho "
    "sigma tau phi omega Delta Gamma Omega Phi Lambda le leq ge geq lt gt ne neq in cup cap setminus pm mp partial det "
    "binom mathbb overline vec prime quad pmod mod equiv circ forall exists ldots cdots dots lfloor rfloor lceil rceil"
)
_MATRICES = ("{pmatrix}", "{bmatrix}", "{matrix}", "{vmatrix}", "{array}")


def same_by_math_verify(answer: Node, answer_text: str, gold: str) -> bool:
    """math-verify's comparison of an answer with a reference that only its parser reads.

    What math-verify cannot take is not equal to anything. Run it where it can be killed. MemoryError and RecursionError
    pass through.
    """
    if not (_ITS_OWN.search(gold) and _is_mild(gold) and _is_mild(answer_text)):
        return False
    if size(answer) > MAX_SIZE or depth(answer) > MAX_TREE or agree(answer, answer) is None:
        return False  # too much for sympy, which compares without numbers; or nothing that has a value
    if terms(answer) > MAX_EXPANDED_TERMS:
        return False  # math-verify expands it
    from math_verify import verify

    try:
        given = build(mapped(answer, _lower_case), {"real": True})
        return bool(verify(list(_parsed(gold)), [given], timeout_seconds=None, raise_on_error=True))
    except (MemoryError, RecursionError):
        raise
    except NotInSympyError:
        return False
    except Exception:  # noqa: BLE001 - sympy raises anything on expressions that it cannot take or compare
        return False


def _lower_case(node: Node) -> Node | None:
    """math-verify's parser writes its variables so."""
    return Symbol(node.name.lower()) if isinstance(node, Symbol) and not node.name.startswith("\\") else None


def _is_mild(text: str) -> bool:
    if len(text) > MAX_CHARS or _TOO_MUCH.search(text):
        return False
    if "\\begin" in text and not any(name in text for name in _MATRICES):
        return False
    return all(name in _TAKEN for name in _COMMAND.findall(text))


@lru_cache(maxsize=256)
def _parsed(gold: str) -> tuple[Any, ...]:
    logging.getLogger("math_verify").setLevel(logging.ERROR)  # it warns, at every start, that its limits are off
    from math_verify import LatexExtractionConfig, parse

    config = [LatexExtractionConfig(boxed_match_priority=0)]
    # first_match: if the box cannot be read as a whole, parts of it are not looked at
    found: list[Any] = parse(
        f"\\boxed{{{gold}}}", config, fallback_mode="no_fallback", extraction_mode="first_match", parsing_timeout=None
    )
    return tuple(found)
