"""What every section of a recipe has in common: strict types, no unknown key, no change after loading."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Dtype = Literal["float32", "bfloat16"]
Fraction = Annotated[float, Field(ge=0.0, le=1.0)]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, validate_default=True, allow_inf_nan=False)

    @property
    def changed(self) -> frozenset[str]:
        """Keys whose value is not the default: what a user asked for, also in a recipe that was written out whole."""
        fields = type(self).model_fields
        return frozenset(
            name for name, info in fields.items() if getattr(self, name) != info.get_default(call_default_factory=True)
        )
