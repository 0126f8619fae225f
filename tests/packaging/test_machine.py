"""What is asked of the machine: a Python 3.11, and what pip cannot install."""

from __future__ import annotations

import os
import sys
import venv
from collections.abc import Callable, Mapping
from pathlib import Path

import browser
import pytest
import pythons
import system

from tests.packaging.helpers import executable


def _ask(answers: Mapping[str, pythons.Probe]) -> Callable[[str], pythons.Probe]:
    return lambda path: answers.get(path, pythons.Probe("3.12.1", "is Python 3.12.1"))


def test_a_named_interpreter_is_the_only_one_asked() -> None:
    environ = {"LONGTHOUGHT_PYTHON": "/opt/py", "PATH": os.environ["PATH"]}
    assert pythons.find_python(environ, _ask({"/opt/py": pythons.Probe("3.11.9", "")})) == ("/opt/py", "3.11.9")
    with pytest.raises(pythons.NoPythonError) as caught:
        pythons.find_python(environ, _ask({}))
    assert "/opt/py: is Python 3.12.1" in str(caught.value)
    assert sys.executable not in str(caught.value)
    assert "pyenv install 3.11" in str(caught.value)


def test_an_interpreter_is_found_on_the_path_and_under_pyenv(tmp_path: Path) -> None:
    on_path = executable(tmp_path / "python3.11", "")
    pyenv = tmp_path / "pyenv" / "versions" / "3.11.9" / "bin"
    pyenv.mkdir(parents=True)
    hidden = executable(pyenv / "python3.11", "")
    environ = {"PATH": str(tmp_path), "PYENV_ROOT": str(tmp_path / "pyenv")}
    good = pythons.Probe("3.11.9", "")
    assert pythons.find_python(environ, _ask({str(on_path): good, str(hidden): good}))[0] == str(on_path)
    assert pythons.find_python(environ, _ask({str(hidden): good}))[0] == str(hidden)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("print('3.11.4', 'CPython', '/opt/py', sep='\\n')", ""),
        ("print('3.12.0', 'CPython', '/opt/py', sep='\\n')", "is Python 3.12.0"),
        ("print('3.11.4', 'PyPy', '/opt/py', sep='\\n')", "is PyPy 3.11.4; CPython is needed"),
        ("import sys; sys.exit('ModuleNotFoundError: No module named ensurepip')", "apt-get install python3.11-venv"),
    ],
)
def test_what_an_interpreter_says_of_itself(tmp_path: Path, body: str, problem: str) -> None:
    found = pythons.probe(str(executable(tmp_path / "python", body)))
    assert found.problem.endswith(problem + ")") if "apt-get" in problem else found.problem == problem


def test_the_interpreter_behind_a_virtual_environment_is_taken(tmp_path: Path) -> None:
    """The environment may be the one that is about to be replaced: it cannot make its own successor."""
    venv.create(tmp_path / "venv", with_pip=False)
    inner = str(tmp_path / "venv" / "bin" / "python")
    path, version = pythons.find_python({"LONGTHOUGHT_PYTHON": inner})
    assert Path(path).resolve() == Path(sys.executable).resolve()
    assert not Path(path).is_relative_to(tmp_path)
    assert version.startswith("3.11.")


def test_a_missing_interpreter_is_an_answer() -> None:
    assert "does not start" in pythons.probe("/nonexistent/python").problem


@pytest.mark.parametrize(
    ("flavour", "build", "numa", "headers", "packages"),
    [
        ("cpu", True, True, True, []),
        ("cpu", True, False, True, ["libnuma1"]),
        ("cpu", True, False, False, ["libnuma1", "python3.11-dev"]),
        ("cpu", False, False, False, ["libnuma1"]),
        ("cuda", True, False, False, ["python3.11-dev"]),
        ("cuda", False, False, False, []),
    ],
)
def test_what_the_machine_lacks(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    flavour: str,
    build: bool,
    numa: bool,
    headers: bool,
    packages: list[str],
) -> None:
    executable(tmp_path / "cc", "")
    monkeypatch.setenv("PATH", str(tmp_path))
    if headers:
        (tmp_path / "Python.h").touch()
    assert [need.package for need in system.missing(flavour, build, tmp_path, lambda _: numa)] == packages


