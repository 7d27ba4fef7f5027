"""What takes long to make, made once for all workers of a test run."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock


def shared_folder(tmp_path_factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """This worker's own copy of a folder called `name`, which `make` fills for whoever comes first."""
    base = tmp_path_factory.getbasetemp()
    common = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    original, made = common / f"shared_{name}", common / f"shared_{name}.made"
    with FileLock(f"{original}.lock"):
        if not made.exists():
            shutil.rmtree(original, ignore_errors=True)
            make(original)
            made.touch()
    copy = tmp_path_factory.mktemp(name) / name
    copy_tree(original, copy)
    return copy


def copy_tree(source: Path, target: Path) -> None:
    """Copy a folder; what are two names of one file are so in the copy too."""
    copies: dict[int, str] = {}

    def copy_file(file: str, place: str) -> None:
        inode = os.stat(file).st_ino
        if inode in copies:
            os.link(copies[inode], place)
        else:
            copies[inode] = place
            shutil.copy2(file, place)

    shutil.copytree(source, target, copy_function=copy_file)
