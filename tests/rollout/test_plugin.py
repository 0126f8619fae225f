"""An engine's process and the actor that started it: they end together, at whatever moment the actor ends."""

import os
import subprocess
import sys
from pathlib import Path

from rlhf.rollout.plugin import ancestors

ROOT = Path(__file__).parents[2]
TIE = "from rlhf.rollout.plugin import die_with_parent\nimport sys\n"


def run(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, timeout=60)


def test_a_child_of_its_owner_lives_on() -> None:
    done = run(TIE + "die_with_parent(int(sys.argv[1])); print('lives')", os.getpid())
    assert (done.returncode, done.stdout) == (0, "lives\n")


def test_so_does_a_grandchild_as_the_workers_of_a_tensor_parallel_engine_are() -> None:
    inner = TIE + "die_with_parent(int(sys.argv[1])); print('lives')"
    outer = "import subprocess, sys; subprocess.run([sys.executable, '-c', *sys.argv[1:]], check=True)"
    done = run(outer, inner, os.getpid())
    assert (done.returncode, done.stdout) == (0, "lives\n")


def test_a_process_whose_owner_has_ended_meanwhile_ends() -> None:
    """The child waits until it has been given another parent, as one that still imports vLLM would be."""
    orphaned = (
        TIE
        + """
import os
reading, writing = os.pipe()
os.set_inheritable(writing, True)
owner = os.getpid()
if os.fork() == 0:
    os.close(writing)
    os.read(reading, 1)  # ends when the owner has
    while os.getppid() == owner:
        os.sched_yield()
    die_with_parent(owner)
    print("lives", flush=True)
os._exit(0)
"""
    )
    done = run(orphaned)
    assert done.stdout == ""
    assert done.returncode == 0, done.stderr


def test_ancestors_are_told_whatever_a_process_is_called(tmp_path: Path) -> None:
    assert ancestors()[0] == os.getppid()
    name = tmp_path / "a) R 1 (b"
    name.symlink_to(sys.executable)
    code = "import subprocess, sys; subprocess.run(sys.argv[1:], check=True)"
    inner = "from rlhf.rollout.plugin import ancestors; print(*ancestors())"
    named = "import ctypes; ctypes.CDLL(None).prctl(15, b'a) R 1 (b', 0, 0, 0); " + code
    done = run(named, sys.executable, "-c", inner)
    assert [int(pid) for pid in done.stdout.split()][1:] == [os.getpid(), *ancestors()]
