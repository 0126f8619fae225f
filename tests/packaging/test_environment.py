"""The virtual environment: when it is made anew, completed, or left alone; and the user's other folders."""

from __future__ import annotations

from pathlib import Path

import environment as env
import pytest

from tests.packaging.helpers import MAIN, executable, fake_venv

STAMP = env.Stamp("cpu", "f" * 64, "3.11.7", "/x/.venv", "/x", complete=True)


def test_a_stamp_is_read_back_and_a_torn_one_is_none(tmp_path: Path) -> None:
    assert env.read_stamp(tmp_path) is None
    env.write_stamp(tmp_path, STAMP)
    assert env.read_stamp(tmp_path) == STAMP
    (tmp_path / env.STAMP).write_text('{"flavour": "cpu"')
    assert env.read_stamp(tmp_path) is None
    (tmp_path / env.STAMP).write_text('{"flavour": "cpu"}')
    assert env.read_stamp(tmp_path) is None


def test_when_an_environment_is_made_anew(tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    wanted = env.Stamp("cpu", "0" * 64, "3.11.7", str(venv), "/x", complete=True)
    assert env.why_rebuild(venv, wanted) == "there is none"
    fake_venv(venv, None)
    assert env.why_rebuild(venv, wanted) == "it is not known what it holds"
    env.write_stamp(venv, env.Stamp("cpu", "other locks", "3.11.7", str(venv), "/x"))
    assert env.why_rebuild(venv, wanted) == ""  # other locks, or interrupted: pip completes it
    env.write_stamp(venv, env.Stamp("cuda", "0" * 64, "3.11.7", str(venv), "/x", complete=True))
    assert env.why_rebuild(venv, wanted) == "it was made for cuda, and cpu is asked for"
    env.write_stamp(venv, env.Stamp("cpu", "0" * 64, "3.11.7", "/old/.venv", "/x", complete=True))
    assert env.why_rebuild(venv, wanted) == "it was copied from /old/.venv"
    (venv / "bin" / "python").unlink()
    (venv / "bin" / "python").symlink_to("/nonexistent/python3.11")
    assert env.why_rebuild(venv, wanted) == "its Python no longer starts"


def test_up_to_date_means_same_locks_same_python_and_finished(tmp_path: Path) -> None:
    venv = fake_venv(tmp_path / "venv", None)
    wanted = MAIN.wanted_stamp("cpu", venv, "3.11.7")
    env.write_stamp(venv, wanted)
    assert MAIN.up_to_date("cpu", venv)
    assert not MAIN.up_to_date("cuda", venv)
    for field, value in {"complete": False, "locks": "0", "python": "3.11.8", "project": "/elsewhere"}.items():
        env.write_stamp(venv, env.Stamp(**{**wanted.__dict__, field: value}))
        assert not MAIN.up_to_date("cpu", venv), field
    env.write_stamp(venv, wanted)
    executable(venv / "bin" / "python", "print('3.11.9')")  # the base Python was upgraded under it
    assert not MAIN.up_to_date("cpu", venv)


def test_the_flavour_once_chosen_is_kept(tmp_path: Path) -> None:
    assert MAIN.flavour_of(tmp_path) == "cpu"
    env.write_stamp(tmp_path, env.Stamp("cuda", "0", "3.11.7", str(tmp_path), "/x", complete=True))
    assert MAIN.flavour_of(tmp_path) == "cuda"


@pytest.mark.parametrize("kind", ["absent", "empty", "ours"])
def test_an_environment_is_removed(tmp_path: Path, kind: str) -> None:
    venv = tmp_path / "venv"
    if kind != "absent":
        venv.mkdir()
    if kind == "ours":
        (venv / "pyvenv.cfg").touch()
        env.write_stamp(venv, env.Stamp("cpu", "0", "3.11.7", str(venv), "/x"))
    env.remove_environment(venv)
    assert not venv.exists()


def test_a_folder_that_is_no_environment_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(env.EnvironmentRefusedError, match="is not a virtual environment"):
        env.remove_environment(tmp_path)
    own = tmp_path / "own"
    own.mkdir()
    (own / "pyvenv.cfg").touch()
    with pytest.raises(env.EnvironmentRefusedError, match="a virtual environment of your own"):
        env.remove_environment(own)
    assert (own / "pyvenv.cfg").exists()
    link = tmp_path / "link"
    link.symlink_to(tmp_path)
    with pytest.raises(env.EnvironmentRefusedError, match="is not a folder"):
        env.remove_environment(link)
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


def _package(site: Path, name: str, version: str, record: str | None) -> Path:
    folder = site / f"{name}-{version}.dist-info"
    folder.mkdir()
    (folder / "METADATA").touch()
    if record is not None:
        (folder / "RECORD").write_text(record)
    return folder


def test_half_installed_packages_are_found_and_forgotten(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x")
    _package(tmp_path, "good", "1.0", "a.py,sha256=x,1\n__pycache__/a.pyc,,\ngood-1.0.dist-info/RECORD,,\n")
    _package(tmp_path, "torn", "1.0", None)
    _package(tmp_path, "lost", "1.0", "gone.py,sha256=x,5\n")
    _package(tmp_path, "short", "1.0", "a.py,sha256=x,2\n")
    _package(tmp_path, "quoted_name", "1.0", '"a,b.py",sha256=x,1\n')
    (tmp_path / "a,b.py").write_text("x")
    (tmp_path / "~umpy").mkdir()
    broken = env.damaged(tmp_path)
    assert env.forget(broken) == ["lost 1.0", "short 1.0", "torn 1.0"]
    env.leftovers(tmp_path)
    assert env.installed(tmp_path) == {"good": "1.0", "quoted-name": "1.0"}
    assert not (tmp_path / "~umpy").exists()
