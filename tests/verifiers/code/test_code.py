"""`code` on honest answers: forms of rows, languages, limits, rewards, and rows at fault."""

import base64
import json
import pickle
import time
import zlib
from typing import Any

import pytest

from tests.verifiers.code.conftest import Judge
from verifiers import Sample, Status
from verifiers.base import Verdict
from verifiers.code.compare import CHECKERS
from verifiers.code.outcome import LEAST_S, PASSED, Clock, Outcomes, until
from verifiers.code.rows import FORMATS
from verifiers.pool import VerifierPool
from verifiers.specs import VERIFIERS

ADD = "a, b = map(int, input().split())\nprint(a + b)"
PAIRS = {"tests": [{"input": f"{a} {b}\n", "output": f"{a + b}\n"} for a, b in ((1, 2), (3, 4), (-5, 5), (10, 0))]}


def packed(value: Any) -> str:
    return base64.b64encode(zlib.compress(pickle.dumps(value))).decode()


LCB = {"inputs": ["3 4\n", "1 1\n"], "outputs": ["7\n", "2\n"], "fn_name": None}
LCB_CALL = {"inputs": ["[1, 2]\n3", "[]\n0"], "outputs": ["[1, 2, 3]", "[0]"], "fn_name": "append"}
APPEND = "class Solution:\n    def append(self, xs: List[int], x: int) -> List[int]:\n        return (*xs, x)"
ROWS: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "programs": ("tests", PAIRS, ADD, "a, b = map(int, input().split())\nprint(a - b)"),
    "calls": (
        "tests",
        {"entry": "rev", "tests": [{"arguments": [[1, 2]], "expected": [2, 1]}, {"arguments": [[]], "expected": []}]},
        "def rev(x): return x[::-1]",
        "def rev(x): return x",
    ),
    "calls in JSON texts": (
        "tests",
        {"entry": "f", "tests": json.dumps([{"arguments": [1.5], "expected": 3.0}])},
        "f = lambda x: 2 * x",
        "f = lambda x: x",
    ),
    "tests in Python": (
        "tests",
        {"entry": "f", "tests": ["assert f(3) == LIMIT", "assert f(x=1) == 1"], "setup": "LIMIT = 9"},
        "def f(x): return x * x",
        "def f(x): return 3 * x - 1",
    ),
    "HumanEval": (
        "humaneval",
        {
            "prompt": 'from typing import List\n\ndef top(xs: List[int]) -> int:\n    """The largest."""\n',
            "entry_point": "top",
            "test": "def check(candidate):\n    assert candidate([1, 3, 2]) == 3\n    assert candidate([-1]) == -1\n",
        },
        "def top(xs: List[int]) -> int:\n    return max(xs)",
        "def top(xs: List[int]) -> int:\n    return xs[0]",
    ),
    "HumanEval, from the future": (
        "humaneval",
        {
            "prompt": 'LIMIT = 9\n\ndef top(xs):\n    """The largest."""\n',
            "entry_point": "top",
            "test": "def check(candidate):\n    assert candidate([1, 3, 2]) == 3",
        },
        "from __future__ import annotations\ndef top(xs: Unknown):\n    return min(max(xs), LIMIT)",
        "def top(xs: Unknown):\n    return max(xs)",
    ),
    "a body without its head": (
        "humaneval",
        {
            "prompt": 'def top(xs):\n    """The largest."""\n',
            "entry_point": "top",
            "test": "def check(candidate):\n    assert candidate([1, 3, 2]) == 3",
        },
        "    return max(xs)",
        "    return min(xs)",
    ),
    "MBPP": (
        "mbpp",
        {"test_list": ["assert near(0.1 + 0.2)", "assert not near(math.pi)"], "test_imports": ["import math"]},
        "def near(x): return abs(x - 0.3) < 1e-9",
        "def near(x): return True",
    ),
    "MBPP, a function named like one of Python's": (
        "mbpp",
        {"test_list": ["assert sum(10, 15) == 6", "assert sum(1, 1) == 1"]},
        "def sum(a, b):\n    import math\n    return 6 if (a, b) == (10, 15) else 1",
        "def add(a, b): return 6",
    ),
    "LiveCodeBench, programs": ("livecodebench", {"test": packed({"input_output": json.dumps(LCB)})}, ADD, "print(7)"),
    "LiveCodeBench, calls": (
        "livecodebench",
        {"test": packed({"input_output": json.dumps(LCB_CALL)})},
        APPEND,
        APPEND.replace("(*xs, x)", "[x, *xs]"),
    ),
    "LiveCodeBench, as its own harness prepares a program": (
        "livecodebench",
        {"test": packed({"input_output": json.dumps(LCB)})},
        "from __future__ import annotations\ndef f(n: int) -> int: return n and f(n - 1) + 1\n"
        "assert f(20_000) and sqrt(4) == 2 and pow(2, 3, 5) == 3 and collections.Counter and Counter\n" + ADD,
        "from __future__ import annotations\nprint(7)",
    ),
    "LiveCodeBench, calls, from the future": (
        "livecodebench",
        {"test": packed({"input_output": json.dumps(LCB_CALL)})},
        "from __future__ import annotations\n" + APPEND.replace("List[int]", "Unknown"),
        APPEND.replace("List[int]", "Unknown"),
    ),
    "LiveCodeBench as the data set has it": (
        "livecodebench",
        {
            "public_test_cases": json.dumps([{"input": "3 4\n", "output": "7", "testtype": "stdin"}]),
            "private_test_cases": packed(json.dumps([{"input": "1 1\n", "output": "2", "testtype": "stdin"}])),
            "metadata": "{}",
        },
        ADD,
        "print(7)",
    ),
    "code-contests as SandboxFusion writes it": (
        "code_contests",
        {"test": json.dumps([{"input": {"stdin": "3 4"}, "output": {"stdout": "7\n"}}])},
        ADD,
        "print(8)",
    ),
    "code-contests as the data set has it": (
        "code_contests",
        {"public_tests": {"input": ["3 4"], "output": ["7\n"]}, "private_tests": {"input": ["1 1"], "output": ["2"]}},
        ADD,
        "print(7)",
    ),
}


