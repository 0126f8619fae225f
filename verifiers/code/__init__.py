"""Code in a response, run against tests; see README.md."""

from verifiers.code.verifier import code_verifier

__all__ = ["code_verifier"]
