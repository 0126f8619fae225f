"""What a sandbox may have left on the machine."""

from pathlib import Path

from verifiers.sandbox import cgroup, leftovers
from verifiers.sandbox.launch import own_uid


def processes_of(launcher: int) -> list[int]:
    """Living processes of the user that a sandbox, started as process `launcher`, runs as; or itself."""
    found = []
    uid = own_uid(pid=launcher)
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if (folder / "stat").read_text().rpartition(")")[2].split()[0] == "Z":
                continue
            if int(folder.name) == launcher or folder.stat().st_uid == uid:
                found.append(int(folder.name))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def everything() -> tuple[set[str], list[str], set[str]]:
    """Control groups, mounts and folders."""
    groups = {folder.name for folder in cgroup.groups(leftovers.PREFIX)}
    mounts = sorted(Path("/proc/self/mountinfo").read_text().splitlines())
    return groups, mounts, {folder.name for folder in leftovers.folders()}
