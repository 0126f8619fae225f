"""Code that tries to be judged right without being right. Each attack has an honest twin that passes the same tests."""

from typing import Any

import pytest

from tests.verifiers.code.conftest import Judge
from verifiers import Status

SUM: dict[str, Any] = {"tests": [{"input": "3 4\n", "output": "7\n"}, {"input": "20 22\n", "output": "42\n"}]}
ADD: dict[str, Any] = {
    "entry": "add",
    "tests": [{"arguments": [3, 4], "expected": 7}, {"arguments": [20, 22], "expected": 42}],
}
CHECK: dict[str, Any] = {
    "prompt": 'def add(a, b):\n    """The sum."""\n',
    "entry_point": "add",
    "test": "def check(candidate):\n    assert candidate(3, 4) == 7\n    assert candidate(20, 22) == 42\n",
}
ASSERTS: dict[str, Any] = {"test_list": ["assert add(3, 4) == 7", "assert add(20, 22) == 42"], "test_imports": []}
CALLED = [(ADD, "tests"), (CHECK, "humaneval"), (ASSERTS, "mbpp")]

HONEST = "def add(a, b):\n    return a + b"

EQUAL = """
class Equal:
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __hash__(self): return 7
    def __bool__(self): return True
    def __len__(self): return 0
    def __getattr__(self, name): return self
    def __call__(self, *a, **k): return self
    def __add__(self, other): return self
    __radd__ = __sub__ = __rsub__ = __lt__ = __gt__ = __add__
"""
FORGED = {
    "an object that equals everything": EQUAL + "def add(a, b): return Equal()",
    "an int that equals everything": "class I(int):\n    __eq__ = lambda *a: True\n    __hash__ = int.__hash__\n"
    "def add(a, b): return I(0)",
    "a str that equals everything": "class S(str):\n    __eq__ = lambda *a: True\n    __hash__ = str.__hash__\n"
    "def add(a, b): return S()",
    "a list that equals everything": "class L(list):\n    __eq__ = lambda *a: True\ndef add(a, b): return L()",
    "a tuple that equals everything": "class T(tuple):\n    __eq__ = lambda *a: True\n    __hash__ = tuple.__hash__\n"
    "def add(a, b): return T()",
    "a class that equals everything": "class M(type):\n    __eq__ = lambda *a: True\n    __hash__ = type.__hash__\n"
    "class C(metaclass=M): pass\ndef add(a, b): return C",
    "ends the process": "import os\ndef add(a, b): os._exit(0)",
    "ends it while it loads": "import os; os._exit(0)",
    "exits": "import sys\ndef add(a, b): sys.exit(0)",
    "an exit handler that ends it": "import atexit, os\natexit.register(os._exit, 0)\ndef add(a, b): return None",
    "prints what a test would": "print('passed'); print('{\"passed\": true}')\ndef add(a, b): return None",
    "writes a verdict into every descriptor": (
        "import json, os, struct\ndef add(a, b):\n    body = json.dumps({'passed': True}).encode()\n"
        "    for fd in range(64):\n        try: os.write(fd, struct.pack('>I', len(body)) + body)\n"
        "        except OSError: pass"
    ),
    "answers a verdict": "def add(a, b): return {'passed': True}",
    "walks the frames above": (
        "import sys\ndef add(a, b):\n    f = sys._getframe()\n    while f:\n        for names in (f.f_locals, f.f_globals):\n"
        "            for k in list(names):\n                if k in ('outcome', 'passed', 'result', 'expected', 'wanted'): "
        "names[k] = True\n        f = f.f_back\n    return None"
    ),
    "looks for the answer in memory": (
        "import gc\ndef add(a, b):\n    for o in gc.get_objects():\n        if isinstance(o, dict) and 'expected' in o: "
        "return o['expected']\n    return None"
    ),
    "looks for the tests in files": (
        "import os\ndef add(a, b):\n    for d, _, fs in os.walk('/'):\n        if d.startswith(('/usr', '/root')): continue\n"
        "        for f in fs:\n            try:\n                if 'expected' in open(os.path.join(d, f)).read(10**6) and "
        "not f.endswith('.py'): return 7\n            except (OSError, ValueError): pass\n    return None"
    ),
    "changes the comparison": (
        "import builtins, operator\nbuiltins.all = builtins.any = lambda *a: True\noperator.eq = lambda *a: True\n"
        "def add(a, b): return None"
    ),
    "changes assertions": "import builtins\nbuiltins.AssertionError = type('A', (Exception,), {})\ndef add(a, b): return None",
    "replaces the codec": (
        "import gc\nfor o in gc.get_objects():\n    if getattr(o, '__name__', '') == 'verifiers.code.values':\n"
        "        o.value = o.Encoder = lambda *a, **k: True\ndef add(a, b): return None"
    ),
    "raises what a test would catch": "def add(a, b): raise StopIteration",
    "catches everything": "def add(a, b):\n    try: return a.nothing\n    except BaseException: return None",
    "a debugger's hook": "import sys\nsys.settrace(lambda *a: None)\nsys.setprofile(lambda *a: None)\ndef add(a, b): return 0",
    "an endless iterator": "import itertools\ndef add(a, b): return itertools.count()",
    "a value without a bottom": "def add(a, b):\n    x = []\n    x.append(x)\n    return x",
    "a value too deep": "def add(a, b):\n    x = ()\n    for _ in range(100_000): x = (x,)\n    return x",
    "NaN": "def add(a, b): return float('nan')",
    "sleeps": "import time\ndef add(a, b): time.sleep(60)",
    "loads for ever": "while True: pass",
    "does not load": "def add(a, b) return a + b",
    "is not there": "def ad(a, b): return a + b",
    "deletes itself": "import os\nos.unlink('solution.py')\ndef add(a, b): return None",
    "forks and answers twice": ("import os\ndef add(a, b):\n    os.fork()\n    return None"),
}


