"""Names, settings, and what listing them must not import."""

import subprocess
import sys

import pytest

from verifiers import Sample, Status, Verdict, verifier
from verifiers.registry import check_config, check_name, resolve
from verifiers.specs import VERIFIERS
from verifiers.verifier import as_verdict

HEAVY = (
    "sympy",
    "math_verify",
    "reasoning_gym",
    "numpy",
    "pint",
    "torch",
    "ray",
    "pydantic",
    "rlhf",
    "cluster",
    "multiprocessing",
)


def test_importing_and_checking_names_loads_nothing_heavy() -> None:
    code = (
        "import sys, verifiers, verifiers.registry as r, verifiers.pool\n"
        "r.check_config('math', {}); r.check_name('mine:rule')\n"
        f"print([m for m in {HEAVY!r} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", sorted(VERIFIERS))
def test_a_spec_says_what_the_verifier_is(name: str) -> None:
    spec, found = VERIFIERS[name], resolve(name)
    assert (found.name, found.isolated, found.needs_reference) == (spec.name, spec.isolated, spec.needs_reference)
    assert (found.gold_response is not None) == spec.gold_checkable
    found.check_config({key: option.default for key, option in spec.options.items()})


@pytest.mark.parametrize("name", ["math", "format", "mine:rule", "a.b.c:rule", "mine:Rules.strict"])
def test_good_names(name: str) -> None:
    check_name(name)


BAD_NAMES = [
    ("maths", "did you mean 'math'"),
    ("reasoning_gym", "did you mean 'logic'"),
    ("reasoning-gym", "did you mean 'logic'"),
    ("zzz", "my_module:my_verifier"),
    ("mine:", "not an import path"),
    ("mine/rules:rule", "not an import path"),
    ("a:b:c", "not an import path"),
    (":rule", "not an import path"),
]


@pytest.mark.parametrize(("name", "advice"), BAD_NAMES)
def test_bad_names_say_what_to_write(name: str, advice: str) -> None:
    with pytest.raises(ValueError, match=advice):
        check_name(name)


def test_an_integer_will_do_for_a_number() -> None:
    check_config("code", {"time_s": 2})


BAD_CONFIGS = [
    ("code", {"time_s": True}, "found True, write a float"),
    ("code", {"memory_mb": 1.5}, "found 1.5, write a int"),
    ("format", {"tag": ["a"]}, "did you mean 'tags'"),
    ("format", {"require_box": 1}, "write a bool"),
    ("format", {"tags": "think"}, "write a list"),
    ("logic", {"extract": "box"}, "write one of boxed, answer_tag, last_line"),
    ("math", {"tolerance": 0.1}, "has no setting 'tolerance'"),
]


@pytest.mark.parametrize(("name", "config", "advice"), BAD_CONFIGS)
def test_bad_settings_say_what_to_write(name: str, config: dict, advice: str) -> None:
    with pytest.raises(ValueError, match=advice):
        check_config(name, config)


OUTCOMES = [
    (True, Verdict.correct()),
    (False, Verdict.wrong()),
    (1.0, Verdict.correct()),
    (1, Verdict.correct()),
    (0.25, Verdict.wrong(score=0.25)),
    (-2, Verdict.wrong(score=-2.0)),
    (Verdict.timeout("t"), Verdict.timeout("t")),
]


@pytest.mark.parametrize(("outcome", "verdict"), OUTCOMES)
def test_what_a_function_may_return(outcome: object, verdict: Verdict) -> None:
    assert as_verdict(outcome, "mine") == verdict


@pytest.mark.parametrize("outcome", [None, "yes", 1.5, float("nan"), float("inf"), 1j, [1.0]])
def test_anything_else_is_an_error_that_names_the_verifier(outcome: object) -> None:
    verdict = as_verdict(outcome, "mine")
    assert verdict.status is Status.ERROR
    assert verdict.score is None
    assert verdict.reason.startswith("mine returned")


def test_a_decorated_function_can_be_called_as_itself() -> None:
    @verifier(needs_reference=False)
    def short(sample: Sample, limit: int = 3) -> bool:
        """At most `limit` characters."""
        return len(sample.response) <= limit

    assert short(Sample("", "abcd")) is False
    assert short(Sample("", "abcd"), limit=4) is True
    assert (short.name, short.summary) == ("short", "At most `limit` characters.")


def test_the_decorator_without_parentheses_is_refused() -> None:
    with pytest.raises(TypeError, match="with parentheses"):
        verifier(len)  # type: ignore[arg-type]
