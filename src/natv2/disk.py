"""Room on a disk, and one sentence where it cannot be written to."""

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from natv2.errors import UserError

_FULL = {errno.ENOSPC, errno.EDQUOT}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}
_IN_THE_WAY = {errno.ENOTDIR, errno.EISDIR, errno.EEXIST}


def what_to_do(error: OSError) -> str | None:
    """One sentence on a file or a disk that does not let us, for people; None where it is something else."""
    place = error.filename2 or error.filename
    if error.errno in _FULL:
        return f"the disk{f' of {place}' if place else ''} is full: make room and give the same command again"
    if place is None:
        return None
    if error.errno in _FORBIDDEN:
        return f"{place} cannot be used ({error.strerror}): allow it and give the same command again"
    if error.errno in _IN_THE_WAY:
        return f"{place}: a file is where a folder should be, or a folder where a file; move it away"
    if error.errno == errno.ENAMETOOLONG:
        return f"the path {place} is too long for this disk: use shorter names, or a folder higher up"
    return None


def check_room(folder: Path, needed: int, what: str) -> None:
    """Raise UserError where fewer than `needed` bytes are free in `folder`; `what` takes them."""
    free = free_bytes(folder)
    if needed > free:
        raise UserError(no_room(folder, free, needed, what, "give smaller resolutions, or more room"))


def no_room(folder: Path, free: int, needed: int, what: str, instead: str) -> str:
    """A sentence for people: `what` takes `needed` bytes in `folder`, and `free` are there."""
    return f"{folder} has room for {free / 2**30:,.1f} GiB and {what} take {needed / 2**30:,.1f}: {instead}"


def free_bytes(folder: Path) -> int:
    """Bytes that this user may still write into `folder`."""
    return shutil.disk_usage(folder).free


def folder_bytes(folder: Path) -> int:
    """Bytes of all files in `folder`: 0 where there is none."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Raise UserError instead of OSError where what is done within finds `folder` full or closed."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise UserError(
                f"the disk of {folder} is full: make room and run the same command again, or make it a link "
                "to a folder on another disk"
            ) from None
        if error.errno in _FORBIDDEN:
            raise UserError(
                f"{error.filename or folder} cannot be written to ({error.strerror}): allow it, or make "
                f"{folder} a link to a folder of your own"
            ) from None
        raise


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Make `folder`, and be the only run in it. Raises UserError where that cannot be written to."""
    lock = FileLock(folder / ".lock")
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