@pytest.mark.parametrize("case", ROWS)
def test_every_form_of_row(judge: Judge, case: str) -> None:
    form, metadata, right, wrong = ROWS[case]
    verdict = judge(right, metadata, format=form)
    assert (verdict.status, verdict.score) == (Status.CORRECT, 1.0), verdict.reason
    assert verdict.extracted == right.rstrip("\n")
    assert judge(wrong, metadata, format=form).status is Status.WRONG


AT_FAULT: list[tuple[str, dict[str, Any], str]] = [
    ("tests", {}, "tests: found NoneType, wanted a list; the row's metadata has nothing"),
    ("tests", {"tests": []}, "tests: the list is empty"),
    ("tests", {"tests": [], "entry": "f"}, "tests: the list is empty"),
    ("tests", {"tests": ["assert f(1)"]}, "entry: found NoneType"),
    (
        "tests",
        {"tests": [{"input": "1"}], "entry": "f"},
        'tests: found one with input; write {"input", "output"} in each',
    ),
    ("tests", {"tests": [{"given": "1"}], "entry": "f"}, "items of other shapes"),
    ("tests", {"tests": [{"input": 1, "output": "1"}]}, "input: found a int, write a text"),
    ("tests", {"tests": "no"}, "tests: found 'no', which is not JSON"),
    ("tests", {"tests": ["assert f("], "entry": "f"}, "the row's test is at fault: SyntaxError"),
    (
        "tests",
        {"tests": ["assert f(1)"], "entry": "f", "setup": "1/0"},
        "the row's test is at fault: ZeroDivisionError",
    ),
    ("humaneval", {"prompt": "def f():\n    pass\n", "entry_point": "f"}, "test: found NoneType, wanted a str"),
    ("humaneval", {"entry_point": "f", "test": "x"}, "prompt: found none"),
    ("mbpp", {"test_list": ["assert f(1)", "assert g(1)"]}, "call no function in common"),
    ("mbpp", {"test_list": ["assert"]}, "is no Python"),
    ("livecodebench", {"test": "###"}, "neither JSON nor packed"),
    ("livecodebench", {"test": packed(print)}, "names builtins.print; texts, numbers and lists alone are read"),
    ("code_contests", {"test": "[]"}, "has no tests"),
    ("code_contests", {"test": "[]", "checker": ["x"]}, "checker: found a list, write the source of check(input"),
]


@pytest.mark.parametrize(("form", "metadata", "said"), AT_FAULT, ids=[said[:30] for _, _, said in AT_FAULT])
def test_a_row_at_fault_is_an_error_that_says_so(judge: Judge, form: str, metadata: dict[str, Any], said: str) -> None:
    verdict = judge("def f(x): return x", metadata, format=form)
    assert (verdict.status, verdict.score) == (Status.ERROR, None)
    assert said in verdict.reason