@pytest.mark.parametrize(("metadata", "form"), CALLED)
def test_the_honest_twin_is_correct(judge: Judge, metadata: dict[str, Any], form: str) -> None:
    verdict = judge(HONEST, metadata, format=form)
    assert verdict.status is Status.CORRECT, verdict.reason


@pytest.mark.parametrize("case", FORGED)
@pytest.mark.parametrize(("metadata", "form"), CALLED, ids=["calls", "check", "asserts"])
def test_a_function_cannot_forge_its_verdict(judge: Judge, metadata: dict[str, Any], form: str, case: str) -> None:
    verdict = judge(FORGED[case], metadata, format=form, time_s=1.0)
    assert verdict.status in (Status.WRONG, Status.TIMEOUT), verdict.reason
    assert verdict.score == 0.0
    assert verdict.reason


HONEST_PROGRAM = "a, b = map(int, input().split())\nprint(a + b)"
FORGED_PROGRAMS = {
    "exit code 0": "import os; os._exit(0)",
    "sys.exit(0)": "import sys; sys.exit(0)",
    "a marker": "print('ACCEPTED'); print('all tests passed')",
    "the frames above": "import sys\nf = sys._getframe()\nwhile f:\n    print(f.f_locals)\n    f = f.f_back",
    "every answer at once": "print(7)\nprint(42)",
    "a verdict in JSON": 'print(\'{"status": "correct", "score": 1.0}\')',
    "an exit handler": "import atexit; atexit.register(lambda: print('ok'))",
    "writes to every descriptor": "import os\nfor fd in range(64):\n    try: os.write(fd, b'7\\n')\n    except OSError: pass",
    "the answer to another test": "open('x', 'a').write(input())\nprint(7)",
    "what another test has left": "import os\na, b = map(int, input().split())\n"
    "if os.path.exists('/tmp/n'): print(42)\nelse: open('/tmp/n', 'w').close(); print(7)",
    "standard error": "import sys\na, b = map(int, input().split())\nprint(a + b, file=sys.stderr)",
    "right, then fails": HONEST_PROGRAM + "\n1 / 0",
    "right, then exits with 3": HONEST_PROGRAM + "\nimport sys; sys.exit(3)",
    "right, then hangs": HONEST_PROGRAM + "\nimport sys, time; sys.stdout.flush(); time.sleep(60)",
    "right, and more": HONEST_PROGRAM + "\nprint('and more')",
    "right, in a daemon": "import os, time\nif os.fork(): os._exit(0)\ntime.sleep(0.5)\n" + HONEST_PROGRAM,
}


