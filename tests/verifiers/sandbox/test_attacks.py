"""Hostile programs in a box: none gets out, none stays, none harms the next. Each attack has a control, where it is safe
to have one: the same source, run without walls, does what it is meant to do."""

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from tests.verifiers.sandbox.left import processes_of
from tests.verifiers.sandbox.test_box import run
from verifiers.sandbox.attacks import ATTACKS
from verifiers.sandbox.box import Call, Python, Stop
from verifiers.sandbox.limits import Limits
from verifiers.sandbox.probe import ASSAULT, probe, targets
from verifiers.sandbox.sandbox import Level, Sandbox

WITHOUT_WALLS = (
    "import json, sys\nfrom verifiers.sandbox.attacks import Targets\nfrom verifiers.sandbox.inside.assault import succeeds\n"
    "print(succeeds(sys.argv[1], Targets(**json.loads(sys.argv[2]))))"
)
SAFE_AND_ALLOWED_OUTSIDE = (
    "connect over TCP",
    "send over UDP",
    "reach an abstract socket",
    "talk to the kernel over netlink",
    "read the users of the machine",
    "read a secret file",
    "list a folder outside",
    "list the root of the machine",
    "write into a folder outside",
    "read its own memory map",
    "read a secret through a symbolic link",
    "leave by ..",
    "signal a process outside",
    "signal its parent",
    "signal a thread outside",
    "have the kernel signal a process outside",
    "limit a process outside",
    "limit its parent",
    "slow a process outside",
    "pin a process outside to one processor",
    "pin its parent to one processor",
    "change the mode of a file outside",
    "change the times of a file outside",
    "lock a file of the system",
    "change the size of a pipe",
    "open a queue of requests",
    "hide memory in a file without a name",
    "watch files",
)


@pytest.fixture(scope="module")
def through(sandbox: Sandbox) -> list[str]:
    with targets() as aims, sandbox.box() as box:
        ended = box.run(Call(ASSAULT, (asdict(aims),)), limits=Limits(wall_s=20.0))
        assert ended.ok, ended.stderr.decode()
        assert [path.name for path in Path(aims.folder).iterdir()] == ["secret"]
        return json.loads(ended.stdout)


@pytest.mark.parametrize("level", Level)
def test_no_level_is_skipped_because_it_does_not_hold(level: Level) -> None:
    """A machine may not give a level; one that it gives and that an attack gets through is a fault of ours."""
    assert probe(level).through == ()


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_is_refused(through: list[str], name: str) -> None:
    assert name not in through


@pytest.mark.parametrize("name", SAFE_AND_ALLOWED_OUTSIDE)
def test_the_same_attack_succeeds_without_walls(name: str, tmp_path: Path) -> None:
    with targets() as aims:
        command = [sys.executable, "-c", WITHOUT_WALLS, name, json.dumps(asdict(aims))]
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment, check=True)
    assert done.stdout == "True\n"


FORKS = (
    "import os\nmade = 0\nfor _ in range(2000):\n    try:\n        if os.fork() == 0: os.pause() if hasattr(os, 'pause') \
else __import__('signal').pause()\n        made += 1\n    except OSError: pass\nprint(made)"
)
CHILDREN_WITH_MEMORY = """
import os, time
for _ in range(20):
    if os.fork() == 0:
        held = bytearray(200 * 2**20)
        for i in range(0, len(held), 4096): held[i] = 1
        os.write(1, b'.')
        time.sleep(30)
        os._exit(0)
for _ in range(20):
    try: os.wait()
    except ChildProcessError: break
"""


def test_a_fork_bomb_is_bounded_and_gone(sandbox: Sandbox, level: Level) -> None:
    ended = run(sandbox, FORKS, limits=Limits(wall_s=10.0, processes=32))
    assert int(ended.stdout) <= (32 if level is Level.BWRAP else 0)
    assert run(sandbox, "print(1)").stdout == b"1\n"
    assert len(processes_of(sandbox.pid)) <= 2  # bubblewrap, and the interpreter that waits for the next


def test_threads_are_bounded_too(sandbox: Sandbox) -> None:
    source = (
        "import threading, time\nn = 0\ntry:\n    for _ in range(2000):\n        threading.Thread(target=time.sleep, "
    )
    source += "args=(30,), daemon=True).start(); n += 1\nexcept (RuntimeError, MemoryError): pass\nprint(n)"
    ended = run(sandbox, source, limits=Limits(wall_s=10.0, processes=32))
    assert int(ended.stdout) <= 32


def test_memory_is_bounded_over_all_processes(sandbox: Sandbox, level: Level) -> None:
    if level is Level.LANDLOCK:
        pytest.skip("this level lets no program start processes; it runs at the other one")
    ended = run(sandbox, CHILDREN_WITH_MEMORY, limits=Limits(wall_s=20.0, memory_mb=512))
    assert ended.stdout.count(b".") <= 3
    assert ended.stop is Stop.MEMORY
    assert run(sandbox, "print(1)").stdout == b"1\n"


