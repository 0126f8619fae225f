"""Seccomp filters: system calls that a process, and all that it starts, can no longer make.

A filter is a list of refusals, one wall among others (namespaces, Landlock): what it does not name is allowed. Calls by
another instruction-set ABI (x32, 32-bit) kill the process. `policies.py` holds the lists.
"""

from __future__ import annotations

import ctypes
import errno
import functools
import platform
import struct
from dataclasses import dataclass

from verifiers.sandbox.linux import libc_call, prctl
from verifiers.sandbox.syscalls import NUMBERS

PR_SET_SECCOMP = 22
SECCOMP_MODE_FILTER = 2
_ALLOW, _ERRNO, _KILL_PROCESS = 0x7FFF0000, 0x00050000, 0x80000000
_LD_W_ABS, _JEQ, _JGE, _JSET, _RET = 0x20, 0x15, 0x35, 0x45, 0x06
_NR_OFFSET, _ARCH_OFFSET, _ARGUMENTS_OFFSET = 0, 4, 16
_X32_BIT = 0x40000000
_ARCHITECTURES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}

Instruction = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Rule:
    """A refusal of one call.

    answer: the errno it fails with. argument: refused only by the value of this argument (from 0), of which the low 32
    bits can be seen: where any of `with_bits` is set, or none of `without_bits` is, or it equals one of `equal_to`, or
    is not `other_than`.
    """

    call: str
    answer: int = errno.EPERM
    argument: int | None = None
    with_bits: int = 0
    without_bits: int = 0
    equal_to: tuple[int, ...] = ()
    other_than: int | None = None


def supported() -> bool:
    return platform.machine() in _ARCHITECTURES


@functools.lru_cache
def program(machine: str, rules: tuple[Rule, ...]) -> bytes:
    """The filter as BPF instructions (`struct sock_filter`, 8 bytes each)."""
    arch, column = _ARCHITECTURES[machine]
    code: list[Instruction] = [
        (_LD_W_ABS, 0, 0, _ARCH_OFFSET),
        (_JEQ, 1, 0, arch),
        (_RET, 0, 0, _KILL_PROCESS),
        (_LD_W_ABS, 0, 0, _NR_OFFSET),
        (_JGE, 0, 1, _X32_BIT),
        (_RET, 0, 0, _KILL_PROCESS),
    ]
    for rule in rules:
        number = NUMBERS[rule.call][column]
        if number is not None:
            body = _refusal(rule)
            code += [(_JEQ, 0, len(body), number), *body]
    code.append((_RET, 0, 0, _ALLOW))
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in code)


def _refusal(rule: Rule) -> list[Instruction]:
    """What is done once the call's number has matched. Its last instruction leaves the number loaded again."""
    refuse: Instruction = (_RET, 0, 0, _ERRNO | rule.answer)
    if rule.argument is None:
        return [refuse]
    # Both machines are little-endian, so the low half of an argument comes first.
    body: list[Instruction] = [(_LD_W_ABS, 0, 0, _ARGUMENTS_OFFSET + 8 * rule.argument)]
    if rule.with_bits:
        body += [(_JSET, 0, 1, rule.with_bits), refuse]
    if rule.without_bits:
        body += [(_JSET, 1, 0, rule.without_bits), refuse]
    for value in rule.equal_to:
        body += [(_JEQ, 0, 1, value), refuse]
    if rule.other_than is not None:
        body += [(_JEQ, 1, 0, rule.other_than), refuse]
    return [*body, (_LD_W_ABS, 0, 0, _NR_OFFSET)]


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def prepare(*policies: tuple[Rule, ...]) -> None:
    """Have the filters ready, so that a fork of this process need not make them."""
    for rules in policies:
        program(platform.machine(), rules)


def install(rules: tuple[Rule, ...]) -> None:
    """Refuse these calls in this process, for good. Needs no_new_privs. Raises OSError if the kernel will not."""
    if not supported():
        raise OSError(errno.ENOSYS, f"no seccomp table for {platform.machine()}")
    code = program(platform.machine(), rules)
    memory = ctypes.create_string_buffer(code, len(code))
    prog = _Program(len(code) // 8, ctypes.addressof(memory))
    libc_call("seccomp filter", prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.addressof(prog)))
