"""What does not fit is refused in a sentence; what may not is warned of; what fits is not spoken of."""

import logging
from pathlib import Path

import pytest

from natv2.errors import UserError
from natv2.runs import room
from natv2.runs.room import check_disk, check_memory
from natv2.training.needs import Disk, Memory

GIB = 2**30
NEEDED = Disk(kept=3 * GIB, states=2 * GIB, replaced=GIB)
TRAINING = Memory(least=4 * GIB, most=6 * GIB, what="phase full", change="eps.batch_size (now 9)")


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    progress = tmp_path / "models" / "progress"
    (progress / "resumed").mkdir(parents=True)
    return progress.parent, progress


def disk(folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, free: float, **options: bool) -> None:
    monkeypatch.setattr(room, "free_bytes", lambda folder: int(free * GIB))
    models, progress = folders
    check_disk(NEEDED, models=models, progress=progress, resumed=progress / "resumed", **options)


def test_a_disk(folders, monkeypatch, caplog):
    with pytest.raises(UserError, match=r"models has room for 4\.9 GiB and checkpoints .* take 5\.0: make"):
        disk(folders, monkeypatch, 4.9)
    disk(folders, monkeypatch, 4.9, refuse=False)  # a plan
    assert caplog.text.count("take 6.0") == 1
    disk(folders, monkeypatch, 5.1)
    assert caplog.text.count("take 6.0") == 2
    caplog.clear()
    disk(folders, monkeypatch, 6.0)
    assert not caplog.text


def test_what_is_there_of_a_stopped_run_is_not_needed_again(folders, monkeypatch):
    with (folders[1] / "resumed" / "loop.safetensors").open("wb") as file:
        file.truncate(GIB)  # takes no room
    disk(folders, monkeypatch, 4.0)
    with pytest.raises(UserError, match=r"take 4\.0"):
        disk(folders, monkeypatch, 3.9)


def memory(
    monkeypatch: pytest.MonkeyPatch, *, total: float, used: float = 0, swap: float = 0, ranks: int = 1
) -> None:
    monkeypatch.setattr(room, "memory_limit", lambda: int(total * GIB))
    monkeypatch.setattr(room.psutil, "swap_memory", lambda: Sized(total=int(swap * GIB)))
    monkeypatch.setattr(room.psutil, "Process", lambda: Sized(rss=int(used * GIB)))
    check_memory([TRAINING], "cpu", ranks)


class Sized:
    """What psutil says of swap, or of a process."""

    def __init__(self, **values: int) -> None:
        self.__dict__ |= values

    def memory_info(self) -> "Sized":
        return self


def test_memory(monkeypatch, caplog):
    told = r"phase full: at least 4\.0 GiB of memory are needed, and 3\.0 is there: make eps\.batch_size"
    with pytest.raises(UserError, match=told):
        memory(monkeypatch, total=3)
    memory(monkeypatch, total=3, swap=1)  # slow, but it runs
    assert "up to 6.0 GiB" in caplog.text
    memory(monkeypatch, total=7, used=2)
    assert "up to 8.0 GiB of memory are needed, and 7.0 is there" in caplog.text
    caplog.clear()
    memory(monkeypatch, total=9, used=2)
    assert not caplog.text
    memory(monkeypatch, total=9, used=2, ranks=4)
    assert "up to 9.5 GiB" in caplog.text  # half a GiB a process


def test_memory_of_a_gpu(monkeypatch, caplog):
    monkeypatch.setattr(room, "_gpu_memory", lambda: 3 * GIB)
    with pytest.raises(UserError, match=r"and 3\.0 is free on the GPU: make eps\.batch_size"):
        check_memory([TRAINING], "cuda")
    monkeypatch.setattr(room, "_gpu_memory", lambda: 5 * GIB)
    with caplog.at_level(logging.WARNING):
        check_memory([TRAINING], "cuda")
    assert "up to 6.0 GiB" in caplog.text
