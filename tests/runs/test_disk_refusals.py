"""What a disk refuses is one sentence, and the same command goes on afterwards."""

import errno
import os

import pytest

from natv2.disk import what_to_do


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (errno.ENOSPC, "the disk of /x/y is full: make room"),
        (errno.EDQUOT, "the disk of /x/y is full"),
        (errno.EROFS, "/x/y cannot be used (Read-only file system): allow it"),
        (errno.EACCES, "/x/y cannot be used (Permission denied)"),
        (errno.ENOTDIR, "/x/y: a file is where a folder should be"),
        (errno.ENAMETOOLONG, "the path /x/y is too long"),
    ],
    ids=lambda value: errno.errorcode[value] if isinstance(value, int) else "",
)
def test_what_a_person_is_told(code, told):
    assert what_to_do(OSError(code, os.strerror(code), "/x/y")).startswith(told)


def test_a_run_ends_with_one_sentence_and_goes_on_later(toy, monkeypatch):
    def refuse(epoch: int) -> None:
        if epoch == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/x/y")

    with monkeypatch.context() as patched:
        patched.setattr(toy.registry, "BEFORE_EPOCH", refuse)
        result = toy.run()
    assert result.exit_code == 1
    assert result.output.splitlines()[-1].startswith("Error: the disk of /x/y is full")
    assert "Traceback" not in result.output
    assert toy.run().exit_code == 0
    assert toy.registry.EPOCHS_RUN == [0, 1, 2]


def test_a_file_where_a_folder_should_be(toy):
    (toy.root / "data").mkdir()
    (toy.root / "data/07_model_output").touch()
    result = toy.run()
    assert result.exit_code == 1
    assert "data/07_model_output" in result.output.splitlines()[-1]
    assert "a file is where a folder should be" in result.output.splitlines()[-1]


def test_other_errors_are_not_hidden():
    assert what_to_do(OSError(errno.EBADF, "bad")) is None
    assert what_to_do(OSError("anything")) is None