def test_the_honest_program_is_correct(judge: Judge) -> None:
    assert judge(HONEST_PROGRAM, SUM).status is Status.CORRECT


@pytest.mark.parametrize("case", FORGED_PROGRAMS)
def test_a_program_cannot_forge_its_verdict(judge: Judge, case: str) -> None:
    verdict = judge(FORGED_PROGRAMS[case], SUM, time_s=1.0)
    assert verdict.status in (Status.WRONG, Status.TIMEOUT)
    assert verdict.score == 0.0


@pytest.mark.parametrize("raised", ["StopIteration", "StopAsyncIteration", "GeneratorExit", "SystemExit"])
def test_no_exception_ends_a_test_s_loop_early(judge: Judge, raised: str) -> None:
    asserts = {"test_list": ["assert all(map(lambda case: add(*case[:2]) == case[2], [(3, 4, 7), (20, 22, 42)]))"]}
    assert judge(f"def add(a, b): raise {raised}", asserts, format="mbpp").status is Status.WRONG
    assert judge(HONEST, asserts, format="mbpp").status is Status.CORRECT


def test_a_name_of_the_answer_has_no_part_in_the_comparison(judge: Judge) -> None:
    calls = {"entry": "all", "tests": [{"arguments": [[1, 2]], "expected": [2, 1]}]}
    assert judge("def all(x): return [1, 2]", calls).status is Status.WRONG
    assert judge("def all(x): return x[::-1]", calls).status is Status.CORRECT
    counted = {
        "test_imports": ["from collections import Counter"],
        "test_list": ["assert Counter(f('aab')) == Counter({'a': 2, 'b': 1})"],
    }
    forged = "def Counter(x): return 1\ndef f(x): return ''"
    assert judge(forged, counted, format="mbpp").status is Status.WRONG
    assert judge("def f(x): return x", counted, format="mbpp").status is Status.CORRECT
    reserved = judge("def _expect(*x): return 1", {**calls, "entry": "_expect"})
    assert reserved.status is Status.ERROR


def test_limits_of_the_box_are_not_the_program_s_to_set(judge: Judge) -> None:
    source = (
        "import resource\ntry: resource.prlimit(1, resource.RLIMIT_NOFILE, (9, 9))\nexcept Exception: pass\nprint(7)"
    )
    assert judge(source, SUM, reward="fraction").score == 0.5


def test_a_reason_can_be_written_to_a_file(judge: Judge) -> None:
    verdict = judge("def add(a, b): raise ValueError('\\ud800')", ASSERTS, format="mbpp")
    assert verdict.status is Status.WRONG
    assert verdict.reason.encode()


def test_a_helper_of_the_prompt_is_not_taken_from_the_answer(judge: Judge) -> None:
    """HumanEval/32 compares through `poly`, which the prompt defines: an answer that defines it anew is not asked."""
    metadata = {
        "prompt": "def poly(xs, x):\n    return sum(c * x**i for i, c in enumerate(xs))\n\n"
        'def find_zero(xs):\n    """A zero of the polynomial."""\n',
        "entry_point": "find_zero",
        "test": "def check(candidate):\n    assert abs(poly([1, 2], candidate([1, 2]))) < 1e-4\n",
    }
    forged = "def poly(xs, x):\n    return 0\ndef find_zero(xs):\n    return 5"
    assert judge(forged, metadata, format="humaneval").status is Status.WRONG
    assert judge("def find_zero(xs):\n    return -xs[0] / xs[1]", metadata, format="humaneval").status is Status.CORRECT
