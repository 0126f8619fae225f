"""Settings of custom verifiers: refused by name and, where the function says its types, by type."""

from typing import Any, Literal

import pytest

from verifiers.base import Sample
from verifiers.signature import check_settings


def typed(
    sample: Sample,
    flag: bool = True,
    count: int = 1,
    share: float = 0.5,
    name: str | None = None,
    mode: Literal["a", "b"] = "a",
    words: list[str] | None = None,
    anything: Any = None,
) -> bool:
    return True


def untyped(sample, flag=True, **others):
    return True


TAKEN = [
    {},
    {"flag": False, "count": 2, "share": 1, "name": "x", "mode": "b", "words": ["y"], "anything": {}},
    {"share": 0.1, "name": None, "words": None, "anything": 5},
]
REFUSED = [
    ({"flag": "maybe"}, "setting 'flag': found 'maybe', write a bool"),
    ({"flag": 1}, "found 1, write a bool"),
    ({"count": True}, "found True, write a int"),
    ({"count": 1.5}, "found 1.5, write a int"),
    ({"share": "x"}, "found 'x', write a float"),
    ({"share": True}, "found True, write a float"),
    ({"name": 3}, r"found 3, write a str \| None"),
    ({"mode": "c"}, "found 'c', write a value out of 'a', 'b'"),
    ({"words": "x"}, "setting 'words': found 'x'"),
    ({"nothing": 1}, "its settings are flag, count, share, name, mode, words, anything"),
]


@pytest.mark.parametrize("config", TAKEN)
def test_what_is_taken(config: dict[str, Any]) -> None:
    check_settings("mine", typed, config)
    check_settings("mine", untyped, {**config, "flag": "whatever"})


@pytest.mark.parametrize(("config", "said"), REFUSED)
def test_what_is_refused(config: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        check_settings("mine", typed, config)


def test_names_that_only_a_type_checker_knows_say_nothing() -> None:
    def late(sample: "Unknown", flag: bool = True) -> bool:  # type: ignore[name-defined]  # noqa: F821
        return flag

    check_settings("mine", late, {"flag": "x"})