STAYING = {
    "a daemon": "if os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0: time.sleep(600)\n    os._exit(0)",
    "an orphan that holds the output": "if os.fork() == 0:\n    os.write(1, b'x'); time.sleep(600)",
    "a process that ignores signals": "for s in range(1, 32):\n    try: signal.signal(s, signal.SIG_IGN)\n"
    "    except OSError: pass\nif os.fork() == 0: time.sleep(600)",
    "a stopped process": "if os.fork() == 0: os.kill(os.getpid(), signal.SIGSTOP)",
    "a chain of orphans": "for _ in range(20):\n    if os.fork(): os._exit(0)\ntime.sleep(600)",
    "zombies": "for _ in range(20):\n    if os.fork() == 0: os._exit(0)",
}


@pytest.mark.parametrize("case", STAYING)
def test_nothing_stays_behind(sandbox: Sandbox, level: Level, case: str) -> None:
    if level is Level.LANDLOCK:
        pytest.skip("this level lets no program start processes; it runs at the other one")
    with sandbox.box() as box:
        box.put("main.py", "import os, signal, time\n" + STAYING[case])
        ended = box.run(Python("main.py"), limits=Limits(wall_s=2.0))
        assert ended.stop is None
        assert len(processes_of(sandbox.pid)) == 3  # bubblewrap, the interpreter, the box's first process
    assert len(processes_of(sandbox.pid)) == 2


AT_THE_BOX = {
    "kills the first process": "os.kill(1, 9)",
    "kills everything": "os.kill(-1, 9)",
    "kills its group": "os.killpg(0, 9)",
    "fills the disk": "try:\n    for i in range(100): open(str(i), 'wb').write(b'x' * (8 << 20))\nexcept OSError: print('full')",
    "uses up the names": "try:\n    for i in range(100_000): open(str(i), 'w').close()\nexcept OSError: print('full')",
    "uses up the descriptors": "held = []\ntry:\n    while True: held.append(os.dup(0))\nexcept OSError: print('full')",
    "uses up the clocks": "import ctypes\nlibc = ctypes.CDLL(None)\nfor _ in range(10_000):\n"
    "    libc.timer_create(1, None, ctypes.byref(ctypes.c_void_p()))",
    "stops itself": "os.kill(os.getpid(), signal.SIGSTOP)",
    "a file of 1 GB": "try:\n    f = open('x', 'wb'); f.truncate(1 << 30)\nexcept OSError: print('full')",
    "deep folders": "for _ in range(2000):\n    os.mkdir('d'); os.chdir('d')",
    "folders that may not be entered": "os.makedirs('a/b/c'); os.chmod('a/b', 0); os.chmod('a', 0)",
    "its standard input is replaced by a link": "os.unlink('/tmp/stdin'); os.symlink('/box/main.py', '/tmp/stdin')",
    "its standard input is replaced by a pipe": "os.unlink('/tmp/stdin'); os.mkfifo('/tmp/stdin')",
    "its standard input is replaced by a folder": "os.unlink('/tmp/stdin'); os.mkdir('/tmp/stdin')",
    "its program is replaced by a folder": "os.unlink('main.py'); os.mkdir('main.py')",
    "its folder may not be entered": "os.chmod('.', 0)",
    "shared memory": "open('/dev/shm/x', 'wb').write(b'x' * 2**20)",
    "closes its output": "os.close(1); os.close(2)",
    "a socket pair and a pipe": "import socket; print(len(socket.socketpair()), len(os.pipe()))",
    "the memory killer's score": "open('/proc/self/oom_score_adj', 'w').write('-1000')",
}


@pytest.mark.parametrize("case", AT_THE_BOX)
def test_whatever_it_does_to_its_box_harms_no_other(sandbox: Sandbox, case: str) -> None:
    source = "import os, signal\n" + AT_THE_BOX[case]
    with sandbox.box() as box:
        box.put("main.py", source)
        for _ in range(2):  # the second run meets what the first has left; it may fail, it may not hang or raise
            box.run(Python("main.py"), b"x\n", Limits(wall_s=2.0))
    with sandbox.box() as box:
        box.put("main.py", "import os; print(sorted(set(os.listdir('.')) - {'stdin'}), input())")
        assert box.run(Python("main.py"), b"fresh\n").stdout == b"['main.py'] fresh\n"


def test_an_output_of_300_mb_takes_no_memory_here(sandbox: Sandbox) -> None:
    import resource

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    source = "import os\nwhile True: os.write(1, b'x' * 2**20)"
    assert run(sandbox, source, limits=Limits(wall_s=10.0, output_kb=512)).stop is Stop.OUTPUT
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024


@pytest.mark.full
def test_a_thousand_runs_leave_nothing(level: Level) -> None:
    from tests.verifiers.sandbox.left import everything
    from verifiers.sandbox.sandbox import Settings

    before = everything()
    sources = ["print(1)", "import time; time.sleep(9)", *("import os, signal, time\n" + s for s in STAYING.values())]
    with Sandbox(Settings(level)) as started:
        pid = started.pid
        for i in range(1000):
            run(started, sources[i % len(sources)], limits=Limits(wall_s=0.2))
    assert processes_of(pid) == []
    assert everything() == before
