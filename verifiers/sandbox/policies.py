"""Which system calls are refused to whom.

EVALUATOR: a forked process that evaluates a model's text and needs nothing but the processor: no sockets, processes,
programs or signals, nothing changed on disk. PROGRAM: a program that a model wrote, inside namespaces of its own: it
may start processes and threads and write its own files, but reach no kernel interface that a solution of a task has no
use for. PROGRAM_ALONE: the same where there are no namespaces: no other process either, so that none can outlive it.
"""

from __future__ import annotations

import errno

from verifiers.sandbox.seccomp import Rule

_O_TRUNC = 0o1000
_CLONE_THREAD = 0x00010000
_NEW_NAMESPACES = 0x7E020080
"""CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET and NEWTIME."""
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C
_ANY = 0xFFFFFFFF
_AF_UNIX = 1
_SETOWN, _SETSIG, _SETOWN_EX, _SETLEASE, _NOTIFY, _SETPIPE_SZ = 8, 10, 15, 1024, 1026, 1031


def _named(calls: str) -> tuple[Rule, ...]:
    return tuple(Rule(call) for call in calls.split())


_KERNEL = _named(
    "ptrace process_vm_readv process_vm_writev process_madvise process_mrelease kcmp pidfd_getfd mount umount2 "
    "pivot_root chroot unshare setns open_by_handle_at name_to_handle_at open_tree move_mount fsopen fsconfig fsmount "
    "fspick mount_setattr statmount listmount bpf perf_event_open userfaultfd io_uring_setup io_uring_enter "
    "io_uring_register keyctl add_key request_key shmget shmat shmctl msgget msgsnd msgctl semget semop semtimedop "
    "semctl mq_open mq_unlink memfd_create memfd_secret fanotify_init inotify_init inotify_init1 init_module "
    "finit_module delete_module kexec_load kexec_file_load reboot swapon swapoff settimeofday clock_settime adjtimex "
    "clock_adjtime quotactl quotactl_fd personality acct syslog sethostname setdomainname capset ioperm iopl "
    "modify_ldt ioprio_set migrate_pages move_pages mbind set_mempolicy sched_setscheduler sched_setattr"
)
"""Interfaces of the kernel that neither a solution nor a scorer has any use for."""

EVALUATOR: tuple[Rule, ...] = (
    *_KERNEL,
    *_named(
        "socket socketpair connect accept accept4 bind listen sendto sendmsg sendmmsg clone clone3 fork vfork execve "
        "execveat kill tkill tgkill rt_sigqueueinfo rt_tgsigqueueinfo pidfd_open pidfd_send_signal setsid setpgid "
        "prctl setrlimit prlimit64 truncate ftruncate creat openat2 ioctl file_setattr chmod fchmod fchmodat fchmodat2 "
        "chown lchown fchown fchownat utime utimes futimesat utimensat setxattr lsetxattr fsetxattr setxattrat "
        "removexattr lremovexattr fremovexattr setuid setgid setreuid setregid setresuid setresgid setgroups seccomp "
        "sched_setaffinity setpriority sched_setparam"
    ),
    Rule("open", argument=1, with_bits=_O_TRUNC),
    Rule("openat", argument=2, with_bits=_O_TRUNC),
)
"""No file may be cut short: Landlock governs that from its third version on (Linux 6.2), and an `open` for reading that
also truncates is not a write to the versions before it. `openat2` is refused because its flags lie in memory, where a
filter cannot look (libc does not use it); `ioctl`, because it changes the attributes (`chattr`) of files that are open
for reading: `isatty` then answers no."""

PROGRAM: tuple[Rule, ...] = (
    *_KERNEL,
    *_named("socket connect bind listen accept accept4 pidfd_open pidfd_send_signal"),
    Rule("clone", argument=0, with_bits=_NEW_NAMESPACES),
    # Its flags lie in memory. Where it does not exist, libc takes `clone`.
    Rule("clone3", answer=errno.ENOSYS),
    Rule("ioctl", argument=1, equal_to=(_TIOCSTI, _TIOCLINUX)),
    # Its own limits and priority are its own; those of the box's first process, which is the same user, are not.
    *(Rule(call, argument=0, with_bits=_ANY) for call in ("prlimit64", "sched_setaffinity", "sched_setparam")),
    Rule("setpriority", argument=0, with_bits=_ANY),
    Rule("setpriority", argument=1, with_bits=_ANY),
    # The parent's pipes keep their size, and no file's owner is sent a signal.
    Rule("fcntl", argument=1, equal_to=(_SETOWN, _SETSIG, _SETOWN_EX, _SETLEASE, _NOTIFY, _SETPIPE_SZ)),
    Rule("socketpair", argument=0, other_than=_AF_UNIX),
    *_named("flock sync syncfs io_setup io_submit"),
)
"""`socketpair` of Unix sockets and what is sent through it stay: asyncio and multiprocessing start with one. `flock`
would be seen by other boxes; `sync` keeps the machine's disks busy; asynchronous requests are counted for all of it."""


PROGRAM_ALONE: tuple[Rule, ...] = (
    *PROGRAM,
    *_named(
        "fork vfork kill tkill rt_sigqueueinfo rt_tgsigqueueinfo setsid setpgid file_setattr chmod fchmod fchmodat "
        "fchmodat2 chown lchown fchown fchownat utime utimes futimesat utimensat setxattr lsetxattr fsetxattr "
        "setxattrat removexattr lremovexattr fremovexattr"
    ),
    Rule("clone", argument=0, without_bits=_CLONE_THREAD),
)
"""Threads stay."""


def signals_itself_alone(pid: int) -> tuple[Rule, ...]:
    """Beside PROGRAM_ALONE: `tgkill` stays for the process itself, which so aborts."""
    return (Rule("tgkill", argument=0, other_than=pid),)
