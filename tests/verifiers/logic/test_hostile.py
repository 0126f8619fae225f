"""Answers that are written to run something, or to cost time and memory: unparsed, within bounds, and nothing runs."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.verifiers.logic.entries import made
from verifiers.logic.rules.algebra import MAX_CHARS
from verifiers.logic.tasks import TASKS
from verifiers.logic.verifier import MAX_ANSWER_CHARS

ROOT = Path(__file__).parents[3]

RUNS = [
    "__import__('os').system('touch {canary}')",
    "__import__('pathlib').Path('{canary}').touch()",
    "open('{canary}', 'w')",
    "[open('{canary}', 'w')]",
    "[[open('{canary}', 'w')]]",
    "exec(\"open('{canary}', 'w')\")",
    "eval(\"open('{canary}', 'w')\")",
    "(lambda: open('{canary}', 'w'))()",
    "f\"{{open('{canary}', 'w')}}\"",
    "[x for x in [open('{canary}', 'w')]]",
    "[].__class__.__base__.__subclasses__()",
    "().__class__.__mro__[1].__subclasses__()[-1]",
    '"{{0.__class__}}".format(1)',
    "1 if __import__('os') else 2",
    "x.__class__",
    "sin.__globals__['__builtins__']['open']('{canary}', 'w')",
    "\\text{{__import__('os').system('touch {canary}')}}",
    "$__import__('os').system('touch {canary}')$",
    "cos(__import__('os').system('touch {canary}'))",
    "{{\"0\": __import__('os').system('touch {canary}')}}",
    "Symbol('x').subs(1, open('{canary}', 'w'))",
    "!touch {canary}",
    "`touch {canary}`",
    "$(touch {canary})",
    "cos\nsystem\n(S'touch {canary}'\ntR.",
]
COSTS = [
    "9**9**9",
    "9^{9^{9}}",
    "(9**9)**9**9",
    "exp(exp(exp(exp(9999))))",
    "factorial(99999999)",
    "1e999999999",
    "10^10^10",
    "9" * 1_000_000,
    "1/" + "9" * 500_000,
    "(" * 100_000 + "1" + ")" * 100_000,
    "[" * 100_000 + "]" * 100_000,
    "{" * 100_000 + "}" * 100_000,
    "\\frac{1}" * 50_000,
    "\\text{" * 100_000,
    "-" * 1_000_000 + "1",
    "¬" * 1_000_000 + "P",
    "((x+1)**999+(y+1)**999)**999",
    "+".join(["1"] * 300_000),
    "*".join(["(x+y+z)**9"] * 5_000),
    "^".join(["2"] * 100_000),
    "1 " * 500_000,
    "a," * 500_000,
    "1\n" * 500_000,
    " " * 1_000_000,
    "\n" * 1_000_000,
    '"' * 500_000,
    "'\\" * 300_000,
    "x" * 1_000_000,
    "R " * 500_000,
    "A=1," * 250_000,
    "2^9999 × " * 100_000,
    "1,000" * 200_000,
    "0." + "1" * 900_000,
    "<>" * 400_000,
    "$" * 1_000_000,
    "\u200b" * 500_000,
    "->" * 400_000,
    "Move disk 1 from Peg 1 to Peg 2\n" * 30_000,
]
"""Each of about a megabyte, or short and of an enormous value."""

LONG_EXPRESSIONS = [
    "+".join(["x**50*exp(x**2)"] * 200),
    "+".join(["sin(x)"] * 400),
    "*".join(["x"] * 1000),
    "**".join(["x"] * 49),
    "/".join(["7"] * 1000),
    "+".join([f"1/{n}" for n in range(100_003, 100_400)]),
    "*".join(["99999999999999999999"] * 100),
    "(x+1)**500*(x+2)**500",
    "sin(" * 48 + "x" + ")" * 48,
    "exp(" * 48 + "x" + ")" * 48,
]
"""Well formed, and as much work as a formula of its length can make."""

PROGRAM = """
import json, resource, sys
resource.setrlimit(resource.RLIMIT_CPU, (int(sys.argv[2]), int(sys.argv[2])))
resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
work = json.load(open(sys.argv[1]))
from verifiers.base import Sample
from verifiers.logic.verifier import logic_verifier, warm_up
warm_up()
from verifiers.logic.verifier import judge, entry_of
import re, hashlib, random  # what a first use imports
logic_verifier.function(Sample("", "<answer>1</answer>", None, work["metadata"][0]), extract="answer_tag")
for metadata in work["metadata"]:
    logic_verifier.function(Sample("", "<answer>" + metadata["right"] + "</answer>", None, metadata), extract="answer_tag")
