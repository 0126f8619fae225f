"""Verifiers that installed packages declare as entry points."""

from pathlib import Path

import pytest

from verifiers import Sample, Status
from verifiers.installed import installed
from verifiers.pool import VerifierPool
from verifiers.registry import check_name, resolve


def package(folder: Path, name: str, points: str, source: str = "") -> None:
    """An installed distribution, as `pip install --target` leaves it."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[longthought.verifiers]\n{points}\n")
    (folder / f"{name}_rules.py").write_text(source)


YES = "from verifiers import verifier\n@verifier(needs_reference=False)\ndef yes(sample): return sample.response == 'yes'\n"


def test_a_verifier_of_an_installed_package_goes_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package(tmp_path, "theirs", "says_yes = theirs_rules:yes", YES)
    with pytest.raises(ValueError, match="no verifier is called 'says_yes'"):
        check_name("says_yes")
    monkeypatch.syspath_prepend(tmp_path)
    check_name("says_yes")
    assert installed()["says_yes"].package == "theirs"
    assert resolve("says_yes").name == "yes"
    with pytest.raises(ValueError, match="did you mean 'says_yes'"):
        check_name("say_yes")
    with VerifierPool(1, python_path=[str(tmp_path)]) as pool:
        pool.prepare("says_yes", {})
        verdicts = pool.verify("says_yes", {}, [Sample("", text) for text in ("yes", "no")])
        assert [verdict.status for verdict in verdicts] == [Status.CORRECT, Status.WRONG]


@pytest.mark.parametrize("name", ["math", "twice"])
def test_a_name_is_declared_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    package(tmp_path, "first", f"{name} = first_rules:yes")
    package(tmp_path, "second", f"{name} = second_rules:yes")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ValueError, match=f"declares a verifier '{name}', as does "):
        installed()
