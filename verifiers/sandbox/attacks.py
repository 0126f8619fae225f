"""What a hostile program tries, as programs: each raises where it is refused, and returns where it got through.

They run in a box to prove it (`probe.py`), and beside it, in the tests, to prove themselves. `TARGETS` is what an
attack may aim at: made by whoever runs them, outside, where an escape would arrive.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Targets:
    """port: of a TCP listener on 127.0.0.1. abstract: name of an abstract Unix socket that listens. secret: a file that
    its owner alone may read. folder: one that everybody may write into. pid: a process of the user outside."""

    port: int
    abstract: str
    secret: str
    folder: str
    pid: int


PRELUDE = """
import ctypes, errno, fcntl, os, platform, resource, socket, sys
libc = ctypes.CDLL(None, use_errno=True)
def syscall(name, *arguments):
    number = NUMBERS[name][{"x86_64": 0, "aarch64": 1}[platform.machine()]]
    if number is None:
        raise OSError(errno.ENOSYS, name)
    result = libc.syscall(ctypes.c_long(number), *arguments)
    if result == -1:
        raise OSError(ctypes.get_errno(), name)
    return result
F_SETOWN, F_SETPIPE_SZ = 8, 1031
NULL, ZERO = ctypes.c_void_p(None), ctypes.c_ulong(0)
"""
"""What every attack may use. NUMBERS is `syscalls.NUMBERS`; TARGETS a Targets."""

ATTACKS: Mapping[str, str] = {
    "connect over TCP": "socket.create_connection(('127.0.0.1', TARGETS.port), timeout=2)",
    "send over UDP": "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', TARGETS.port))",
    "reach an abstract socket": "socket.socket(socket.AF_UNIX).connect('\\0' + TARGETS.abstract)",
    "talk to the kernel over netlink": "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)",
    "read the users of the machine": "open('/etc/passwd').read()",
    "read a secret file": "open(TARGETS.secret).read()",
    "list a folder outside": "os.listdir(TARGETS.folder)",
    "list the root of the machine": "assert {'etc', 'home'} & set(os.listdir('/')) or 1 / 0",
    "write into a folder outside": "open(TARGETS.folder + '/written', 'w').close()",
    "write into the system": "open('/usr/written', 'w').close()",
    "link to a secret": "os.link(TARGETS.secret, 'link')",
    "read a secret through a symbolic link": "os.symlink(TARGETS.secret, 'symlink'); open('symlink').read()",
    "change the mode of a file outside": "os.chmod(TARGETS.secret, 0o600)",
    "change the times of a file outside": "os.utime(TARGETS.secret)",
    "change an attribute of a file outside": "os.setxattr(TARGETS.secret, 'user.x', b'x')",
    "lock a file of the system": "with open('/usr/bin/env') as f: fcntl.flock(f, fcntl.LOCK_SH)",
    "change the size of a pipe": "fcntl.fcntl(1, F_SETPIPE_SZ, 4096)",
    "write all disks back": "syscall('sync')",
    "leave by ..": "open('../' * 40 + TARGETS.secret.lstrip('/')).read()",
    "read the environment of another process": "open('/proc/1/environ', 'rb').read() or 1 / 0",
    "enter another process's root": "os.listdir('/proc/1/root/etc')",
    "read its own memory map": "open('/proc/self/maps').read()",
    "find a descriptor that was left open": "[os.fstat(fd) for fd in range(3, 256) if is_open(fd)][0]",
    "signal a process outside": "os.kill(TARGETS.pid, 0)",
    "signal its parent": "os.kill(os.getppid(), 0) if os.getppid() > 1 else 1 / 0",
    "signal a thread outside": "syscall('tgkill', TARGETS.pid, TARGETS.pid, 0)",
    "have the kernel signal a process outside": "fcntl.fcntl(0, F_SETOWN, TARGETS.pid)",
    "limit a process outside": "resource.prlimit(TARGETS.pid, resource.RLIMIT_NOFILE, (3, 3))",
    "limit its parent": "resource.prlimit(os.getppid(), resource.RLIMIT_CORE, (0, 0))",
    "slow a process outside": "os.setpriority(os.PRIO_PROCESS, TARGETS.pid, 19)",
    "slow its parent": "os.setpriority(os.PRIO_PROCESS, os.getppid(), 19)",
    "pin a process outside to one processor": "os.sched_setaffinity(TARGETS.pid, {min(os.sched_getaffinity(0))})",
    "pin its parent to one processor": "os.sched_setaffinity(os.getppid(), os.sched_getaffinity(0))",
    "trace a process outside": "syscall('ptrace', ctypes.c_long(16), ctypes.c_long(TARGETS.pid), NULL, NULL)",
    "trace its parent": "syscall('ptrace', ctypes.c_long(16), ctypes.c_long(os.getppid()), NULL, NULL)",
    "read another process's memory": "syscall('process_vm_readv', os.getppid(), NULL, ZERO, NULL, ZERO, ZERO)",
    "take a descriptor of another process": "syscall('pidfd_getfd', os.pidfd_open(os.getppid()), 0, 0)",
    "make a user namespace": "syscall('unshare', ctypes.c_long(0x10000000))",
    "fork into a user namespace": "fork_into(0x10000000)",
    "make a network namespace": "syscall('unshare', ctypes.c_long(0x40000000))",
    "mount": "syscall('mount', b'none', b'/tmp', b'tmpfs', ZERO, NULL)",
    "change the root": "os.chroot('.')",
    "become root": "os.setuid(0); os.getuid() == 0 or 1 / 0; open('/etc/shadow').read()",
    "take an ambient capability": "libc.prctl(47, 2, 21, 0, 0) == 0 or 1 / 0",
    "raise its limits": "resource.setrlimit(resource.RLIMIT_AS, (1 << 50, 1 << 50))",
    "set the clock": "import time; time.clock_settime(time.CLOCK_REALTIME, time.time())",
    "name the machine": "socket.sethostname('x')",
    "make a device": "os.mknod('device', 0o600 | 0o060000, os.makedev(254, 0)); open('device', 'rb').read(1)",
    "open the memory of the machine": "open('/dev/mem', 'rb').read(1)",
    "keep shared memory": "syscall('shmget', 0, ctypes.c_size_t(4096), 0o1600)",
    "keep a message queue": "syscall('mq_open', b'x', 0o102, 0o600, NULL)",
    "use the kernel's keyring": "syscall('add_key', b'user', b'x', b'x', ctypes.c_size_t(1), ctypes.c_long(-3))",
    "load a BPF program": "syscall('bpf', 5, (ctypes.c_char * 128)(), 128)",
    "open a ring of requests": "syscall('io_uring_setup', 8, (ctypes.c_char * 256)())",
    "open a queue of requests": "syscall('io_setup', 1, ctypes.byref(ctypes.c_void_p()))",
    "count events of the processor": "syscall('perf_event_open', (ctypes.c_char * 256)(), 0, -1, -1, 0)",
    "take page faults into its own hands": "syscall('userfaultfd', 1)",
    "hide memory in a file without a name": "os.memfd_create('x')",
    "watch files": "syscall('inotify_init1', 0)",
    "take the processor for itself": "os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))",
}
"""Name -> source. What is in no list of the kernel's or of ours is refused by it being absent."""

HELPERS = """
def is_open(fd):
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True
def fork_into(flags):
    pid = syscall('clone', ctypes.c_ulong(flags | 17), NULL, NULL, NULL, NULL)
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
"""
