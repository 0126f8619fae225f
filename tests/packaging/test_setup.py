"""The set-up: which index is asked, in which order things are installed, and what is said when it fails."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path

import environment as env
import locks
import pips
import pytest

from tests.packaging.helpers import MAIN, ROOT, executable, fake_venv

TORCH = "torch==2.13.0+cpu"
NOT_FOUND = "ERROR: Could not find a version\nERROR: No matching distribution found for torch==2.13.0+cpu"
INDEX = ["--extra-index-url", "https://download.pytorch.org/whl/cpu"]


class FakePip:
    """Answers questions as told and records what it is asked to do."""

    def __init__(self, status: int = 0, output: str = "") -> None:
        self.answer = (status, output)
        self.asked: list[list[str]] = []
        self.worked: list[list[str]] = []

    def ask(self, arguments: list[str]) -> tuple[int, str]:
        self.asked.append(arguments)
        return self.answer

    def work(self, what: str, arguments: list[str]) -> None:
        assert what
        self.worked.append(arguments)


@pytest.mark.parametrize(
    ("requirement", "status", "output", "extra", "questions"),
    [
        (TORCH, 0, "Would install torch-2.13.0+cpu", [], 1),  # configured: a find-links folder, a mirror
        (TORCH, 1, NOT_FOUND, INDEX, 1),
        ("torch===2.13.0", 1, NOT_FOUND, [], 0),  # the CUDA build: PyTorch's CPU index has no business here
    ],
)
def test_pytorchs_index_is_added_only_where_pip_finds_no_cpu_build(
    requirement: str, status: int, output: str, extra: list[str], questions: int
) -> None:
    pip = FakePip(status, output)
    said: list[str] = []
    assert pips.torch_index_arguments(pip, requirement, said.append) == extra
    assert len(pip.asked) == questions
    assert all(not any("pytorch.org" in a for a in question) for question in pip.asked)
    assert bool(said) == bool(extra)


def test_a_question_that_fails_for_another_reason_is_not_an_answer() -> None:
    pip = FakePip(1, "OSError: [Errno 28] No space left on device")
    with pytest.raises(pips.PipError, match="the disk is full"):
        pips.torch_index_arguments(pip, TORCH, lambda _: None)


def test_the_order_of_the_install_and_who_gets_the_extra_index() -> None:
    pip = FakePip(1, NOT_FOUND)
    MAIN.install(pip, "cpu", {}, lambda _: None)
    tools, native, torch, rest = pip.worked
    assert tools[-2:] == ["pip==26.3", "setuptools==78.1.1"]
    assert native[-1] == "pycosat==0.6.6"  # the one that needs a compiler fails first
    assert torch[-3:] == [*INDEX, TORCH]
    assert rest[-4:] == ["-r", f"{ROOT}/requirements/cpu.lock", "-r", f"{ROOT}/requirements/dev.lock"]
    assert [INDEX[0] in call for call in pip.worked] == [False, False, True, False]
    assert all("--no-deps" in call for call in pip.worked)
    assert ["--no-build-isolation" in call for call in pip.worked] == [False, True, True, True]


@pytest.mark.parametrize(
    ("flavour", "present", "questions"),
    [("cpu", {"torch": "2.13.0+cpu"}, 0), ("cpu", {"torch": "2.12.0+cpu"}, 1), ("cuda", {}, 0)],
)
def test_no_index_is_asked_where_there_is_nothing_to_ask(flavour: str, present: dict[str, str], questions: int) -> None:
    pip = FakePip(1, NOT_FOUND)
    MAIN.install(pip, flavour, present, lambda _: None)
    assert len(pip.asked) == questions
    assert any(INDEX[0] in call for call in pip.worked) == bool(questions)


FAKE_PYTHON = """
import json, os, sys
print(json.dumps({"argv": sys.argv[1:], "env": dict(os.environ)}))
if "--boom" in sys.argv:
    for i in range(40):
        print("line", i)
    print("error: command 'gcc' failed: No such file or directory")
    sys.exit(2)
