"""The built-in verifiers, one light module of specs a family. Nothing here imports a verifier."""

from __future__ import annotations

from collections.abc import Mapping

from verifiers.spec import VerifierSpec
from verifiers.specs import answers, logic, models, programs, shape

VERIFIERS: Mapping[str, VerifierSpec] = {
    spec.name: spec for spec in (*answers.SPECS, *shape.SPECS, *logic.SPECS, *programs.SPECS, *models.SPECS)
}