FORBIDDEN = ("exec", "compile", "import", "open", "os.", "subprocess.", "socket.", "ctypes.", "pickle.", "code.")
seen, armed = [], False
def hook(event, arguments):
    if armed and event.startswith(FORBIDDEN):
        seen.append(event + " " + repr(arguments)[:200])
sys.addaudithook(hook)
paid = []
armed = True
for metadata in work["metadata"]:
    for answer in work["answers"]:
        verdict = logic_verifier.function(
            Sample("", "<answer>" + answer + "</answer>", None, metadata), extract="answer_tag"
        )
        if str(verdict.status) not in work["allowed"] or verdict.score:
            paid.append([metadata["task"], answer[:60], str(verdict.status)])
armed = False
print(json.dumps({"seen": seen, "paid": paid}))
"""
EVALUATED = (
    "n_queens",
    "spiral_matrix",
    "binary_matrix",
    "string_insertion",
    "countdown",
    "puzzle24",
    "polynomial_multiplication",
    "simple_integration",
    "intermediate_integration",
    "bitwise_arithmetic",
    "number_sorting",
)
"""Tasks whose reasoning-gym scorer evaluates text: the model's, or (the last two) the entry's."""


def run(tmp_path: Path, tasks: list[str], answers: list[str], allowed: list[str], cpu_s: int) -> dict:
    """Judge every answer as one to a question of every task, in a process that may use so much time, and is watched."""
    from tests.verifiers.logic.entries import gold

    metadata = []
    for task in tasks:
        found = next((m for m in made(task, 4) if gold(m)), made(task, 1)[0])
        metadata.append({**found, "right": gold(found) or ""})
    path = tmp_path / "work.json"
    path.write_text(json.dumps({"metadata": metadata, "answers": answers, "allowed": allowed}))
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(path), str(cpu_s)], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


def test_nothing_runs_whatever_an_answer_says(tmp_path: Path) -> None:
    canary = tmp_path / "ran"
    answers = [text.format(canary=canary) for text in RUNS]
    report = run(tmp_path, list(TASKS), answers, ["unparsed", "wrong"], cpu_s=60)
    assert report == {"seen": [], "paid": []}
    assert not canary.exists()


@pytest.mark.parametrize("task", EVALUATED)
def test_for_tasks_whose_scorer_evaluates_text_it_is_unparsed(tmp_path: Path, task: str) -> None:
    answers = [text.format(canary=tmp_path / "ran") for text in RUNS]
    assert run(tmp_path, [task], answers, ["unparsed"], cpu_s=20) == {"seen": [], "paid": []}


def test_the_hook_sees_what_it_is_there_for(tmp_path: Path) -> None:
    """The control: an evaluation in the same program is reported."""
    program = PROGRAM.replace("armed = False\nprint", "eval('1'); open(sys.argv[1])\narmed = False\nprint")
    path = tmp_path / "work.json"
    (metadata,) = made("gcd", 1)
    path.write_text(json.dumps({"metadata": [{**metadata, "right": "1"}], "answers": [], "allowed": []}))
    done = subprocess.run(
        [sys.executable, "-c", program, str(path), "20"], capture_output=True, text=True, cwd=ROOT, check=True
    )
    seen = json.loads(done.stdout)["seen"]
    assert [event.split()[0] for event in seen] == ["compile", "exec", "open"]


def test_the_work_on_any_answer_is_bounded(tmp_path: Path) -> None:
    """All tasks on all of these within a minute of one core, and within 2 GiB: some would take years."""
    report = run(tmp_path, list(TASKS), COSTS, ["unparsed", "wrong"], cpu_s=60)
    assert report == {"seen": [], "paid": []}


def test_so_it_is_on_answers_just_short_enough_to_be_read(tmp_path: Path) -> None:
    """A task of every rule."""
    one_each = {task.rule: task.name for task in TASKS.values()}
    short = [text[: MAX_ANSWER_CHARS - 1] for text in COSTS]
    report = run(tmp_path, list(one_each.values()), short, ["unparsed", "wrong"], cpu_s=60)
    assert report == {"seen": [], "paid": []}


def test_so_it_is_on_expressions_just_short_enough_to_be_read(tmp_path: Path) -> None:
    expressions = [task.name for task in TASKS.values() if task.rule.startswith("algebra:")]
    short = [text[: MAX_CHARS - 10] for text in (*COSTS, *LONG_EXPRESSIONS)]
    report = run(tmp_path, expressions, short, ["unparsed", "wrong"], cpu_s=60)
    assert report == {"seen": [], "paid": []}
