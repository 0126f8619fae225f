"""Landlock: this process may read beneath a few folders, write nowhere, and signal nobody outside (raw system calls).

Source: Documentation/userspace-api/landlock.rst of the kernel. Works without privileges. Not covered by it:
`stat`, `chmod`, `chown` and times of files, and truncation before ABI 3 (the seccomp filter refuses all that change
something).
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
_READ_FILE, _READ_DIR = 1 << 2, 1 << 3
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
    version = abi()
    if version == 0:
        raise OSError("this kernel has no Landlock (it needs Linux 5.13 or newer with it switched on)")
    ruleset = _create_ruleset(version)
    try:
        for folder in folders:
            if folder.is_dir():
                _allow_reading(ruleset, folder)
        libc_call("landlock", syscall(_RESTRICT_SELF, ctypes.c_int(ruleset), ctypes.c_uint32(0)))
    finally:
        os.close(ruleset)
    return version


def _create_ruleset(version: int) -> int:
    handled_fs = (1 << _FS_RIGHTS_OF_ABI[min(version, 5)]) - 1
    fields = [handled_fs]
    if version >= 4:
        fields.append(_NET_BIND_AND_CONNECT)
    if version >= 6:
        fields.append(_SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS)
    attributes = struct.pack(f"={len(fields)}Q", *fields)
    created = syscall(
        _CREATE_RULESET, ctypes.c_char_p(attributes), ctypes.c_size_t(len(attributes)), ctypes.c_uint32(0)
    )
    return libc_call("landlock ruleset", created)


def _allow_reading(ruleset: int, folder: Path) -> None:
    fd = os.open(folder, os.O_PATH | os.O_CLOEXEC)
    try:
        rule = struct.pack("=Qi", _READ_FILE | _READ_DIR, fd)
        added = syscall(
            _ADD_RULE,
            ctypes.c_int(ruleset),
            ctypes.c_int(_RULE_PATH_BENEATH),
            ctypes.c_char_p(rule),
            ctypes.c_uint32(0),
        )
        libc_call(f"landlock rule for {folder}", added)
    finally:
        os.close(fd)
