"""Which versions nothing needs: made-up trees, told by a second way."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from natv2.clean.versions import StoredVersion, not_needed, stored_versions
from natv2.recorded import RECORD
from natv2.runs.lineage import Record

SUPERNET, ARCHIVE = "data/06_models/a/supernet.safetensors", "data/07_model_output/a/archive.parquet"


def at(number: int) -> str:
    return f"2026-01-{number:02}T00.00.00.000Z"


def store(project: Path, entry: str, number: int, *, record: dict[str, Any] | None = None) -> Path:
    """A version of an entry, with its record if there is one."""
    folder = project / entry / at(number)
    folder.mkdir(parents=True)
    (folder / Path(entry).name).write_bytes(b"x" * 1000)
    if record is not None:
        whole = {"run": at(number), "facts": {entry: at(number)} | record.pop("facts", {}), **record}
        (folder / RECORD).write_text(json.dumps(whole))
    return folder


def old(project: Path, *read: str) -> list[tuple[str, str]]:
    return [(each.entry, each.version) for each in not_needed(stored_versions(project), read)]


def test_the_newest_stays_and_what_it_was_made_of(tmp_path: Path) -> None:
    for number in (1, 2, 3):
        store(tmp_path, SUPERNET, number, record={})
    store(tmp_path, ARCHIVE, 4, record={"facts": {SUPERNET: at(1)}})
    assert old(tmp_path) == [(SUPERNET, at(2))]
    store(tmp_path, ARCHIVE, 5, record={"facts": {SUPERNET: at(3)}})
    assert old(tmp_path) == [(SUPERNET, at(1)), (SUPERNET, at(2)), (ARCHIVE, at(4))]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"asked": {"seed": 0}}, {"asked": {"seed": 1}}),
        ({"facts": {"training": "fixed"}}, {"facts": {"training": "progressive"}}),
        ({"facts": {"classes of images": ["a", "b"]}}, {"facts": {"classes of images": ["a", "c"]}}),
    ],
)
def test_what_was_made_otherwise_is_no_older_version(tmp_path: Path, one: Any, other: Any) -> None:
    store(tmp_path, SUPERNET, 1, record=dict(one))
    store(tmp_path, SUPERNET, 2, record=dict(other))
    assert old(tmp_path) == []
    store(tmp_path, SUPERNET, 3, record=dict(one))
    assert old(tmp_path) == [(SUPERNET, at(1))]


def test_images_that_have_grown_a_little_are_the_same(tmp_path: Path) -> None:
    for number, mean in ((1, 0.5), (2, 0.505)):
        store(tmp_path, SUPERNET, number, record={"facts": {"mean and deviation of images": [mean, 0.2]}})
    assert old(tmp_path) == [(SUPERNET, at(1))]


def test_what_nobody_knows_of_and_what_a_stopped_run_reads_stays(tmp_path: Path) -> None:
    store(tmp_path, SUPERNET, 1)
    (store(tmp_path, SUPERNET, 2, record={}) / RECORD).write_text("{")
    store(tmp_path, SUPERNET, 3, record={})
    store(tmp_path, SUPERNET, 4, record={})
    store(tmp_path, SUPERNET, 5, record={})
    assert old(tmp_path, at(3)) == [(SUPERNET, at(4))]
    assert old(tmp_path) == [(SUPERNET, at(3)), (SUPERNET, at(4))]


def test_only_versions_of_entries_are_looked_at(tmp_path: Path) -> None:
    for name in ("data/01_raw", "data/02_intermediate"):
        store(tmp_path, f"{name}/a.csv", 1, record={})
        store(tmp_path, f"{name}/a.csv", 2, record={})
    (tmp_path / "data/06_models/a" / at(1)).mkdir(parents=True)  # no entry of its folder's name in it
    assert stored_versions(tmp_path) == []


@settings(max_examples=200)
@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(0, 2), st.lists(st.integers(0, 11), max_size=3)),
        max_size=12,
    )
)
def test_what_goes_has_a_newer_one_alike_and_is_in_no_history(made: list[tuple[str, int, list[int]]]) -> None:
    """Of random trees, where a version is made of earlier ones."""
    versions: list[StoredVersion] = []
    for number, (entry, seed, parents) in enumerate(made):
        history: dict[str, str] = {}
        for parent in (each for each in parents if each < number):  # as records have it: the whole history
            record = versions[parent].record
            assert record is not None
            history |= record.facts
        record = Record(run=at(number + 1), facts={**history, entry: at(number + 1)}, asked={"seed": seed})
        versions.append(StoredVersion(entry, at(number + 1), Path(entry), record))
    versions.sort(key=lambda each: each.entry)
    gone = not_needed(versions, [])
    stays = [each for each in versions if each not in gone]
    for each in gone:
        assert any(
            (newer.entry, newer.record.asked) == (each.entry, each.record.asked)
            and newer.version > each.version
            for newer in versions
            if newer.record and each.record
        )
        assert all(other.record and other.record.facts.get(each.entry) != each.version for other in stays)
    # And no more stays than must: each is the newest of its kind, or another one that stays was made of it.
    newest = {(each.entry, each.record.asked["seed"]): each for each in versions if each.record}
    for each in stays:
        named = any((each.entry, each.version) in other.made_of for other in stays if other is not each)
        assert named or each in newest.values()
