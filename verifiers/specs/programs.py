"""Code that is run."""

from __future__ import annotations

from verifiers.spec import Option, VerifierSpec

CODE = VerifierSpec(
    "code",
    "the program in the last fenced block passes the row's tests, in a sandbox",
    "verifiers.code:code_verifier",
    needs_reference=False,
    gold_checkable=True,
    options={
        "format": Option(
            str,
            "tests",
            "how the row's metadata says what is tested",
            ("tests", "humaneval", "mbpp", "livecodebench", "code_contests"),
        ),
        "language": Option(str, "python", "of the program; fence: what its block says", ("python", "cpp", "fence")),
        "extract_from": Option(
            str, "fence", "the last fenced block; all: the response is nothing but code", ("fence", "all")
        ),
        "reward": Option(str, "all", "all tests or nothing, or the share that passes", ("all", "fraction")),
        "checker": Option(
            str,
            "tokens",
            "how a program's output is compared, where the row has no checker of its own",
            ("tokens", "lines", "exact", "floats", "tokens_any_case", "lines_any_order"),
        ),
        "time_s": Option(float, 6.0, "seconds of one test"),
        "total_s": Option(float, 9.0, "seconds of all tests together; below verify.timeout_s"),
        "compile_s": Option(float, 8.0, "seconds of the compiler, within total_s"),
        "memory_mb": Option(int, 512, "memory of a program, with all its processes", least=16),
        "output_kb": Option(int, 4096, "what a program may write in one test", least=1),
        "processes": Option(int, 32, "processes and threads of a program", least=1),
        "packages": Option(list, [], "Python packages installed here that programs may import, e.g. [numpy]"),
        "sandbox": Option(
            str,
            "bwrap",
            "bwrap: namespaces; landlock: a weaker level, where those are not to be had",
            ("bwrap", "landlock"),
        ),
        "think_close": Option(str, "</think>", "text that ends the thinking part; code before it does not count"),
    },
)

SPECS = (CODE,)