def test_a_compiler_is_missed_only_while_something_is_to_be_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    (tmp_path / "Python.h").touch()
    assert system.missing("cpu", True, tmp_path, lambda _: True) == [system.COMPILER]
    assert system.missing("cpu", False, tmp_path, lambda _: True) == []


def test_root_gets_the_packages_and_nobody_else_is_asked_for_a_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    executable(tmp_path / "apt-get", "")
    monkeypatch.setenv("PATH", str(tmp_path))
    ran: list[list[str]] = []
    system.provide([system.NUMA], lambda _: None, lambda command: ran.append(command) or 0, root=True)  # type: ignore[func-returns-value]
    assert ran == [["apt-get", "update"], ["apt-get", "install", "-y", "--no-install-recommends", "libnuma1"]]
    ran.clear()
    with pytest.raises(system.SystemIncompleteError, match="sudo apt-get install libnuma1"):
        system.provide([system.NUMA], lambda _: None, lambda command: ran.append(command) or 0, root=False)  # type: ignore[func-returns-value]
    assert ran == []
    with pytest.raises(system.SystemIncompleteError, match="could not install"):
        system.provide([system.NUMA], lambda _: None, lambda _: 100, root=True)
    system.provide([], lambda _: None, lambda _: 1, root=False)


def test_what_only_code_rewards_need_does_not_stop_the_set_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert [need.package for need in system.wished()] == ["bubblewrap", "g++"]
    executable(tmp_path / "g++", "")
    assert system.wished() == [system.BUBBLEWRAP]
    said: list[str] = []
    system.offer(system.wished(), said.append, lambda _: 0, root=False)
    assert said == [
        "going on without: bubblewrap (`bwrap`) is missing (code rewards run programs in its namespaces); install it and "
        "run this again; on Debian and Ubuntu: sudo apt-get install bubblewrap"
    ]
    executable(tmp_path / "apt-get", "")
    ran: list[list[str]] = []
    system.offer(system.wished(), said.append, lambda command: ran.append(command) or 0, root=True)  # type: ignore[func-returns-value]
    assert ran[-1][-1] == "bubblewrap"
    executable(tmp_path / "bwrap", "")
    assert system.wished() == []


def test_a_browser_is_installed_by_root_and_never_stops_the_tests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    said: list[str] = []
    ran: list[list[str]] = []

    def fails(command: list[str]) -> int:
        ran.append(command)
        return 100

    browser.install(said.append, fails, root=False)
    assert ran == []
    assert said == [
        "going on without: a headless browser (`chromium`) is missing (tests of the report's page run in it); install it "
        "and run this again; on Debian and Ubuntu: sudo apt-get install chromium"
    ]
    executable(tmp_path / "apt-get", "")
    browser.install(said.append, fails, root=True)
    assert ran == [["apt-get", *browser.BOUNDS, "update"]]
    assert "could not install it" in said[-1]
    ran.clear()
    browser.install(said.append, lambda command: ran.append(command) or 0, root=True)  # type: ignore[func-returns-value]
    assert [command[-1] for command in ran] == ["update", "chromium"]


@pytest.mark.parametrize("name", browser.NAMES)
def test_a_browser_that_is_there_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    executable(tmp_path / name, "")
    executable(tmp_path / "apt-get", "")
    monkeypatch.setenv("PATH", str(tmp_path))
    browser.install(pytest.fail, pytest.fail, root=True)


def test_the_tests_look_for_the_browsers_that_are_not_installed_twice() -> None:
    page = (Path(__file__).resolve().parents[1] / "evaluation" / "chromium.py").read_text()
    assert all(f'"{name}"' in page for name in browser.NAMES)