"""


def test_pip_runs_in_the_environment_with_the_callers_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"HTTPS_PROXY": "http://proxy:3128", "PIP_FIND_LINKS": "/wheels", "PIP_TARGET": "/elsewhere",
                        "PYTHONPATH": "/elsewhere", "PIP_USER": "1"}.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    python, log = executable(tmp_path / "python", FAKE_PYTHON), tmp_path / "log"
    status, output = pips.VenvPip(python, log, lambda _: None, str).ask(["install", "x==1"])
    seen = json.loads(output)
    assert (status, seen["argv"]) == (0, ["-m", "pip", "install", "x==1"])
    assert {
        k: seen["env"].get(k) for k in ("HTTPS_PROXY", "PIP_FIND_LINKS", "PIP_TARGET", "PYTHONPATH", "PIP_USER")
    } == {
        "HTTPS_PROXY": "http://proxy:3128",
        "PIP_FIND_LINKS": "/wheels",
        "PIP_TARGET": None,
        "PYTHONPATH": None,
        "PIP_USER": "0",
    }
    assert log.read_text() == f"$ pip install x==1\n{output}"


def test_a_failing_pip_shows_its_end_and_what_to_do(tmp_path: Path) -> None:
    python, log = executable(tmp_path / "python", FAKE_PYTHON), tmp_path / "log"
    said: list[str] = []
    pip = pips.VenvPip(python, log, said.append, str)
    pip.work("installing x", ["install"])
    with pytest.raises(pips.PipError) as caught:
        pip.work("installing y", ["install", "--boom"])
    text = str(caught.value)
    assert text.startswith("installing y: pip ended with status 2.")
    assert "line 39" in text and "line 20" not in text and "line 20" in log.read_text()
    assert "apt-get install build-essential" in text and str(log) in text
    assert said == ["installing x", "installing y"]


HOLDER = """
import sys
print("ready", flush=True)
sys.stdin.read()
"""


def test_a_pip_that_outlives_its_setup_keeps_the_lock(tmp_path: Path) -> None:
    """The set-up is killed; while its pip still writes, the next one must find the checkout locked."""
    python, folder, reader = executable(tmp_path / "python", HOLDER), tmp_path / "requirements", os.pipe()
    folder.mkdir()
    (tmp_path / "log").touch()
    program = (
        "import fcntl, os, sys; sys.path.insert(0, sys.argv[1]); from pathlib import Path; import pips\n"
        "guard = os.open(sys.argv[2], os.O_RDONLY); fcntl.flock(guard, fcntl.LOCK_EX)\n"
        "say = lambda text: print(text, flush=True)\n"
        "pips.VenvPip(Path(sys.argv[3]), Path(sys.argv[4]), say, str, held=(guard,)).work('pip runs', [])\n"
    )
    arguments = [str(ROOT / "scripts" / "setup"), str(folder), str(python), str(tmp_path / "log")]
    setup = subprocess.Popen([sys.executable, "-c", program, *arguments], stdin=reader[0], stdout=subprocess.PIPE)
    assert setup.stdout is not None and setup.stdout.readline() == b"pip runs\n"
    while "ready" not in (tmp_path / "log").read_text():
        assert setup.poll() is None
    setup.kill()
    setup.wait()
    guard = os.open(folder, os.O_RDONLY)
    with pytest.raises(BlockingIOError):
        fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(reader[1])  # pip's work ends
    fcntl.flock(guard, fcntl.LOCK_EX)
    for handle in (guard, reader[0]):
        os.close(handle)
    setup.stdout.close()


@pytest.mark.parametrize(
    ("output", "says"),
    [
        ("fatal error: Python.h: No such file", "python3.11-dev"),
        ("ProxyError('Cannot connect to proxy.')", "HTTPS_PROXY"),
        ("SSL: CERTIFICATE_VERIFY_FAILED", "PIP_CERT"),
        ("WARNING: Retrying (Retry(total=4)) after connection broken", "cannot reach its package index"),
        ("something new", "continues where this stopped"),
    ],
)
def test_advice(output: str, says: str) -> None:
    assert says in pips.advice(output)


def _run(arguments: list[str], **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "scripts" / "setup"), *arguments]
    return subprocess.run(command, env={**os.environ, **environ}, capture_output=True, text=True, check=False)


def test_the_command_refuses_a_wrong_interpreter(tmp_path: Path) -> None:
    done = _run([], LONGTHOUGHT_VENV=str(tmp_path / "venv"), LONGTHOUGHT_PYTHON="/nonexistent/python3.11")
    assert done.returncode == 1
    assert "FAILED: Python 3.11 is needed" in done.stderr and "/nonexistent/python3.11: does not start" in done.stderr
    assert "Traceback" not in done.stderr and not (tmp_path / "venv").exists()


def test_the_command_touches_no_folder_of_the_users(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    done = _run(["--cpu"], LONGTHOUGHT_VENV=str(tmp_path), LONGTHOUGHT_PYTHON=sys.executable)
    assert done.returncode == 1
    assert "is not a virtual environment; remove it, or set LONGTHOUGHT_VENV" in done.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]


def test_the_command_does_nothing_a_second_time(tmp_path: Path) -> None:
    venv = fake_venv(tmp_path / "venv", None, "{}.{}.{}".format(*sys.version_info[:3]))
    env.write_stamp(venv, MAIN.wanted_stamp("cpu", venv, env.python_version(venv)))
    before = sorted(p.name for p in venv.rglob("*"))
    done = _run([], LONGTHOUGHT_VENV=str(venv))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert sorted(p.name for p in venv.rglob("*")) == before


def test_foreign_packages_are_those_the_locks_leave_out() -> None:
    for flavour, names in MAIN.FOREIGN.items():
        assert set(names) & set(locks.read_locks(ROOT / "requirements", flavour)) == set()


@pytest.mark.parametrize(
    "origin", [None, f"{ROOT}/.venv/lib/python3.11/site-packages/verifiers/__init__.py", "/x/verifiers.py"]
)
def test_a_foreign_package_of_our_name_is_refused_by_its_path(origin: str | None) -> None:
    ours = {name: f"{ROOT}/{name}/__init__.py" for name in ("rlhf", "cluster")}
    MAIN.refuse_shadows({**ours, "verifiers": f"{ROOT}/verifiers/__init__.py"}, Path("/v"))
    with pytest.raises(MAIN.SelfCheckError) as caught:
        MAIN.refuse_shadows({**ours, "verifiers": origin}, Path("/v"))
    assert f"`import verifiers` finds {origin}" in str(caught.value)
    assert "/v/bin/pip uninstall verifiers" in str(caught.value)
