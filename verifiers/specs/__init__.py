"""The built-in verifiers, one light module of specs a family. Nothing here imports a verifier."""

from __future__ import annotations

from collections.abc import Mapping

from verifiers.spec import VerifierSpec
from verifiers.specs import answers, grounding, logic, models, programs, shape

_FAMILIES = (answers, shape, grounding, logic, programs, models)

VERIFIERS: Mapping[str, VerifierSpec] = {spec.name: spec for family in _FAMILIES for spec in family.SPECS}
