"""A disk that is full, read only or somebody else's is one sentence, and what was good stays."""

import errno
import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from natv2 import disk
from natv2.disk import check_room, locked, writing
from natv2.errors import UserError
from natv2.images import chunks, loading, store
from natv2.images.loading import find_images, load_images
from tests.images.test_loading import make_folder
from tests.images.test_store import listing_of


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (errno.ENOSPC, "the disk of .*here is full: make room and run the same command again"),
        (errno.EDQUOT, "the disk of .*here is full"),
        (errno.EACCES, r"a\.txt cannot be written to \(Permission denied\): allow it, or make .*here a link"),
        (errno.EROFS, r"a\.txt cannot be written to \(Read-only file system\)"),
    ],
)
def test_what_a_disk_refuses_is_one_sentence(tmp_path: Path, number: int, message: str) -> None:
    with pytest.raises(UserError, match=message), writing(tmp_path / "here"):
        raise OSError(number, os.strerror(number), "a.txt")


def test_other_errors_are_not_the_disks(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), writing(tmp_path):
        (tmp_path / "nothing").read_bytes()


def test_room_is_asked_for_before_the_first_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arrays = np.zeros((1000, 8, 8, 3), dtype=np.uint8)
    monkeypatch.setattr(chunks, "decode", None)
    for free, fits in ((1000 * 192, False), (1000 * (192 + store._FACTS), True)):
        monkeypatch.setattr(disk.shutil, "disk_usage", lambda folder, free=free: SimpleNamespace(free=free))
        if fits:
            store.decode_all(listing_of(arrays), tmp_path / "s", (8, 8), "x")
        else:
            with pytest.raises(UserError, match=r"has room for 0\.0 GiB and the decoded images take"):
                store.decode_all(listing_of(arrays), tmp_path / "s", (8, 8), "x")
            assert not list((tmp_path / "s").glob("*.pixels"))
    with pytest.raises(UserError, match="and it take"):
        check_room(tmp_path, 10**9, "it")


def test_a_disk_that_fills_while_decoding_leaves_the_earlier_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = (np.full((9, 8, 8, 3), value, dtype=np.uint8) for value in (1, 2))
    store.decode_all(listing_of(old), tmp_path / "s", (8, 8), "x")

    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(store, "keep", full)
    with pytest.raises(UserError, match=r"the disk of .* is full"):
        store.decode_all(listing_of(new), tmp_path / "s", (8, 8), "x")
    monkeypatch.setattr(store, "_decode", None)
    assert (store.decode_all(listing_of(old), tmp_path / "s", (8, 8), "x").pixels == 1).all()


def test_a_store_on_a_disk_that_is_only_read_serves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = make_folder(tmp_path / "photos", per_class=8)
    first = load_images("folder", root, tmp_path / "store")

    def closed(*arguments: object, **options: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    for look in (tmp_path / "store").rglob("*.json"):
        look.unlink()
    monkeypatch.setattr(disk.FileLock, "acquire", closed)
    monkeypatch.setattr(loading, "write_bytes", closed)
    monkeypatch.setattr(os, "access", lambda *arguments: False)
    assert load_images("folder", root, tmp_path / "store").report == first.report
    with pytest.raises(UserError, match=r"elsewhere.* cannot be written to"):
        load_images("folder", root, tmp_path / "elsewhere")
    with pytest.raises(UserError, match="raw cannot be written to"):
        find_images("cifar10", tmp_path / "raw")


def test_only_one_run_is_in_a_folder(tmp_path: Path) -> None:
    with locked(tmp_path / "s"):
        assert (tmp_path / "s" / ".lock").exists()
    with locked(tmp_path / "s"):
        pass