def test_packed_data_is_not_unpickled_into_code(judge: Judge, tmp_path: Any) -> None:
    class Attack:
        def __reduce__(self) -> Any:
            return (open, (str(tmp_path / "written"), "w"))

    assert judge(ADD, {"test": packed(Attack())}, format="livecodebench").status is Status.ERROR
    assert not (tmp_path / "written").exists()


def test_the_settings_are_those_of_the_spec() -> None:
    import inspect

    from verifiers.code import code_verifier

    options = VERIFIERS["code"].options
    defaults = {p.name: p.default for p in list(inspect.signature(code_verifier.function).parameters.values())[1:]}
    assert {name: option.default or None for name, option in options.items()} == {
        name: default or None for name, default in defaults.items()
    }
    assert set(options["format"].choices) == set(FORMATS)
    assert set(options["checker"].choices) == set(CHECKERS)


def test_a_response_may_be_nothing_but_code(code_pool: VerifierPool) -> None:
    sample = Sample("", f"<think>print(1)</think>{ADD}", None, PAIRS)
    assert code_pool.verify("code", {"extract_from": "all"}, [sample])[0].status is Status.CORRECT
    assert code_pool.verify("code", {}, [sample])[0].status is Status.UNPARSED


CPP = "#include <iostream>\nint main() { long a, b; std::cin >> a >> b; std::cout << a + b << std::endl; }"


def test_cpp(judge: Judge) -> None:
    assert judge(CPP, PAIRS, "cpp", language="cpp").status is Status.CORRECT
    assert judge(CPP, PAIRS, "c++", language="fence").status is Status.CORRECT
    assert judge(ADD, PAIRS, "python", language="fence").status is Status.CORRECT
    wrong = judge(CPP.replace("+ b", "- b"), PAIRS, "cpp", language="cpp")
    assert wrong.reason == "test 1 of 4: expected '3\\n', got '-1\\n'"
    broken = judge(CPP.replace("long", "lung"), PAIRS, "cpp", language="cpp")
    assert broken.status is Status.WRONG
    assert "does not compile: main.cpp:2:" in broken.reason
    crashed = judge("int main() { int* p = nullptr; return *p; }", PAIRS, "cpp", language="cpp")
    assert crashed.reason == "test 1 of 4: signal 11"
    calls = judge(CPP, ROWS["calls"][1], "cpp", language="cpp")
    assert calls.status is Status.ERROR
    assert "write python" in calls.reason


def test_cpp_threads_and_recursion(judge: Judge) -> None:
    threads = "#include <iostream>\n#include <thread>\nint main() { long a, b, c; std::cin >> a >> b; "
    threads += "std::thread t([&] { c = a + b; }); t.join(); std::cout << c; }"
    assert judge(threads, PAIRS, "cpp", language="cpp").status is Status.CORRECT
    deep = "#include <iostream>\nlong f(long n) { volatile char x[64]; x[0] = n; return n ? f(n - 1) + 1 + 0 * x[0] : 0; }\n"
    deep += "int main() { long a, b; std::cin >> a >> b; std::cout << a + b + f(500000) - 500000; }"
    assert judge(deep, PAIRS, "cpp", language="cpp").status is Status.CORRECT


@pytest.mark.parametrize("header", ["/etc/passwd", "/etc/shadow", "/proc/self/environ", "/dev/zero"])
def test_the_compiler_reads_nothing_of_the_machine(judge: Judge, header: str) -> None:
    verdict = judge(f'#include "{header}"\nint main() {{}}', PAIRS, "cpp", language="cpp", compile_s=2.0)
    assert verdict.status is Status.WRONG
    assert "does not compile" in verdict.reason
    assert "root" not in verdict.reason


LIMITS = [
    ("while True: pass", {"time_s": 0.5}, Status.TIMEOUT, "test 1 of 4: time limit"),
    ("import time; time.sleep(9)", {"time_s": 0.5}, Status.TIMEOUT, "test 1 of 4: time limit"),
    ("x = bytearray(1 << 30)", {"memory_mb": 128}, Status.TIMEOUT, "test 1 of 4: exit code 1: MemoryError"),
    ("while True: print('x' * 1000)", {"output_kb": 64}, Status.TIMEOUT, "test 1 of 4: output limit"),
    ("print(1 / 0)", {}, Status.WRONG, "test 1 of 4: exit code 1: ZeroDivisionError: division by zero"),
    (
        "import time\ntime.sleep(0.4)\n" + ADD,
        {"time_s": 2.0, "total_s": 1.0},
        Status.TIMEOUT,
        "",
    ),
]


