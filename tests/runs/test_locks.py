"""A lock in the shared temporary folder is nobody else's."""

import os
import tempfile
from pathlib import Path

import pytest

from natv2.errors import UserError
from natv2.runs.experiment import _lock_of
from natv2.runs.locks import own_lock


@pytest.fixture(autouse=True)
def _shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path))


def test_each_user_has_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = own_lock("x.lock")
    assert mine == own_lock("x.lock")
    assert mine.parent.stat().st_mode & 0o777 == 0o700
    assert _lock_of("sqlite:///x").parent == mine.parent
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    with pytest.raises(UserError, match="natv2-12345 is not a folder of your own"):
        own_lock("x.lock")  # made here, so by somebody else
    assert (tmp_path / "natv2-12345").is_dir()


@pytest.mark.parametrize("kind", ["link", "open", "file"])
def test_what_others_can_write_to_is_refused(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / f"natv2-{os.getuid()}"
    if kind == "link":
        (tmp_path / "elsewhere").mkdir(mode=0o700)
        folder.symlink_to(tmp_path / "elsewhere")
    elif kind == "open":
        folder.mkdir()
        folder.chmod(0o777)
    else:
        folder.touch()
    with pytest.raises(UserError, match="is not a folder of your own: delete it, or let TMPDIR name another"):
        own_lock("x.lock")
