"""Locks that lie outside of a project: each person's are their own."""

import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from natv2.errors import UserError


def own_lock(name: str) -> Path:
    """A file in a folder of the temporary one that only this user may write to.

    In the shared folder itself, others could put a link there first, or be shut out by a file of ours. Raises
    UserError where the folder belongs to someone else.
    """
    folder = Path(tempfile.gettempdir()) / f"natv2-{os.getuid()}"
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o022:
        raise UserError(f"{folder} is not a folder of your own: delete it, or let TMPDIR name another folder")
    return folder / name
