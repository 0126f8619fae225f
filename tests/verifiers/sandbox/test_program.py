"""A Python program in a box does what `python FILE` does with it: its output and exit code, compared with the real one.

A warm interpreter that forks has to imitate how one starts and ends; where it did not, right programs were wrong.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from verifiers.sandbox.box import Python
from verifiers.sandbox.limits import Limits
from verifiers.sandbox.sandbox import Sandbox

FAST_IO = """
import os, sys
from io import BytesIO, IOBase
class FastIO(IOBase):
    def __init__(self, file):
        self._fd = file.fileno()
        self.buffer = BytesIO()
        self.writable = "x" in file.mode or "r" not in file.mode
        self.write = self.buffer.write if self.writable else None
    def readline(self):
        if not self.buffer.getbuffer():
            self.buffer = BytesIO(os.read(self._fd, max(os.fstat(self._fd).st_size, 8192)))
        return self.buffer.readline()
    def flush(self):
        if self.writable:
            os.write(self._fd, self.buffer.getvalue())
            self.buffer.truncate(0), self.buffer.seek(0)
class Wrapper(IOBase):
    def __init__(self, file):
        self.buffer = FastIO(file)
        self.flush = self.buffer.flush
        self.write = lambda s: self.buffer.write(s.encode("ascii"))
        self.readline = lambda: self.buffer.readline().decode("ascii")
