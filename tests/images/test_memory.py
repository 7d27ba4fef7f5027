"""A container's memory counts, not its machine's."""

from pathlib import Path

import psutil
import pytest

from natv2.images.memory import memory_limit

MACHINE = psutil.virtual_memory().total


def system(root: Path, groups: str, limits: dict[str, str]) -> Path:
    (root / "proc" / "self").mkdir(parents=True)
    (root / "proc" / "self" / "cgroup").write_text(groups)
    for name, limit in limits.items():
        file = root / "sys" / "fs" / "cgroup" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{limit}\n")
    return root


@pytest.mark.parametrize(
    ("groups", "limits", "expected"),
    [
        ("0::/\n", {"memory.max": "4096"}, 4096),
        ("0::/\n", {"memory.max": "max"}, MACHINE),
        ("0::/a/b\n", {"a/b/memory.max": "max", "a/memory.max": "5000", "memory.max": "6000"}, 5000),
        ("0::/of/the/host\n", {"memory.max": "4096"}, 4096),
        ("3:cpu:/\n2:memory:/docker/1\n", {"memory/memory.limit_in_bytes": "4096"}, 4096),
        ("2:memory,x:/a\n", {"memory/a/memory.limit_in_bytes": "9223372036854771712"}, MACHINE),
        ("2:cpu:/\n", {"memory/memory.limit_in_bytes": "4096"}, MACHINE),
    ],
)
def test_the_smallest_limit_counts(
    tmp_path: Path, groups: str, limits: dict[str, str], expected: int
) -> None:
    assert memory_limit(system(tmp_path, groups, limits)) == expected


def test_without_groups_it_is_the_machines(tmp_path: Path) -> None:
    assert memory_limit(tmp_path) == MACHINE
