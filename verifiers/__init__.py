"""Rule-based rewards that can be trusted: verifiers, and a pool of killable processes that runs them.

This package stands on its own. Importing it loads the standard library only; sympy, math-verify and
reasoning-gym are imported by the worker processes that need them.
"""

from verifiers.base import RowError, Sample, Status, Verdict
from verifiers.registry import verifier

__all__ = ["RowError", "Sample", "Status", "Verdict", "verifier"]
