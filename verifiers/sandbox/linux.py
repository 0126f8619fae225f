"""The few Linux calls that Python 3.11 does not wrap, through ctypes: prctl, unshare, capset, raw syscalls."""

from __future__ import annotations

import ctypes
import os
import signal

_LIBC = ctypes.CDLL(None, use_errno=True)

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_NO_NEW_PRIVS = 38

CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000

_CAPABILITY_VERSION_3 = 0x20080522


def libc_call(what: str, result: int) -> int:
    """`result`, or OSError naming `what` if it is the -1 of a failed call."""
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def prctl(option: int, *arguments: int) -> int:
    padded = [*arguments, 0, 0, 0, 0][:4]
    return int(_LIBC.prctl(ctypes.c_int(option), *(ctypes.c_ulong(value) for value in padded)))


def syscall(number: int, *arguments: object) -> int:
    """A raw system call; pass pointers as ctypes values."""
    return int(_LIBC.syscall(ctypes.c_long(number), *arguments))


def unshare(flags: int) -> None:
    libc_call("unshare", _LIBC.unshare(ctypes.c_int(flags)))


def no_new_privileges() -> None:
    libc_call("no_new_privs", prctl(PR_SET_NO_NEW_PRIVS, 1))


def die_with_parent(parent_pid: int) -> None:
    """SIGKILL for this process when the thread that started it ends. Exits at once if that has happened already."""
    libc_call("pdeathsig", prctl(PR_SET_PDEATHSIG, signal.SIGKILL))
    if os.getppid() != parent_pid:
        os._exit(1)


def drop_capabilities() -> None:
    """Give up every capability, so that being root (of a container or of a user namespace) is worth nothing."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    nothing = (ctypes.c_uint32 * 6)()
    libc_call("capset", _LIBC.capset(ctypes.byref(header), ctypes.byref(nothing)))
