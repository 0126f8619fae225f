"""The few Linux calls that Python 3.11 does not wrap, through ctypes: prctl, unshare, clone, mount, capset, and raw
system calls."""

from __future__ import annotations

import ctypes
import os
import platform
import signal

_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC_UNDER_THE_GIL = ctypes.PyDLL(None, use_errno=True)

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38

CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_NOSUID = 1 << 1
MS_NODEV = 1 << 2
MS_NOEXEC = 1 << 3
MS_BIND = 1 << 12
MS_REC = 1 << 14
MS_PRIVATE = 1 << 18

_CAPABILITY_VERSION_3 = 0x20080522
_CLONE = {"x86_64": 56, "aarch64": 220}


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


def fork_into(namespaces: int) -> int:
    """`os.fork` whose child is in new namespaces (CLONE_NEW* flags), the first process of a new pid namespace, say.

    For a process with one thread: unlike `unshare` and a fork, no process stands between the two.
    """
    number, flags = ctypes.c_long(_CLONE[platform.machine()]), ctypes.c_ulong(namespaces | signal.SIGCHLD)
    nothing = ctypes.c_void_p(None)
    pid = libc_call("clone", int(_LIBC_UNDER_THE_GIL.syscall(number, flags, nothing, nothing, nothing, nothing)))
    if pid == 0:
        ctypes.pythonapi.PyOS_AfterFork_Child()
    return pid


def mount(source: str, target: str, kind: str | None, flags: int, options: str = "") -> None:
    result = _LIBC.mount(
        source.encode(),
        target.encode(),
        None if kind is None else kind.encode(),
        ctypes.c_ulong(flags),
        options.encode(),
    )
    libc_call(f"mount {target}", result)


def no_new_privileges() -> None:
    libc_call("no_new_privs", prctl(PR_SET_NO_NEW_PRIVS, 1))


def not_traceable() -> None:
    """Processes of the same user may neither trace this one nor read its memory."""
    libc_call("dumpable", prctl(PR_SET_DUMPABLE, 0))


def adopt_orphans() -> None:
    """What a descendant leaves behind becomes a child of this process, which can then end it."""
    libc_call("subreaper", prctl(PR_SET_CHILD_SUBREAPER, 1))


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
