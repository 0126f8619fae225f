"""Custom verifiers are found, or told to be missing, without running their module."""

import sys

import pytest

from verifiers.lookup import check_importable

GOOD = """raise RuntimeError("never run")
from verifiers import verifier


@verifier()
def exact(sample):
    return True


class Rules:
    pass


alias = exact
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "mine.py").write_text(GOOD)
    (tmp_path / "broken.py").write_text("def f(:\n")
    (tmp_path / "star.py").write_text("from mine import *\n")
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").write_text("")
    return str(tmp_path)


@pytest.mark.parametrize("name", ["mine:exact", "mine:alias", "mine:Rules.method", "star:anything", "package.rules:x"])
def test_what_may_be_there_passes(folder, name):
    check_importable(name, [folder])
    assert not {"mine", "star", "package.rules"} & set(sys.modules), "found by reading, never by running"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("absent:exact", "no module 'absent' in "),
        ("mine:my_verifier", "holds no 'my_verifier'; it has exact"),
        ("mine:exat", "holds no 'exat'; did you mean mine:exact?"),
        ("broken:f", "broken.py:1: "),
    ],
)
def test_what_is_missing_is_named(folder, name, message):
    with pytest.raises(ValueError, match=r"\S") as error:
        check_importable(name, [folder])
    assert message in str(error.value)
