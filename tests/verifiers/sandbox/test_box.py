"""Programs in a box: what an honest one sees, how runs end, and what is left of them."""

import os

import pytest

from verifiers.sandbox.box import Ended, Execute, Python, Stop
from verifiers.sandbox.limits import Limits
from verifiers.sandbox.machine import interpreter
from verifiers.sandbox.sandbox import Level, Sandbox

QUICK = Limits(wall_s=5.0, memory_mb=256)


def run(sandbox: Sandbox, source: str, stdin: bytes = b"", limits: Limits = QUICK) -> Ended:
    with sandbox.box() as box:
        box.put("main.py", source)
        return box.run(Python("main.py"), stdin, limits)


HONEST = {
    "input": ("a, b = map(int, input().split()); print(a + b)", b"3 4\n", "7\n"),
    "sys.stdin": ("import sys; print(sys.stdin.read().upper(), end='')", b"x\ny", "X\nY"),
    "bytes": ("import sys; sys.stdout.buffer.write(sys.stdin.buffer.read()[::-1])", b"\xff\x00a", "a\x00\udcff"),
    "open(0)": ("print(sum(map(int, open(0).read().split())))", b"1 2 3", "6\n"),
    "no input": ("import sys; print(repr(sys.stdin.read()))", b"", "''\n"),
    "__main__": ("if __name__ == '__main__': print(__file__)", b"", "main.py\n"),
    "argv": ("import sys; print(sys.argv)", b"", "['main.py']\n"),
    "a function sees the module's names": ("n = 2\ndef f(): return n\nprint(f())", b"", "2\n"),
    "a class pickles": (
        "import pickle\nclass A: x = 1\nprint(pickle.loads(pickle.dumps(A())).x)",
        b"",
        "1\n",
    ),
    "deep recursion": (
        "import sys\nsys.setrecursionlimit(10**6)\ndef f(n): return n and f(n - 1) + 1\nprint(f(50_000))",
        b"",
        "50000\n",
    ),
    "threads": (
        "import threading\nthreading.stack_size(1 << 26)\nt = threading.Thread(target=lambda: print(1))\nt.start()",
        b"",
        "1\n",
    ),
    "exit handlers": ("import atexit; atexit.register(print, 2); print(1)", b"", "1\n2\n"),
    "a file of its own": ("open('x', 'w').write('y'); print(open('x').read())", b"", "y\n"),
    "a temporary file": ("import tempfile\nwith tempfile.TemporaryFile() as f: print(f.write(b'abc'))", b"", "3\n"),
    "asyncio": ("import asyncio\nasync def f(): return 5\nprint(asyncio.run(f()))", b"", "5\n"),
    "random": ("import random; random.seed(1); print(random.random() < 2)", b"", "True\n"),
    "unicode": ("print(input())", "π≈3\n".encode(), "π≈3\n"),
    "hash order is the same in every run": ("print(list({'a', 'b', 'c', 'd'})[0] in 'abcd')", b"", "True\n"),
}


@pytest.mark.parametrize("case", HONEST)
def test_an_honest_program_runs_as_it_would_anywhere(sandbox: Sandbox, case: str) -> None:
    source, stdin, expected = HONEST[case]
    ended = run(sandbox, source, stdin)
    assert (ended.stdout.decode(errors="surrogateescape"), ended.code) == (expected, 0), ended.stderr.decode()


ENDINGS = {
    "falls off the end": ("pass", 0, None),
    "sys.exit()": ("import sys; sys.exit()", 0, None),
    "sys.exit(3)": ("import sys; sys.exit(3)", 3, None),
    "sys.exit(text)": ("import sys; sys.exit('no')", 1, None),
    "sys.exit(300)": ("import sys; sys.exit(300)", 300 - 256, None),
    "os._exit(0)": ("import os; os._exit(0)", 0, None),
    "an exception": ("1 / 0", 1, None),
    "not Python": ("def", 1, None),
    "no UTF-8": ("x = '\udcff'", 1, None),
    "an exit within a thread": ("import threading, os; threading.Thread(target=lambda: os._exit(5)).start()", 5, None),
    "abort": ("import os; os.abort()", None, 6),
    "a bad pointer": ("import ctypes; ctypes.string_at(0)", None, 11),
    "kills itself": ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", None, 9),
}


@pytest.mark.parametrize("case", ENDINGS)
def test_how_a_run_ended(sandbox: Sandbox, level: Level, case: str) -> None:
    if (case, level) == ("kills itself", Level.LANDLOCK):
        pytest.skip("this level lets no program send signals but by aborting; it runs at the other one")
    source, code, signal = ENDINGS[case]
    ended = run(sandbox, source)
    assert (ended.code, ended.signal, ended.stop) == (code, signal, None)


def test_a_traceback_shows_the_program_s_lines_alone(sandbox: Sandbox) -> None:
    said = run(sandbox, "def f():\n    return [][0]\nf()").stderr.decode()
    assert said.splitlines()[0] == "Traceback (most recent call last):"
    assert said.count("File ") == said.count('File "main.py"') == 2
    assert said.splitlines()[-1] == "IndexError: list index out of range"


