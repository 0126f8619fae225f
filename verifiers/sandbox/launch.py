"""From the process that wants a sandbox to its warm interpreter: `python -m verifiers.sandbox.launch SPEC`.

As root it joins the groups, lays out what the sandbox shows (in a mount namespace of its own, since what root can read
the sandbox's user may not), and becomes a user that nobody else is. Then it becomes bubblewrap, or the interpreter
itself. Bubblewrap is given a clean environment by whoever starts this: its own stays readable (bubblewrap #725).
"""

from __future__ import annotations

import json
import os
import resource
import stat
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from verifiers.sandbox import linux
from verifiers.sandbox.inside.box import Walls
from verifiers.sandbox.leftovers import FIRST_UID

INSIDE_UID = 1000
MOUNTED_AT, PACKAGES_AT = "/longthought", "/packages"
_STAGE = "/mnt"


@dataclass(frozen=True, slots=True)
class Spec:
    """bwrap: its path; None for the level without namespaces. python: the interpreter. shown: folders that may be read,
    and where they are seen. groups: control groups to join, each a folder."""

    bwrap: str | None
    python: str
    shown: tuple[tuple[str, str], ...]
    links: tuple[tuple[str, str], ...]
    groups: tuple[str, ...]
    walls: Walls
    parent: int

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Spec:
        values = json.loads(text)
        walls = Walls(**{**values["walls"], **{key: tuple(values["walls"][key]) for key in ("readable", "preload")}})
        pairs = {key: tuple((a, b) for a, b in values[key]) for key in ("shown", "links")}
        return cls(**{**values, **pairs, "groups": tuple(values["groups"]), "walls": walls})


def main() -> None:
    spec = Spec.from_json(sys.argv[1])
    linux.die_with_parent(spec.parent)
    for group in spec.groups:
        (Path(group) / "cgroup.procs").write_text(str(os.getpid()))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    shown = spec.shown
    if os.geteuid() == 0:
        if spec.bwrap is not None:
            shown = _stage(shown)
        else:
            os.chown(spec.walls.folder, own_uid(), own_uid())
        uid = own_uid()
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    linux.die_with_parent(spec.parent)  # changing the user has cleared it
    command = [spec.python, "-s", "-S", "-P", "-m", "verifiers.sandbox.inside.zygote", json.dumps(asdict(spec.walls))]
    environment = dict(os.environ)
    if spec.bwrap is not None:
        environment["PYTHONPATH"] = f"{MOUNTED_AT}:{PACKAGES_AT}"
        command = [spec.bwrap, *bwrap_arguments(shown, spec.links), "--", *command]
    os.execve(command[0], command, environment)  # noqa: S606 - the point


def own_uid(uid_map: str | None = None, pid: int | None = None) -> int:
    """A user id that no other sandbox of this machine has at this time: process ids are unique, and so is this.

    uid_map: the text of /proc/self/uid_map. In a container with few users the range is smaller.
    """
    text = Path("/proc/self/uid_map").read_text() if uid_map is None else uid_map
    pid = os.getpid() if pid is None else pid
    ranges = [(int(first), int(count)) for first, _, count in (line.split() for line in text.splitlines())]
    last = max(first + count for first, count in ranges)
    if last > FIRST_UID + (1 << 22):
        return FIRST_UID + pid
    first, count = max(ranges, key=lambda item: item[1])
    if count < 4096:
        raise OSError(f"this user namespace has {count} users, too few to give a sandbox one of its own")
    return first + count // 2 + pid % (count // 2)


def _stage(shown: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """Mount every folder where any user may reach it, in a mount namespace that ends with this process."""
    linux.unshare(linux.CLONE_NEWNS)
    linux.mount("none", "/", None, linux.MS_REC | linux.MS_PRIVATE)
    handles = [os.open(source, os.O_PATH) for source, _ in shown]
    linux.mount("stage", _STAGE, "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, "size=64k,mode=755")
    staged = []
    for index, (handle, (_, target)) in enumerate(zip(handles, shown, strict=True)):
        place = Path(_STAGE) / str(index)
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            place.mkdir()
        else:
            place.touch()
        linux.mount(f"/proc/self/fd/{handle}", str(place), None, linux.MS_BIND | linux.MS_REC)
        os.close(handle)
        staged.append((str(place), target))
    return tuple(staged)


def bwrap_arguments(shown: tuple[tuple[str, str], ...], links: tuple[tuple[str, str], ...]) -> list[str]:
    """A root that is an empty, read-only file system with what is shown; every namespace; no /proc and no /sys."""
    arguments = [
        *("--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"),
        *("--disable-userns", "--die-with-parent", "--new-session", "--as-pid-1", "--cap-add", "CAP_SYS_ADMIN"),
        *("--uid", str(INSIDE_UID), "--gid", str(INSIDE_UID), "--hostname", "box"),
    ]
    for source, target in shown:
        arguments += ["--ro-bind", source, target]
    for target, place in links:
        arguments += ["--symlink", target, place]
    arguments += ["--size", "65536", "--tmpfs", "/dev"]
    for device in ("null", "zero", "full", "random", "urandom"):
        arguments += ["--dev-bind", f"/dev/{device}", f"/dev/{device}"]
    arguments += ["--symlink", "/tmp/stdin", "/dev/stdin", "--dir", "/dev/shm", "--dir", "/box", "--dir", "/tmp"]  # noqa: S108
    return [*arguments, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/"]


if __name__ == "__main__":
    main()
