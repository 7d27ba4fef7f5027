"""How much memory there is for this process."""

from pathlib import Path, PurePosixPath

import psutil


def memory_limit(root: Path = Path("/")) -> int:
    """Bytes that this process may fill: the machine's, or fewer where its container has fewer.

    A container's limit is that of its control group (version 1 or 2) or of a group around it, as
    `root`/proc and `root`/sys say.
    """
    return min([int(psutil.virtual_memory().total), *_group_limits(root)])


def _group_limits(root: Path) -> list[int]:
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:  # no Linux
        return []
    groups = root / "sys/fs/cgroup"
    limits = []
    for line in lines:
        _, _, rest = line.partition(":")
        kinds, _, own = rest.partition(":")
        if kinds == "":
            base, name = groups, "memory.max"
        elif "memory" in kinds.split(","):
            base, name = groups / "memory", "memory.limit_in_bytes"
        else:
            continue
        path = PurePosixPath(own.lstrip("/"))
        # Within a container the path may be that of the host, and only the root is there.
        limits += [_limit(base / group / name) for group in (path, *path.parents)]
    return [limit for limit in limits if limit is not None]


def _limit(file: Path) -> int | None:
    try:
        return int(file.read_text())
    except (OSError, ValueError):  # not there, or "max"
        return None
