"""The filters, run in Python on every system call: what they refuse, and nothing else."""

import os

import pytest

from verifiers.sandbox.policies import EVALUATOR, PROGRAM, PROGRAM_ALONE, signals_itself_alone
from verifiers.sandbox.seccomp import Rule, program
from verifiers.sandbox.syscalls import NUMBERS

ALLOW, EPERM, ENOSYS, KILL = 0x7FFF0000, 0x00050001, 0x00050026, 0x80000000
MACHINES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
POLICIES = {"evaluator": EVALUATOR, "program": PROGRAM, "program alone": PROGRAM_ALONE}


def answer(machine: str, rules: tuple[Rule, ...], call: str, *arguments: int) -> int | None:
    """What a filter says to a call; None where the machine has no such call."""
    arch, column = MACHINES[machine]
    number = NUMBERS[call][column]
    return None if number is None else run_bpf(program(machine, rules), number, arch, dict(enumerate(arguments)))


def run_bpf(code: bytes, number: int, arch: int, arguments: dict[int, int] | None = None) -> int:
    """The return value of a filter made of loads, JEQ, JGE, JSET and returns. arguments: of the call, 64 bits each."""
    data = {0: number, 4: arch} | {16 + 8 * i: value & 0xFFFFFFFF for i, value in (arguments or {}).items()}
    position, accumulator = 0, 0
    while True:
        instruction = code[8 * position : 8 * position + 8]
        operation, yes, no = int.from_bytes(instruction[:2], "little"), *instruction[2:4]
        value = int.from_bytes(instruction[4:], "little")
        position += 1
        if operation == 0x20:
            accumulator = data.get(value, 0)
        elif operation == 0x06:
            return value
        else:
            taken = {0x15: accumulator == value, 0x35: accumulator >= value, 0x45: bool(accumulator & value)}
            position += yes if taken[operation] else no


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("policy", POLICIES)
def test_a_filter_refuses_exactly_its_list(machine: str, policy: str) -> None:
    arch, column = MACHINES[machine]
    rules = POLICIES[policy]
    always = {NUMBERS[rule.call][column] for rule in rules if rule.argument is None} - {None}
    code = program(machine, rules)
    sometimes = {NUMBERS[rule.call][column] for rule in rules if rule.argument is not None}
    found = {n for n in range(600) if n not in sometimes and run_bpf(code, n, arch) != ALLOW}
    assert found == always - sometimes


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("policy", POLICIES)
def test_calls_of_another_abi_end_the_process(machine: str, policy: str) -> None:
    code = program(machine, POLICIES[policy])
    assert run_bpf(code, 0, 0x40000003) == KILL
    assert run_bpf(code, 0x40000000 + 1, MACHINES[machine][0]) == KILL


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (os.O_TRUNC, EPERM),
        (os.O_RDONLY | os.O_CLOEXEC, ALLOW),
        (os.O_ACCMODE | os.O_TRUNC, EPERM),
        (os.O_RDWR | os.O_CREAT, ALLOW),
        (1 << 32, ALLOW),
    ],
)
def test_an_evaluator_opens_nothing_to_cut_it_short(machine: str, flags: int, expected: int) -> None:
    assert answer(machine, EVALUATOR, "open", 0, flags) in (expected, None)
    assert answer(machine, EVALUATOR, "openat", 0, 0, flags) == expected
    assert answer(machine, EVALUATOR, "openat", 0, os.O_TRUNC, 0) == ALLOW
    assert answer(machine, PROGRAM, "openat", 0, 0, flags) == ALLOW


FORK, THREAD, NEW_USER, NEW_TIME = 17, 0x3D0F00, 0x10000000, 0x80


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize(
    ("rules", "flags", "expected"),
    [
        (PROGRAM, FORK, ALLOW),
        (PROGRAM, THREAD, ALLOW),
        (PROGRAM, FORK | NEW_USER, EPERM),
        (PROGRAM, THREAD | NEW_TIME, EPERM),
        (PROGRAM_ALONE, FORK, EPERM),
        (PROGRAM_ALONE, THREAD, ALLOW),
        (PROGRAM_ALONE, THREAD | NEW_USER, EPERM),
        (EVALUATOR, THREAD, EPERM),
    ],
)
def test_processes_and_threads(machine: str, rules: tuple[Rule, ...], flags: int, expected: int) -> None:
    assert answer(machine, rules, "clone", flags) == expected
    assert answer(machine, rules, "clone3") == (EPERM if rules is EVALUATOR else ENOSYS)


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize(("request_", "expected"), [(0x5412, EPERM), (0x541C, EPERM), (0x5401, ALLOW), (0x541B, ALLOW)])
def test_a_program_types_nothing_into_a_terminal(machine: str, request_: int, expected: int) -> None:
    assert answer(machine, PROGRAM, "ioctl", 0, request_) == expected


ANY = 0xFFFFFFFF


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize(
    ("call", "arguments", "expected"),
    [
        ("prlimit64", (0, 7), ALLOW),
        ("prlimit64", (1, 7), EPERM),
        ("sched_setaffinity", (0,), ALLOW),
        ("sched_setaffinity", (77,), EPERM),
        ("sched_setparam", (ANY,), EPERM),
        ("setpriority", (0, 0, 5), ALLOW),
        ("setpriority", (0, 1, 5), EPERM),
        ("setpriority", (2, 0, 5), EPERM),
        ("fcntl", (1, 1031, 4096), EPERM),
        ("fcntl", (1, 8, 1), EPERM),
        ("fcntl", (1, 4, 2048), ALLOW),
        ("socketpair", (1, 1, 0), ALLOW),
        ("socketpair", (2, 1, 0), EPERM),
        ("flock", (1, 2), EPERM),
        ("io_setup", (9,), EPERM),
        ("tgkill", (1, 1, 9), ALLOW),
    ],
)
def test_a_program_minds_its_own(machine: str, call: str, arguments: tuple[int, ...], expected: int) -> None:
    assert answer(machine, PROGRAM, call, *arguments) == expected


@pytest.mark.parametrize("machine", MACHINES)
def test_a_program_alone_signals_itself_only(machine: str) -> None:
    assert answer(machine, signals_itself_alone(4242), "tgkill", 4242, 4243, 6) == ALLOW
    assert answer(machine, signals_itself_alone(4242), "tgkill", 1, 1, 9) == EPERM
    assert answer(machine, PROGRAM_ALONE, "fchmodat", 0, 0, 0) == EPERM
