"""`math`: the answer of a response, equal in value to the reference."""

from verifiers.math.compare import equivalent
from verifiers.math.verifier import gold_response, math_verifier

__all__ = ["equivalent", "gold_response", "math_verifier"]