sys.stdin, sys.stdout = Wrapper(sys.stdin), Wrapper(sys.stdout)
print(sys.stdin.readline().strip(), sys.stdin.readline().strip())
"""
DEPTH = "d = 0\ndef f():\n    global d\n    d += 1\n    f()\ntry: f()\nexcept RecursionError: print(d)"
DEEP = "import sys\nsys.setrecursionlimit(10**6)\ndef f(n): return 0 if n == 0 else 1 + f(n - 1)\n"
PROGRAMS: dict[str, tuple[str, str]] = {
    "exit()": ("print(1)\nexit()\nprint(2)", ""),
    "quit(3)": ("print(1)\nquit(3)", ""),
    "exit in a function": ("def f(): exit('no')\nf()", ""),
    "names of an interactive session": ("print(*(name in dir(__builtins__) for name in ('help', 'copyright')))", ""),
    "sys.exit with a text": ("import sys\nprint(1)\nsys.exit('no')", ""),
    "sys.exit with nothing": ("import sys\nprint(1)\nsys.exit()", ""),
    "sys.exit with a truth": ("import sys\nsys.exit(True)", ""),
    "sys.exit with -1": ("import sys\nsys.exit(-1)", ""),
    "SystemExit in a thread": (
        "import threading\ndef f(): raise SystemExit(2)\nt = threading.Thread(target=f)\nt.start()\nt.join()\nprint(1)",
        "",
    ),
    "its names": ("print(sorted(globals()))", ""),
    "its name": ("print(__name__, __doc__, __package__)", ""),
    "annotations": ("x: int = 3\ndef f(x: str): pass\nprint(__annotations__, f.__annotations__)", ""),
    "annotations of the future": (
        "from __future__ import annotations\ndef f(x: A): pass\nprint(f.__annotations__)",
        "",
    ),
    "a dataclass": ("from dataclasses import dataclass\n@dataclass\nclass A:\n    x: int\nprint(A(3))", ""),
    "a pickled class": ("import pickle\nclass A: pass\nprint(type(pickle.loads(pickle.dumps(A()))).__name__)", ""),
    "itself as a module": ("import __main__\nz = 7\nprint(__main__.z)", ""),
    "its source": ("import inspect\ndef f(): return 1\nprint(inspect.getsource(f))", ""),
    "open(0)": ("print(open(0).read().split())", "1 2\n3\n"),
    "bytes of standard input": ("import sys\nprint(sys.stdin.buffer.read())", "1 2\r\n3"),
    "lines of standard input": ("import sys\nfor line in sys.stdin: print(repr(line))", "1 2\r\n3\r4\n5"),
    "lines by input()": ("print(repr(input()), repr(input()))", "1 2\r\n3\n"),
    "lines by fileinput": ("import fileinput\nfor line in fileinput.input(): print(repr(line))", "1 2\n3"),
    "lines in two ways": ("import sys\nprint(input(), sys.stdin.readline(), sys.stdin.read())", "1\n2\n3\n4"),
    "a prompt": ("print(input('say: '))", "a\n"),
    "until the end": ("while True:\n    try: print(input())\n    except EOFError: break", "a\nb"),
    "beyond the end": ("print(input())\nprint(input())", "a\n"),
    "what the streams are": (
        "import sys\nfor s in (sys.stdin, sys.stdout, sys.stderr):\n"
        "    print(s.name, s.mode, s.encoding, s.errors, s.isatty(), s.fileno(), s.line_buffering, s.newlines)",
        "",
    ),
    "fast input and output": (FAST_IO, "1 2\n3 4\n"),
    "bytes, then text": ("import os\nprint('a', flush=True)\nos.write(1, b'b\\n')\nprint('c')", ""),
    "a file that is not closed": ("f = open(1, 'w', closefd=False)\nf.write('hello\\n')", ""),
    "another that is not closed": ("import os\nw = os.fdopen(1, 'w')\nprint('x', file=w)", ""),
    "another standard output": ("import sys\nsys.stdout = open(1, 'w')\nprint('x')", ""),
    "output kept to the end": (
        "import atexit, io, sys\nsys.stdout = io.StringIO()\nprint('hi')\n"
        "atexit.register(lambda: sys.__stdout__.write(sys.stdout.getvalue()))",
        "",
    ),
    "an object's end": ("class A:\n    def __del__(self): print('gone')\na = A()\nprint('end')", ""),
    "an object that does not end well": ("class A:\n    def __del__(self): 1 / 0\na = A()\nprint('end')", ""),
    "exit handlers": ("import atexit\natexit.register(print, 1)\natexit.register(print, 2)\nprint(0)", ""),
    "an exit handler that fails": ("import atexit\natexit.register(lambda: 1 / 0)\nprint(0)", ""),
    "an exception": ("print(1)\nraise ValueError('x')", ""),
    "a handler of exceptions": ("import sys\nsys.excepthook = lambda *_: print('hook')\n1 / 0", ""),
    "a thread": ("import threading, time\nthreading.Timer(0.05, print, ['t']).start()\nprint('m')", ""),
    "a thread that fails": ("import threading\nthreading.Thread(target=lambda: 1 / 0).start()\nprint('m')", ""),
    "os._exit": ("import os\nprint('lost')\nos._exit(0)", ""),
    "output closed": ("import sys\nprint('x')\nsys.stdout.close()", ""),
    "input closed": ("import sys\nsys.stdin.close()\nprint('x')", ""),
    "output set to None": ("import sys\nprint('x')\nsys.stdout = None", ""),
    "output deleted": ("import sys\nprint('x')\ndel sys.stdout", ""),
    "output detached": ("import sys\no = sys.stdout.detach()\no.write(b'z\\n')\no.flush()", ""),
    "how deep it may go": (DEPTH, ""),
    "how deep it says": ("def f(n): return n if n == 0 else f(n - 1)\nprint(f(990))", ""),
    "deep recursion": (DEEP + "print(f(10**5))", ""),
    "deep recursion in a thread": (
        DEEP + "import threading\nthreading.stack_size(1 << 26)\n"
        "t = threading.Thread(target=lambda: print(f(10**5)))\nt.start()\nt.join()",
        "",
    ),
    "no end of recursion": ("def f(): f()\nf()", ""),
    "what is not ASCII": ("print('h\u00e9\u4e2d', len('\u00e9'))", ""),
    "what cannot be written": ("print('a')\nprint('\\ud800')", ""),
    "a byte order mark": ("\ufeffprint(1)", ""),
    "another encoding": ("# -*- coding: latin-1 -*-\nprint(len('\u00e9'))", ""),
    "ends of lines of Windows": ("if True:\r\n    print('a')\r\nprint('b')\r\n", ""),
    "no Python": ("def f(:\n", ""),
    "random numbers of a seed": ("import random\nrandom.seed(5)\nprint(random.random())", ""),
    "large numbers as text": ("print(len(str(10**5000)))", ""),
    "no newline at the end": ("print('x', end='')", ""),
}


if sys.version_info >= (3, 11, 4):  # before, the interpreter stopped reading a file there and `compile` refused it
    PROGRAMS["a zero byte"] = ("print(1)\n\0", "")


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, bytes]]:
    """(exit code, standard output) of each, by the interpreter itself."""
    folder = tmp_path_factory.mktemp("plain")
    found = {}
    for name, (source, given) in PROGRAMS.items():
        (folder / "main.py").write_bytes(source.encode())
        done = subprocess.run(
            [getattr(sys, "_base_executable", sys.executable), "-s", "main.py"],
            input=given.encode(),
            capture_output=True,
            cwd=folder,
            env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONHASHSEED": "0"},
            timeout=60,
            check=False,
        )
        found[name] = (done.returncode, done.stdout)
    return found


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_does_what_it_does_elsewhere(
    sandbox: Sandbox, plain: dict[str, tuple[int, bytes]], name: str
) -> None:
    source, given = PROGRAMS[name]
    with sandbox.box() as box:
        box.put("main.py", source)
        ended = box.run(Python("main.py"), given.encode(), Limits(wall_s=20.0))
    assert ended.stop is None
    code = ended.code if ended.signal is None else -ended.signal
    assert (code, ended.stdout) == plain[name], ended.stderr


def test_an_exception_is_shown_without_what_runs_the_program(sandbox: Sandbox) -> None:
    with sandbox.box() as box:
        box.put("main.py", "def f():\n    raise ValueError('x')\nf()")
        said = box.run(Python("main.py")).stderr.decode()
    assert said.splitlines()[-1] == "ValueError: x"
    assert 'File "main.py", line 3' in said
    assert str(Path(__file__).parents[3]) not in said
    assert "program.py" not in said