INSIDE = {"PYTHONDONTWRITEBYTECODE", "PYTHONHASHSEED", "OPENBLAS_NUM_THREADS"}


def test_what_a_program_sees_of_the_machine(sandbox: Sandbox, level: Level) -> None:
    source = "import os, sys; print(sorted(os.environ), os.getuid() == 0, sys.path[0], 'verifiers' in sys.modules)"
    seen = run(sandbox, source).stdout.decode()
    for name in set(os.environ) - {"PATH", "HOME", "LANG", "OMP_NUM_THREADS", "PYTHONPATH", "TMPDIR", "PWD"} - INSIDE:
        assert f"'{name}'" not in seen
    assert seen.endswith("] False  False\n")
    if level is Level.BWRAP:
        listed = "import os; print(os.listdir('.'), os.listdir('/tmp'), os.listdir('/dev/shm'), os.uname().nodename)"
        assert run(sandbox, listed).stdout == b"['main.py'] ['stdin'] [] box\n"


def test_standard_input_can_be_sought_in_and_opened_by_name(sandbox: Sandbox, level: Level) -> None:
    assert run(sandbox, "import sys; sys.stdin.seek(2); print(sys.stdin.read())", b"abcd").stdout == b"cd\n"
    if level is Level.BWRAP:
        assert run(sandbox, "print(open('/dev/stdin').read())", b"abcd").stdout == b"abcd\n"


def test_a_large_input_and_a_large_output(sandbox: Sandbox) -> None:
    data = bytes(range(256)) * 20_000
    source = "import sys; sys.stdout.buffer.write(sys.stdin.buffer.read())"
    assert run(sandbox, source, data).stdout == data
    assert run(sandbox, "print(1)", data).stdout == b"1\n"  # it need not be read


def test_nothing_of_a_box_is_in_the_next(sandbox: Sandbox) -> None:
    left = "import os\nfor f in ('.', os.environ['TMPDIR']): open(f + '/left', 'w').write('x')\nimport json; json.x = 1"
    assert run(sandbox, left).ok
    assert run(sandbox, "import os, json; print(os.path.exists('left'), hasattr(json, 'x'))").stdout == b"False False\n"
    assert run(sandbox, "import os; print(os.path.exists(os.environ['TMPDIR'] + '/left'))").stdout == b"False\n"


LEAVING = """
import os, sys
folders = sys.argv[1:]
print([sorted(set(os.listdir(folder)) - {'stdin'}) for folder in folders], open('main.py').read() == open('as_put').read())
for folder in folders:
    os.makedirs(folder + '/a/b/c')
    open(folder + '/x', 'w').close()
    os.symlink('/usr', folder + '/l')
os.unlink('as_put')
open('main.py', 'a').write('1 / 0')
try:
    os.chmod('.', 0)
except OSError:
    pass
"""


def test_every_run_meets_the_files_as_they_were_put(sandbox: Sandbox, level: Level) -> None:
    """Else a program could count the tests, and compute in one what it has no time for in another."""
    folders = (".", "/tmp", "/dev/shm") if level is Level.BWRAP else (".",)
    command = Python("main.py", folders)
    with sandbox.box() as box:
        box.put("main.py", LEAVING)
        box.put("as_put", LEAVING)
        first = box.run(command, limits=QUICK)
        expected = f"{[['as_put', 'main.py'], [], []][: len(folders)]} True\n"
        assert (first.code, first.stdout.decode()) == (0, expected), first.stderr.decode()
        for _ in range(3):
            again = box.run(command, limits=QUICK)
            assert (again.code, again.stdout) == (0, first.stdout), again.stderr.decode()


BUILT = {
    "a file": ("os.write(os.open('out', os.O_WRONLY | os.O_CREAT, 0o700), b'7')", "True 0o700"),
    "nothing": ("pass", "False"),
    "a link": ("os.symlink('main.py', 'out')", "False"),
    "a pipe": ("os.mkfifo('out')", "False"),
    "a folder": ("os.mkdir('out')", "False"),
    "too large a file": ("f = open('out', 'w'); f.truncate(40 << 20)", "False"),
}


@pytest.mark.parametrize("case", BUILT)
def test_what_a_run_builds_is_met_by_later_ones(sandbox: Sandbox, case: str) -> None:
    building, expected = BUILT[case]
    seen = "import os; there = os.path.lexists('out'); print(there, *([oct(os.stat('out').st_mode & 0o777)] if there else []))"
    large = Limits(wall_s=5.0, file_mb=64)
    with sandbox.box() as box:
        box.put("main.py", seen)
        build = Execute(
            ("/usr/bin/env", interpreter(for_everybody=True), "-c", f"import os; {building}"), builds=("out",)
        )
        assert box.run(build, limits=large).ok
        for _ in range(2):
            assert box.run(Python("main.py")).stdout.decode().strip() == expected


