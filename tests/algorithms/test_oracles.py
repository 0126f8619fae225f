"""Every worked number of the specification, from the project's own functions, to 1e-9."""

import math
from typing import Any

import pytest

from tests.oracles import NOT_YET, ORACLES, entries, run_oracle


def differences(found: Any, expected: Any, path: str = "") -> list[str]:
    """Where two nested values differ by more than 1e-9."""
    if isinstance(expected, dict):
        missing = [f"{path}: {key} is missing" for key in expected if key not in found]
        return missing + [
            d for key in expected if key in found for d in differences(found[key], expected[key], f"{path}.{key}")
        ]
    if isinstance(expected, list):
        if len(found) != len(expected):
            return [f"{path}: {len(found)} values, expected {len(expected)}"]
        return [
            d for i, (a, b) in enumerate(zip(found, expected, strict=True)) for d in differences(a, b, f"{path}[{i}]")
        ]
    if isinstance(expected, float) and not isinstance(found, bool):
        return (
            []
            if math.isclose(found, expected, rel_tol=1e-9, abs_tol=1e-9)
            else [f"{path}: {found!r}, expected {expected!r}"]
        )
    return [] if found == expected else [f"{path}: {found!r}, expected {expected!r}"]


@pytest.mark.parametrize("name", sorted(ORACLES))
def test_oracle(name: str) -> None:
    entry = entries()[name]
    assert differences(run_oracle(name, entry["inputs"]), entry["expected"]) == []


@pytest.mark.parametrize("name", sorted(NOT_YET))
def test_what_is_not_asked_for_yet_says_so(name: str) -> None:
    with pytest.raises(NotImplementedError, match=name):
        run_oracle(name, {})


def test_no_entry_is_forgotten() -> None:
    assert {name for name in entries() if not name.startswith("_")} <= set(ORACLES) | NOT_YET
