"""However a sandbox or its owner ends, nothing of it is left, and nobody waits for it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.verifiers.sandbox.left import everything, processes_of
from verifiers.sandbox import cgroup
from verifiers.sandbox.box import Python, Stop
from verifiers.sandbox.limits import Limits
from verifiers.sandbox.sandbox import Level, Sandbox, SandboxError, SandboxLostError, Settings, sweep

SLEEP = "import time; time.sleep(600)"


def test_a_sandbox_ends_with_its_owner(level: Level) -> None:
    """The process that has made it is killed; nothing of it, nor of what ran in it, is left."""
    source = f"""
import os, sys
from verifiers.sandbox.sandbox import Level, Sandbox, Settings
from verifiers.sandbox.box import Python
sandbox = Sandbox(Settings(Level({level.value!r})))
with sandbox.box() as box:
    box.put("main.py", "import time; print('up', flush=True); time.sleep(600)")
    print(sandbox.pid, flush=True)
    box.run(Python("main.py"))
"""
    owner = subprocess.Popen([sys.executable, "-c", source], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    pid = int(owner.stdout.readline())
    owner.kill()
    owner.wait()
    owner.stdout.close()
    assert left_after_a_while(pid) == []


def left_after_a_while(pid: int) -> list[int]:
    """What is still there of a sandbox whose process was killed: a kill takes effect some time after it was asked for."""
    deadline = time.monotonic() + 10
    while processes_of(pid) and time.monotonic() < deadline:
        os.sched_yield()
    return processes_of(pid)


def kill(pid: int, level: Level) -> None:
    """The process that answers for a sandbox is dead when this returns: bwrap itself only launched it."""
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    if level is Level.BWRAP:
        assert left_after_a_while(pid) == []


def test_a_sandbox_that_is_killed_is_lost_with_all_that_ran_in_it(level: Level) -> None:
    sweep()
    before = everything()
    sandbox = Sandbox(Settings(level))
    with (
        pytest.raises(SandboxLostError, match=f"no {level} sandbox"),
        sandbox.box() as beside,
        sandbox.box() as box,
    ):
        beside.put("main.py", SLEEP)
        box.put("main.py", f"import os\nprint(os.getpid())\n{SLEEP}")
        with box.session(Python("main.py")):
            kill(sandbox.pid, level)
    assert processes_of(sandbox.pid) == []
    assert everything() == before


def test_a_sandbox_that_was_lost_before_any_program_is_the_machine_s_fault(level: Level) -> None:
    with Sandbox(Settings(level)) as sandbox:
        kill(sandbox.pid, level)
        with pytest.raises(SandboxError) as raised, sandbox.box():
            pass
    assert not isinstance(raised.value, SandboxLostError)


def test_a_box_whose_first_process_is_killed_ends_alone(sandbox: Sandbox) -> None:
    with sandbox.box() as box:
        box.put("main.py", SLEEP)
        os.kill(first_process_of_a_box(sandbox), signal.SIGKILL)
        assert box.run(Python("main.py"), limits=Limits(wall_s=5.0)).stop is Stop.BOX
    with sandbox.box() as box:
        box.put("main.py", "print(1)")
        assert box.run(Python("main.py")).stdout == b"1\n"


def first_process_of_a_box(sandbox: Sandbox) -> int:
    """Of the only one that is open: the newest process, which need not have the highest number."""
    return max((pid for pid in processes_of(sandbox.pid) if pid != sandbox.pid), key=started)


def started(pid: int) -> tuple[int, int]:
    """When, in clock ticks since the machine was; and the number, should two have started in one."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]), pid


def test_the_processor_is_shared_between_sandboxes_and_not_between_processes(sandbox: Sandbox) -> None:
    if cgroup.find().cpu is None:
        pytest.skip("no cpu hierarchy of version 1 is mounted here; runs where one is")
    groups = Path(f"/proc/{sandbox.pid}/cgroup").read_text().splitlines()
    assert [line.rpartition("/")[2].startswith("longthought-box-") for line in groups if ":cpu" in line][-1:] == [True]
