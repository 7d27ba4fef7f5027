"""`natv2 clean`: told first, removed on request, and never what a run needs."""

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from filelock import FileLock

from natv2.clean.command import clean, freed_bytes
from tests.clean.test_versions import ARCHIVE, SUPERNET, at, store


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Old versions, a stopped run that reads one of them, one that ended, decoded images."""
    monkeypatch.chdir(tmp_path)
    for number in (1, 2, 3):
        store(tmp_path, SUPERNET, number, record={})
    store(tmp_path, ARCHIVE, 4, record={"facts": {SUPERNET: at(3)}})
    progress = tmp_path / "data/06_models/progress"
    (progress / "ab12").mkdir(parents=True)
    identity = {"inputs": {"narrow.supernet": at(2), "nothing": None}}
    (progress / "ab12/run.json").write_text(json.dumps({"identity": identity}))
    (progress / "ab12.lock").touch()
    (progress / "cd34.closed").mkdir()
    (progress / "cd34.closed/epoch").write_bytes(b"x" * 500)
    images = tmp_path / "data/02_intermediate/photos"
    images.mkdir(parents=True)
    for name in ("a1.pixels", "a1.rows", "a1.parquet", "splits.parquet", ".lock"):
        (images / name).write_bytes(b"x" * 2_000_000)
    (tmp_path / "data/01_raw").mkdir()
    (tmp_path / "data/01_raw/photo.jpg").touch()
    return tmp_path


def run(*options: str) -> Result:
    return CliRunner().invoke(clean, list(options))


def files(project: Path) -> set[str]:
    return {path.relative_to(project).as_posix() for path in project.rglob("*") if path.is_file()}


def test_without_yes_it_says_what_would_go_and_removes_nothing(project: Path) -> None:
    before = files(project)
    for options in ((), ("--unfinished", "--images")):
        result = run(*options)
        assert result.exit_code == 0 and files(project) == before
    assert "old versions: 2, 0.0 MB" in result.output and f"  2 of {SUPERNET}" in result.output
    assert "decoded images: 3, 6.0 MB" in result.output and "stopped runs: 1" in result.output
    assert "would be free; `natv2 clean --yes`" in result.output


def test_with_yes_goes_what_it_says_and_no_more(project: Path) -> None:
    before = files(project)
    assert run("--yes").exit_code == 0
    gone = before - files(project)
    assert {path.partition(at(1))[0] for path in gone if at(1) in path} == {f"{SUPERNET}/"}
    assert {path for path in gone if at(1) not in path} == {"data/06_models/progress/cd34.closed/epoch"}
    assert not files(project) - before  # nor is anything left of removing
    assert "nothing to remove" in run("--yes").output


def test_folders_of_data_that_are_links_to_another_disk_are_cleaned(project: Path, monkeypatch) -> None:
    """The advice where a disk is full; no folder can be renamed from one disk to another."""
    rename = Path.rename

    def on_its_disk(self: Path, target: Path) -> Path:
        assert Path(target).parent.parent == self.parent  # or the systems would say "cross-device link"
        return rename(self, target)

    elsewhere = (project / "data/06_models").rename(project / "another disk")
    (project / "data/06_models").symlink_to(elsewhere)
    monkeypatch.setattr(Path, "rename", on_its_disk)
    result = run("--yes")
    assert result.exit_code == 0 and "old versions: 1" in result.output
    assert not [path for path in elsewhere.rglob("*") if at(1) in path.name or ".removed" in path.name]


def test_on_request_stopped_runs_and_decoded_images_go_but_never_their_splits(project: Path) -> None:
    assert run("--yes", "--unfinished", "--images").exit_code == 0
    left = files(project)
    assert not any("ab12/" in path or at(2) in path or ".pixels" in path for path in left)
    assert {path for path in left if "02_int" in path} == {
        "data/02_intermediate/photos/splits.parquet",
        "data/02_intermediate/photos/.lock",
    }
    assert "data/01_raw/photo.jpg" in left and any(at(3) in path for path in left)


def test_while_a_run_is_open_nothing_is_removed(project: Path) -> None:
    before = files(project)
    with FileLock(project / "data/06_models/progress/ab12.lock"):
        result = run("--yes", "--unfinished")
        assert run().exit_code == 0  # to look is allowed
    assert result.exit_code == 1 and files(project) == before
    assert result.output.startswith("Error: a run is open (") and len(result.output.splitlines()) == 1


def test_a_file_with_another_name_takes_no_room_of_its_own(tmp_path: Path) -> None:
    (one := tmp_path / "one").mkdir()
    (one / "file").write_bytes(b"x" * 100)
    (two := tmp_path / "two").mkdir()
    os.link(one / "file", two / "file")
    (two / "other").write_bytes(b"x" * 10)
    assert (freed_bytes([one]), freed_bytes([two]), freed_bytes([one, two])) == (0, 10, 110)