def test_processes_do_not_stay_from_run_to_run(sandbox: Sandbox, level: Level) -> None:
    if level is Level.BWRAP:
        daemon = "import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0: time.sleep(60)\n"
        alive = "import os\ntry: os.kill(-1, 0); print('alive')\nexcept ProcessLookupError: print('alone')"
        with sandbox.box() as box:
            box.put("daemon.py", daemon)
            box.put("alive.py", alive)
            assert box.run(Python("daemon.py"), limits=QUICK).ok
            assert box.run(Python("alive.py"), limits=QUICK).stdout == b"alone\n"


LIMITED = {
    "sleeps": ("import time; time.sleep(60)", Limits(wall_s=0.3), Stop.TIME),
    "computes": ("while True: pass", Limits(wall_s=0.3), Stop.TIME),
    "ignores signals": (
        "import signal, time\nfor s in range(1, 65):\n    try: signal.signal(s, signal.SIG_IGN)\n"
        "    except (OSError, ValueError): pass\nwhile True: time.sleep(1)",
        Limits(wall_s=0.3),
        Stop.TIME,
    ),
    "catches everything": (
        "import time\nwhile True:\n    try: time.sleep(1)\n    except BaseException: pass",
        Limits(wall_s=0.3),
        Stop.TIME,
    ),
    "writes 300 MB": (
        "import os\nfor _ in range(300): os.write(1, b'x' * 2**20)",
        Limits(wall_s=10.0, output_kb=1024),
        Stop.OUTPUT,
    ),
    "waits in its exit handler": (
        "import atexit, time; atexit.register(time.sleep, 60)",
        Limits(wall_s=0.3),
        Stop.TIME,
    ),
}


@pytest.mark.parametrize("case", LIMITED)
def test_a_limit_ends_a_run(sandbox: Sandbox, case: str) -> None:
    source, limits, stop = LIMITED[case]
    ended = run(sandbox, source, limits=limits)
    assert ended.stop is stop
    assert len(ended.stdout) <= limits.output_kb * 1024
    assert run(sandbox, "print(1)").stdout == b"1\n"


def test_standard_error_is_bounded_and_ends_no_run(sandbox: Sandbox) -> None:
    ended = run(sandbox, "import sys\nfor _ in range(100): sys.stderr.write('x' * 2**16)\nprint(1)")
    assert (ended.stdout, len(ended.stderr), ended.code) == (b"1\n", 64 * 1024, 0)


def test_the_processor_s_time_is_bounded_beside_the_clock_s(sandbox: Sandbox) -> None:
    ended = run(sandbox, "while True: pass", limits=Limits(wall_s=20.0, cpu_s=1))
    assert ended.stop is None
    assert ended.signal in (9, 24)  # SIGKILL or SIGXCPU
    assert ended.cpu_s > 0.9


def test_memory_of_one_process_is_bounded(sandbox: Sandbox) -> None:
    ended = run(sandbox, "x = bytearray(3 * 2**30)")
    assert ended.code == 1
    assert "MemoryError" in ended.stderr.decode()


def test_a_compiler_and_its_program(sandbox: Sandbox) -> None:
    with sandbox.box() as box:
        box.put("main.cpp", "#include <iostream>\nint main() { long a, b; std::cin >> a >> b; std::cout << a * b; }")
        built = box.run(
            Execute(("/usr/bin/g++", "-o", "main", "main.cpp"), many=True, builds=("main",)), limits=Limits(wall_s=60.0)
        )
        assert built.ok, built.stderr.decode()
        assert [box.run(Execute(("./main",)), data, QUICK).stdout for data in (b"6 7", b"0 1")] == [b"42", b"0"]


def test_a_program_that_is_not_there(sandbox: Sandbox) -> None:
    with sandbox.box() as box:
        ended = box.run(Execute(("./nothing",)))
        assert (ended.code, ended.stderr) == (127, b"./nothing: No such file or directory\n")


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/b", "", "."])
def test_only_plain_names_are_written_to(sandbox: Sandbox, name: str) -> None:
    from verifiers.sandbox.box import BoxError

    with sandbox.box() as box, pytest.raises(BoxError):
        box.put(name, "x")


def test_several_boxes_at_a_time(sandbox: Sandbox) -> None:
    with sandbox.box() as first, sandbox.box() as second:
        first.put("main.py", "print(1)")
        second.put("main.py", "print(2)")
        assert [box.run(Python("main.py")).stdout for box in (second, first)] == [b"2\n", b"1\n"]


def test_an_installed_package_may_be_named(level: Level) -> None:
    from verifiers.sandbox.sandbox import Settings

    with Sandbox(Settings(level, packages=("numpy",))) as sandbox:
        assert (
            run(sandbox, "import numpy; print(numpy.arange(4).sum())", limits=Limits(memory_mb=1024)).stdout == b"6\n"
        )
    with (
        pytest.raises(ValueError, match="packages: 'nompy' is not installed"),
        Sandbox(Settings(level, packages=("nompy",))),
    ):
        pass


@pytest.mark.parametrize(("field", "value"), [("wall_s", 0.0), ("memory_mb", -1), ("processes", 0)])
def test_a_limit_is_positive(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{field}: found {value}"):
        Limits(**{field: value})  # type: ignore[arg-type]
