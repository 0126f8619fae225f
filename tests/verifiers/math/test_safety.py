"""Nothing of an answer is compiled, executed, written or started: watched by an audit hook in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path

WATCH = r"""
import json, os, re, sys
from verifiers.math import equivalent, math_verifier
from verifiers.math.verifier import warm_up
from verifiers.base import Sample

warm_up()
rows = json.load(sys.stdin)
for gold in {gold for gold, _ in rows}:
    equivalent("0", gold)  # references may be read by math-verify, which compiles
events, now = [], None
# sympy writes the arithmetic of monomials for each number of variables: text made of that number alone
monomials = re.compile(rb"def monomial_\w+\([ABk, ]+\):[\s()=+\-*,<>:\w]*")

def hook(event, args):
    if event == "compile" and isinstance(args[0], bytes) and monomials.fullmatch(args[0]):
        return
    if event == "exec" and getattr(args[0], "co_names", ())[:1] and args[0].co_names[0].startswith("monomial_"):
        return
    if event == "compile" and not os.path.isfile(os.fsdecode(args[1] or b"")):
        events.append([now, event, str(args[0])[:200]])
    elif event == "exec" and not os.path.isfile(getattr(args[0], "co_filename", "")):
        if not getattr(args[0], "co_filename", "").startswith("<frozen"):
            events.append([now, event, getattr(args[0], "co_filename", "")])
    elif event in ("os.system", "subprocess.Popen", "os.exec", "os.posix_spawn", "os.fork", "socket.connect", "os.remove"):
        events.append([now, event, str(args)[:200]])
    elif event == "open" and isinstance(args[1], str) and any(c in args[1] for c in "wax+"):
        events.append([now, event, str(args)[:200]])

sys.addaudithook(hook)
for now in rows:
    gold, answer = now
    math_verifier(Sample("", "\\boxed{" + answer + "}", gold))
    equivalent(answer, gold)
seen = len(events)
eval("1+1")
print(json.dumps([events[:seen], len(events) > seen]))
"""

PAYLOADS = [
    "__import__('os').system('touch MARK')",
    "\\text{__import__('os').system('touch MARK')}",
    "().__class__.__bases__[0].__subclasses__()",
    "[open('MARK','w')]",
    "\\pi+open('MARK','w')",
    'exec(\'open("MARK","w")\')',
    "eval(compile('open(\"MARK\",\"w\")','x','exec'))",
    "\\operatorname{__import__}(os)",
    "\\operatorname{eval}(1)",
    "x_{__import__('os')}",
    "f(__import__('os'))",
    "\\mathrm{open}(x)",
    "lambda: 1",
    "Symbol('x').__class__",
    "{{7*7}}",
    "$(touch MARK)",
    "`touch MARK`",
    "%s%n",
    "\\input{/etc/passwd}",
    "\\write18{touch MARK}",
    "\\begin{pmatrix}__import__('os').system('touch MARK')\\end{pmatrix}",
    "1; import os",
    "\\sum_{k=1}^{3} __import__('os')",
    "True",
    "x.__init__",
]
GOLDS = [
    "5",
    "\\begin{pmatrix}1\\\\2\\end{pmatrix}",
    "\\pi",
    "x+1",
    "\\sum_{k=1}^{n} k",
    "\\int_0^1 x dx",
    "\\text{open}",
]


def test_nothing_of_an_answer_is_compiled_or_executed(tmp_path: Path) -> None:
    from tests.verifiers.math.tables import DIFFERENT, EQUAL, pairs

    mark = tmp_path / "ran"
    rows = [(gold, payload.replace("MARK", str(mark))) for gold in GOLDS for payload in PAYLOADS]
    rows += [(gold, answer) for _, gold, answer in pairs(EQUAL) + pairs(DIFFERENT)]
    rows += [("\\sum_{k=1}^{n} k", "n(n+1)/2"), ("\\lim_{x\\to 0}\\frac{\\sin x}{x}", "1"), ("\\int_0^1 x^2 dx", "1/3")]
    done = subprocess.run(
        [sys.executable, "-c", WATCH],
        input=json.dumps(rows),
        capture_output=True,
        text=True,
        check=False,
        cwd=Path.cwd(),
    )
    assert done.returncode == 0, done.stderr[-2000:]
    events, hook_works = json.loads(done.stdout.splitlines()[-1])
    assert hook_works
    assert events == []
    assert not mark.exists()


def test_no_module_of_the_verifier_names_an_evaluator() -> None:
    """`sympify` and `parse_expr` run code; sympy's own constructors call sympify on what is not a string."""
    folder = Path(__file__).parents[3] / "verifiers" / "math"
    for module in folder.glob("*.py"):
        code = "\n".join(line for line in module.read_text().splitlines() if '"""' not in line)
        for name in ("eval(", "exec(", "sympify(", "parse_expr(", "ExprExtractionConfig", "lambdify", "pickle"):
            assert name not in code, f"{module.name} names {name}"
