"""A seccomp filter for a process that evaluates hostile text: the calls it never needs fail with EPERM.

It is a list of refusals, the second wall behind Landlock and the namespaces: no sockets, no new processes or
programs, no signals, no tracing, no change of limits, ownership or permissions, no shared memory left behind, and no
file cut short: Landlock governs that from its third version on (Linux 6.2), and an `open` for reading that also
truncates is not a write to the versions before it.
Calls by another instruction-set ABI (x32, 32-bit) kill the process. Numbers: the kernel's `unistd_64.h` (x86-64) and
`asm-generic/unistd.h` (aarch64).
"""

from __future__ import annotations

import ctypes
import errno
import platform
import struct

from verifiers.sandbox.linux import libc_call, prctl

PR_SET_SECCOMP = 22
SECCOMP_MODE_FILTER = 2
_ALLOW, _ERRNO, _KILL_PROCESS = 0x7FFF0000, 0x00050000, 0x80000000
_LD_W_ABS, _JEQ, _JGE, _JSET, _RET = 0x20, 0x15, 0x35, 0x45, 0x06
_NR_OFFSET, _ARCH_OFFSET, _ARGUMENTS_OFFSET = 0, 4, 16
_O_TRUNC = 0o1000  # on both machines; both are little-endian, so the low half of an argument comes first
_X32_BIT = 0x40000000
_ARCHITECTURES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}

REFUSED: dict[str, tuple[int | None, int | None]] = {
    "socket": (41, 198),
    "socketpair": (53, 199),
    "connect": (42, 203),
    "accept": (43, 202),
    "accept4": (288, 242),
    "bind": (49, 200),
    "listen": (50, 201),
    "sendto": (44, 206),
    "sendmsg": (46, 211),
    "sendmmsg": (307, 269),
    "clone": (56, 220),
    "clone3": (435, 435),
    "fork": (57, None),
    "vfork": (58, None),
    "execve": (59, 221),
    "execveat": (322, 281),
    "kill": (62, 129),
    "tkill": (200, 130),
    "tgkill": (234, 131),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "pidfd_open": (434, 434),
    "pidfd_send_signal": (424, 424),
    "pidfd_getfd": (438, 438),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "setsid": (112, 157),
    "setpgid": (109, 154),
    "prctl": (157, 167),
    "setrlimit": (160, 164),
    "prlimit64": (302, 261),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "unshare": (272, 97),
    "setns": (308, 268),
    "open_by_handle_at": (304, 265),
    "name_to_handle_at": (303, 264),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "mount_setattr": (442, 442),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "shmget": (29, 194),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "msgget": (68, 186),
    "msgsnd": (69, 189),
    "msgctl": (71, 187),
    "semget": (64, 190),
    "semop": (65, 193),
    "semctl": (66, 191),
    "mq_open": (240, 180),
    "mq_unlink": (241, 181),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "fanotify_init": (300, 262),
    "inotify_init": (253, None),
    "inotify_init1": (294, 26),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "adjtimex": (159, 171),
    "clock_adjtime": (305, 266),
    "quotactl": (179, 60),
    "personality": (135, 92),
    "acct": (163, 89),
    "syslog": (103, 116),
    "truncate": (76, 45),
    "ftruncate": (77, 46),
    "creat": (85, None),
    "openat2": (437, 437),
    "ioctl": (16, 29),
    "file_setattr": (469, 469),
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "chown": (92, None),
    "lchown": (94, None),
    "fchown": (93, 55),
    "fchownat": (260, 54),
    "utime": (132, None),
    "utimes": (235, None),
    "futimesat": (261, None),
    "utimensat": (280, 88),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "setxattrat": (463, 463),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "setuid": (105, 146),
    "setgid": (106, 144),
    "setreuid": (113, 145),
    "setregid": (114, 143),
    "setresuid": (117, 147),
    "setresgid": (119, 149),
    "setgroups": (116, 159),
    "capset": (126, 91),
    "seccomp": (317, 277),
    "ioperm": (173, None),
    "iopl": (172, None),
    "modify_ldt": (154, None),
    "sched_setaffinity": (203, 122),
    "setpriority": (141, 140),
    "sched_setscheduler": (144, 119),
    "sched_setparam": (142, 118),
    "sched_setattr": (314, 274),
    "ioprio_set": (251, 30),
    "migrate_pages": (256, 238),
    "move_pages": (279, 239),
    "mbind": (237, 235),
    "set_mempolicy": (238, 237),
}
"""Call -> its number on x86-64 and on aarch64 (None: it has no such call).

`openat2` is here because its flags lie in memory, where a filter cannot look; libc does not use it. `ioctl`, because
it changes the attributes (`chattr`) of files that are open for reading; `isatty` then answers no.
"""

REFUSED_TO_TRUNCATE: dict[str, tuple[tuple[int | None, int | None], int]] = {
    "open": ((2, None), 1),
    "openat": ((257, 56), 2),
}
"""Calls refused where their flags hold O_TRUNC: their numbers as above, and which argument (from 0) the flags are."""


def supported() -> bool:
    return platform.machine() in _ARCHITECTURES


def program(machine: str) -> bytes:
    """The filter as BPF instructions (`struct sock_filter`, 8 bytes each)."""
    arch, column = _ARCHITECTURES[machine]
    numbers = sorted({pair[column] for pair in REFUSED.values() if pair[column] is not None})  # type: ignore[type-var]
    code = [
        (_LD_W_ABS, 0, 0, _ARCH_OFFSET),
        (_JEQ, 1, 0, arch),
        (_RET, 0, 0, _KILL_PROCESS),
        (_LD_W_ABS, 0, 0, _NR_OFFSET),
        (_JGE, 0, 1, _X32_BIT),
        (_RET, 0, 0, _KILL_PROCESS),
    ]
    for pair, argument in REFUSED_TO_TRUNCATE.values():
        if pair[column] is not None:
            code += [
                (_JEQ, 0, 4, pair[column]),  # type: ignore[list-item]
                (_LD_W_ABS, 0, 0, _ARGUMENTS_OFFSET + 8 * argument),
                (_JSET, 0, 1, _O_TRUNC),
                (_RET, 0, 0, _ERRNO | errno.EPERM),
                (_RET, 0, 0, _ALLOW),
            ]
    for index, number in enumerate(numbers):
        code.append((_JEQ, len(numbers) - index, 0, number))  # type: ignore[arg-type]
    code += [(_RET, 0, 0, _ALLOW), (_RET, 0, 0, _ERRNO | errno.EPERM)]
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in code)


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def install() -> None:
    """Refuse the calls above in this process, for good. Needs no_new_privs. Raises OSError if the kernel will not."""
    if not supported():
        raise OSError(errno.ENOSYS, f"no seccomp table for {platform.machine()}")
    code = program(platform.machine())
    memory = ctypes.create_string_buffer(code, len(code))
    prog = _Program(len(code) // 8, ctypes.addressof(memory))
    libc_call("seccomp filter", prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.addressof(prog)))
