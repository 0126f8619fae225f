"""Control groups, users and leftovers: what a sandbox asks of the machine, from texts of other machines."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from verifiers.sandbox import leftovers
from verifiers.sandbox.cgroup import CgroupError, Group, Hierarchy, find
from verifiers.sandbox.inside.box import Walls
from verifiers.sandbox.launch import Spec, bwrap_arguments, own_uid
from verifiers.sandbox.machine import interpreter, show
from verifiers.sandbox.watch import TreeWatch, descendants

V1_MOUNTS = """\
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
35 31 0:32 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct
36 31 0:33 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
39 31 0:36 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
"""
V1_OWN = "9:cpu,cpuacct:/b\n8:pids:/\n4:memory:/work/a\n0::/\n"
V2_MOUNTS = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
CONTAINER_MOUNTS = "812 800 0:30 /docker/abc /sys/fs/cgroup/memory ro,nosuid master:17 - cgroup cgroup rw,memory\n"

HIERARCHIES = [
    (
        V1_MOUNTS,
        V1_OWN,
        Hierarchy(
            1, Path("/sys/fs/cgroup/memory/work/a"), Path("/sys/fs/cgroup/pids"), Path("/sys/fs/cgroup/cpu,cpuacct/b")
        ),
    ),
    (
        V2_MOUNTS,
        "0::/user.slice/x\n",
        Hierarchy(2, Path("/sys/fs/cgroup/user.slice/x"), Path("/sys/fs/cgroup/user.slice/x")),
    ),
    (CONTAINER_MOUNTS, "5:memory:/docker/abc\n", Hierarchy(1, Path("/sys/fs/cgroup/memory"), None)),
    (CONTAINER_MOUNTS, "5:memory:/other\n", Hierarchy(1, Path("/sys/fs/cgroup/memory"), None)),
    ("", "", Hierarchy(2, None, None)),
]


@pytest.mark.parametrize(("mounts", "own", "expected"), HIERARCHIES)
def test_where_groups_may_be_made(mounts: str, own: str, expected: Hierarchy) -> None:
    found = find(mounts, own)
    assert (found.version, found.pids, found.cpu) == (expected.version, expected.pids, expected.cpu)
    assert found.memory is None or found.memory.resolve() == (expected.memory or Path()).resolve()


def test_a_machine_without_groups_says_so() -> None:
    with pytest.raises(CgroupError, match="no cgroup hierarchy with memory and pids"):
        Group("x", Hierarchy(1, Path("/nonexistent"), None))


def test_a_group_that_may_not_be_made_says_where(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    with pytest.raises(CgroupError, match=f"no group can be made beneath {tmp_path}: File exists"):
        Group("x", Hierarchy(2, tmp_path, tmp_path))


def test_limits_and_kills_of_version_2(tmp_path: Path) -> None:
    group = Group("x", Hierarchy(2, tmp_path, tmp_path))
    (tmp_path / "x" / "memory.swap.max").write_text("max")
    group.limit(64, 9)
    files = {name: (tmp_path / "x" / name).read_text() for name in ("memory.max", "memory.swap.max", "pids.max")}
    assert files == {"memory.max": str(64 << 20), "memory.swap.max": "0", "pids.max": "9"}
    (tmp_path / "x" / "memory.events").write_text("low 0\noom 3\noom_kill 2\n")
    assert group.kills() == 2


def test_all_that_is_in_a_group_ends_with_it() -> None:
    """Whoever their parents were: those may have been killed."""
    group = Group(leftovers.new_name())
    child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    for folder in group.folders:
        (folder / "cgroup.procs").write_text(str(child.pid))
    with child:
        remover = threading.Thread(target=group.remove)
        remover.start()
        assert child.wait() == -9
        remover.join()
    assert not any(folder.exists() for folder in group.folders)


USERS = [
    ("         0          0 4294967295", 1234, 1_500_001_234),
    ("         0     100000      65536", 1234, 32768 + 1234),
    ("         0     100000      65536", 32768 + 5, 32768 + 5),
    ("         0       1000          1\n         1     100000      65536", 7, 1 + 32768 + 7),
]


@pytest.mark.parametrize(("uid_map", "pid", "expected"), USERS)
def test_a_user_of_its_own(uid_map: str, pid: int, expected: int) -> None:
    assert own_uid(uid_map, pid) == expected


def test_too_few_users() -> None:
    with pytest.raises(OSError, match="this user namespace has 1 users, too few"):
        own_uid("0 1000 1", 5)


def test_what_is_shown() -> None:
    shown = show(["hypothesis"])
    assert {target for _, target in shown.folders} >= {"/usr", "/longthought/verifiers", "/packages/hypothesis"}
    assert not {"/", "/etc", "/home", "/tmp", "/root", "/var", "/proc"} & {target for _, target in shown.folders}
    assert Path(interpreter()).exists()
    walls = bwrap_arguments(shown.folders, shown.links)
    assert "--proc" not in walls
    assert "--bind" not in walls
    assert "--share-net" not in walls
    assert walls[-6:] == ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/"]


def test_a_spec_survives_the_command_line() -> None:
    walls = Walls(True, "/box", 64, ("/usr",), ("a.b",))
    spec = Spec("/usr/bin/bwrap", "/usr/bin/python3", (("/usr", "/usr"),), (("usr/lib", "/lib"),), ("/g",), walls, 5)
    assert Spec.from_json(spec.to_json()) == spec


def test_leftovers_of_others_are_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leftovers.tempfile, "gettempdir", lambda: str(tmp_path))
    ours, gone = leftovers.make_folder(), tmp_path / f"{leftovers.PREFIX}-4194305-5-0"
    elsewhere = tmp_path / "elsewhere"
    link = tmp_path / f"{leftovers.PREFIX}-4194305-5-1"
    named_like_it = tmp_path / f"{leftovers.PREFIX}-of-mine"
    for folder in (gone / "a" / "b", elsewhere, named_like_it):
        folder.mkdir(parents=True)
    (elsewhere / "kept").touch()
    link.symlink_to(elsewhere)
    (gone / "loop").symlink_to(gone)
    leftovers.sweep([])
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == sorted([ours.path.name, "elsewhere", link.name, named_like_it.name])
    assert (elsewhere / "kept").exists()
    if os.geteuid() == 0:
        gone.mkdir()
        os.chown(gone, 65534, 65534)
        leftovers.sweep([])
        assert gone.exists()
    ours.remove()
    assert not ours.path.exists()


def test_a_folder_is_in_use_while_its_maker_lives_whatever_it_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its pid means nothing in another container that shares the temporary folder."""
    monkeypatch.setattr(leftovers.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(leftovers, "new_name", lambda: f"{leftovers.PREFIX}-4194305-5-7")
    held = leftovers.make_folder()
    leftovers.sweep([])
    assert held.path.exists()
    os.close(held.lock)
    leftovers.sweep([])
    assert not held.path.exists()


def test_what_cannot_be_removed_stops_no_sandbox(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refused(folder: Path) -> None:
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr(leftovers.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(leftovers, "remove", refused)
    (tmp_path / f"{leftovers.PREFIX}-4194305-5-0").mkdir()
    leftovers.sweep([])
    assert "cannot be removed: [Errno 13]" in caplog.text


@pytest.mark.parametrize("taken", ["bytearray(100 * 2**20)", "mmap.mmap(-1, 100 * 2**20)"], ids=["own", "shared"])
def test_the_memory_of_a_tree_is_added_up(taken: str) -> None:
    source = f"import mmap, sys\nx = {taken}\nfor i in range(0, len(x), 4096): x[i] = 1\nprint(1, flush=True)\n"
    source += "sys.stdin.read()"
    child = subprocess.Popen([sys.executable, "-c", source], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        child.stdout.readline()
        assert child.pid in descendants(os.getpid())
        watch = TreeWatch(child.pid)
        watch.begin(20, 8)
        assert watch.exceeded()
        watch.begin(200, 8)
        assert not watch.exceeded()
    finally:
        child.kill()
        child.communicate()
    assert not TreeWatch(child.pid).exceeded()