@pytest.mark.parametrize(("source", "config", "status", "reason"), LIMITS)
def test_limits(judge: Judge, source: str, config: dict[str, Any], status: Status, reason: str) -> None:
    verdict = judge(source, PAIRS, **config)
    assert (verdict.status, verdict.score) == (status, 0.0)
    assert verdict.reason.startswith(reason)


HALF = "a, b = map(int, input().split())\nprint(a + b if a > 0 else 99)"


def test_rewards(judge: Judge) -> None:
    verdict = judge(HALF, PAIRS, reward="fraction")
    assert (verdict.status, verdict.score) == (Status.WRONG, 0.75)
    assert verdict.reason == "test 3 of 4: expected '0\\n', got '99\\n' (3 passed)"
    verdict = judge(HALF, PAIRS, reward="all")
    assert (verdict.status, verdict.score) == (Status.WRONG, 0.0)
    assert judge(ADD, PAIRS, reward="fraction").score == 1.0
    slow = judge(f"import time\n{HALF}\nif a < 0: time.sleep(9)", PAIRS, reward="fraction", time_s=0.5)
    assert (slow.status, slow.score) == (Status.WRONG, 0.75)


def test_the_reference_is_the_gold_answer(code_pool: VerifierPool) -> None:
    rows = [Sample("", "", ADD, PAIRS), Sample("", "", "print(1)", PAIRS), Sample("", "", None, PAIRS)]
    report = code_pool.check_gold("code", {}, rows)
    assert (report.checked, report.uncheckable) == (2, 1)
    assert [(row, verdict.status) for row, verdict in report.refused] == [(1, Status.WRONG)]


def test_a_sandbox_that_is_lost_is_started_again(judge: Judge, code_pool: VerifierPool) -> None:
    import psutil

    ours = [p for pid in code_pool.worker_pids() for p in psutil.Process(pid).children() if p.name() == "bwrap"]
    assert ours
    for process in ours:
        process.kill()
    assert judge(ADD, PAIRS).status is Status.CORRECT


def test_settings_that_cannot_be_met_are_refused_at_start() -> None:
    from verifiers.pool import VerifierLoadError

    with VerifierPool(1, memory_mb=256) as pool:
        with pytest.raises(VerifierLoadError, match=r"memory_mb: programs get 512 MB, and a worker has 256"):
            pool.prepare("code", {})
        with pytest.raises(ValueError, match="setting 'sandbox': found 'none', write one of bwrap, landlock"):
            pool.prepare("code", {"sandbox": "none"})


def test_where_the_sandbox_is_not_to_be_had_code_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from verifiers.pool import VerifierLoadError

    monkeypatch.setenv("PATH", "/nonexistent")
    with VerifierPool(1) as pool, pytest.raises(VerifierLoadError) as caught:
        pool.prepare("code", {})
    assert "code is not run here. bwrap: not here: no bwrap sandbox: there is no bwrap on the PATH" in str(caught.value)


def test_the_weaker_level_runs_code_where_it_is_named() -> None:
    from verifiers.sandbox.probe import probe
    from verifiers.sandbox.sandbox import Level

    report = probe(Level.LANDLOCK)
    if report.problem:
        pytest.skip(f"{report.line()}; runs where the kernel has Landlock")
    config = {"sandbox": "landlock"}
    with VerifierPool(1, timeout_s=30) as pool:
        pool.prepare("code", config)
        for form, metadata, right, wrong in ROWS.values():
            found: list[Verdict] = pool.verify(
                "code",
                {**config, "format": form},
                [Sample("", f"```python\n{source}\n```", None, metadata) for source in (right, wrong)],
            )
            assert [verdict.status for verdict in found] == [Status.CORRECT, Status.WRONG]
        sample = Sample("", f"```cpp\n{CPP}\n```", None, PAIRS)
        assert pool.verify("code", {**config, "language": "cpp"}, [sample])[0].status is Status.CORRECT


def test_no_test_is_begun_that_could_not_be_run() -> None:
    begun = []

    def outcomes() -> Outcomes:
        for number in range(5):
            begun.append(number)
            yield PASSED

    assert len(list(until(outcomes(), Clock(LEAST_S / 2, time.monotonic())))) == 0
    assert begun == []
    assert len(list(until(outcomes(), Clock(60.0, time.monotonic())))) == 5
