"""Landlock: what this process may read and write, and that it may signal nobody outside (raw system calls).

Source: Documentation/userspace-api/landlock.rst of the kernel. Works without privileges. Not covered by it:
`stat`, `chmod`, `chown` and times of files, UDP, and truncation before ABI 3. The seccomp filters refuse what of these
changes anything; that a file exists, and how large it is, can be seen.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterable
from pathlib import Path

from verifiers.sandbox.linux import libc_call, syscall

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION_FLAG = 1
_RULE_PATH_BENEATH = 1
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR, _TRUNCATE, _IOCTL_DEV = 1, 2, 4, 8, 1 << 14, 1 << 15
_MAKE_DEVICES = 1 << 6 | 1 << 11
_FS_RIGHTS_OF_ABI = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
_NET_BIND_AND_CONNECT = 0b11
_SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS = 0b11


def abi() -> int:
    """The kernel's Landlock version, 0 if it has none."""
    version = syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION_FLAG))
    return max(version, 0)


def restrict_to_reading(folders: Iterable[Path]) -> int:
    """Allow this process and its children only to read beneath `folders`. Needs no_new_privs; cannot be undone.

    Returns the ABI version that was used. Raises OSError if the kernel has no Landlock.
    """
    return _restrict([(folder, _READ_FILE | _READ_DIR) for folder in folders])


def restrict(readable: Iterable[Path], writable: Iterable[Path]) -> int:
    """Allow reading and executing beneath `readable` (or a file there), and everything but device files beneath
    `writable`. As `restrict_to_reading` otherwise."""
    everything = _all_rights(min(abi(), 5)) & ~_MAKE_DEVICES & ~_IOCTL_DEV
    rules = [(path, _EXECUTE | _READ_FILE | _READ_DIR) for path in readable]
    return _restrict([*rules, *((path, everything) for path in writable)])


def scope() -> None:
    """From now on this process signals only itself and its children, where the kernel knows how (ABI 6)."""
    version = abi()
    if version >= 6:
        attributes = struct.pack("=3Q", 0, 0, _SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS)
        _enforce(_new_ruleset(attributes))


def _restrict(rules: Iterable[tuple[Path, int]]) -> int:
    version = abi()
    if version == 0:
        raise OSError("this kernel has no Landlock (it needs Linux 5.13 or newer with it switched on)")
    ruleset = _create_ruleset(version)
    for path, rights in rules:
        if path.exists():
            _allow(ruleset, path, rights)
    _enforce(ruleset)
    return version


def _all_rights(version: int) -> int:
    return (1 << _FS_RIGHTS_OF_ABI[version]) - 1 if version else 0


def _create_ruleset(version: int) -> int:
    fields = [_all_rights(min(version, 5))]
    if version >= 4:
        fields.append(_NET_BIND_AND_CONNECT)
    if version >= 6:
        fields.append(_SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS)
    return _new_ruleset(struct.pack(f"={len(fields)}Q", *fields))


def _new_ruleset(attributes: bytes) -> int:
    created = syscall(
        _CREATE_RULESET, ctypes.c_char_p(attributes), ctypes.c_size_t(len(attributes)), ctypes.c_uint32(0)
    )
    return libc_call("landlock ruleset", created)


def _enforce(ruleset: int) -> None:
    try:
        libc_call("landlock", syscall(_RESTRICT_SELF, ctypes.c_int(ruleset), ctypes.c_uint32(0)))
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: Path, rights: int) -> None:
    if not path.is_dir():
        rights &= _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV
    fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        rule = struct.pack("=Qi", rights, fd)
        added = syscall(
            _ADD_RULE,
            ctypes.c_int(ruleset),
            ctypes.c_int(_RULE_PATH_BENEATH),
            ctypes.c_char_p(rule),
            ctypes.c_uint32(0),
        )
        libc_call(f"landlock rule for {path}", added)
    finally:
        os.close(fd)
