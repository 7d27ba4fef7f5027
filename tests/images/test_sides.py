"""A set that grows keeps its splits: what has trained is never tested on."""

import os
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from natv2.errors import UserError
from natv2.images.datasets import Counts
from natv2.images.listing import Listing
from natv2.images.sides import Sides, lasting_split
from natv2.images.splits import split

SHARES = Counts(train=60, valid=20, test=20)


def listing(folder: Path, files: list[str], groups: list[int] | None = None) -> Listing:
    """Two classes, by the first letter; a file's content is its name unless it is there already."""
    for name in files:
        if not (folder / name).exists():
            (folder / name).write_text(name)
    return Listing(
        samples=tuple(folder / name for name in files),
        names=tuple(files),
        labels=np.array(["ab".index(name[0]) for name in files], dtype=np.int64),
        parts=np.full(len(files), "all"),
        class_names=("a", "b"),
        groups=None if groups is None else np.array(groups, dtype=np.int64),
    )


def drawn(tmp_path: Path, images: Listing, share: float | None = None) -> dict[str, str]:
    return dict(zip(images.names, sides(tmp_path, images, share).parts.tolist(), strict=True))


def sides(tmp_path: Path, images: Listing, share: float | None = None) -> Sides:
    return lasting_split(images, SHARES, name="x", seed=0, valid_fraction=share, folder=tmp_path / "store")


def names(count: int, start: int = 0) -> list[str]:
    return [f"{letter}{n}" for letter in "ab" for n in range(start, start + count)]


def test_the_first_draw_is_that_of_split(tmp_path):
    images = listing(tmp_path, names(25))
    expected = split(images, SHARES, name="x", seed=0).tolist()
    assert list(drawn(tmp_path, images).values()) == expected


@pytest.mark.parametrize("steps", [[1] * 10, [20], [3, 0, 7]])
def test_known_images_stay_and_the_shares_hold(tmp_path, steps):
    files = names(20)
    before = drawn(tmp_path, listing(tmp_path, files))
    for step in steps:
        files = sorted(files + names(step, len(files) // 2))
        after = drawn(tmp_path, listing(tmp_path, files))
        assert {name: after[name] for name in before} == before
        before = after
    tested = sum(part == "test" for part in before.values())
    assert abs(tested - 0.2 * len(before)) <= 1


def test_a_renamed_or_copied_or_touched_file_is_the_same_image(tmp_path):
    files = names(20)
    before = drawn(tmp_path, listing(tmp_path, files))
    tested = next(name for name, part in before.items() if part == "test")
    (tmp_path / tested).rename(tmp_path / f"{tested}-renamed")
    (tmp_path / files[-1]).touch()
    now = [f"{name}-renamed" if name == tested else name for name in files]
    after = drawn(tmp_path, listing(tmp_path, now))
    assert after == {
        **{name: part for name, part in before.items() if name != tested},
        f"{tested}-renamed": "test",
    }


def test_what_was_away_comes_back_to_its_side(tmp_path):
    files = names(20)
    before = drawn(tmp_path, listing(tmp_path, files))
    drawn(tmp_path, listing(tmp_path, files[::2]))
    assert drawn(tmp_path, listing(tmp_path, files)) == before


def test_one_test_set_whatever_share_validates(tmp_path):
    files = names(20)
    before = drawn(tmp_path, listing(tmp_path, files), 0.5)
    after = drawn(tmp_path, listing(tmp_path, names(30)), 0.1)
    tested = [{name for name in files if splits[name] == "test"} for splits in (before, after)]
    assert tested[0] == tested[1]
    again = drawn(tmp_path, listing(tmp_path, files), 0.5)
    assert again == before


def test_new_images_of_a_known_group_are_on_its_side(tmp_path):
    files = names(20)
    groups = [n // 2 for n in range(40)]
    before = drawn(tmp_path, listing(tmp_path, files, groups))
    more = files + [f"a{n}" for n in range(100, 120)]
    after = drawn(tmp_path, listing(tmp_path, more, groups + list(range(20))))
    side = {group: before[name] for name, group in zip(files, groups, strict=True)}
    assert [after[name] for name in more[40:]] == [side[group] for group in range(20)]


@given(st.lists(st.integers(-1, 1), min_size=40, max_size=40))
def test_whatever_is_known_stays(known):
    images = Listing(
        samples=tuple(Path(f"{n}.png") for n in range(40)),
        names=tuple(f"{n}.png" for n in range(40)),
        labels=np.array([0, 1, 2, 3] * 10),
        parts=np.full(40, "all"),
        class_names=("a", "b", "c", "d"),
    )
    images = replace(images, labels=np.sort(images.labels))
    earlier = np.array(known, dtype=np.int8)
    earlier[::4], earlier[1::4] = 0, -1  # something is left to train and to validate on
    assigned = split(images, SHARES, name="x", seed=0, earlier={"test": earlier})
    assert (assigned[earlier == 1] == "test").all()
    assert (assigned[earlier == 0] != "test").all()


def test_identical_copies_keep_their_sides(tmp_path):
    files = names(20)
    for name in files[1:6]:
        (tmp_path / name).write_text("the same")
    before = drawn(tmp_path, listing(tmp_path, files))
    assert drawn(tmp_path, listing(tmp_path, files)) == before
    assert drawn(tmp_path, listing(tmp_path, [*files, *names(5, 20)])).items() >= before.items()


def test_copies_of_known_images_are_where_these_are(tmp_path):
    """Whichever comes first by its name: else an image that has trained is tested on as its copy."""
    files = names(20)
    before = drawn(tmp_path, listing(tmp_path, files))
    copies = [f"{name[0]}{prefix}{name}" for name in files for prefix in ("-", "~")]
    for copy in copies:
        (tmp_path / copy).write_text(copy[2:])
    after = drawn(tmp_path, listing(tmp_path, sorted([*files, *copies])))
    assert {name: after[name] for name in files} == before
    assert {copy: after[copy] for copy in copies} == {copy: before[copy[2:]] for copy in copies}


def test_groups_that_earlier_runs_have_torn_are_told_from_too_few_images(tmp_path):
    files = names(20)
    sides = drawn(tmp_path, listing(tmp_path, files))
    apart = {part: [name for name in files if sides[name] == part] for part in ("train", "valid", "test")}
    of = {name: number % 8 for part in apart.values() for number, name in enumerate(part)}
    with pytest.raises(
        UserError, match=r"what has trained is not tested on; add images, or delete splits\.pa"
    ):
        drawn(tmp_path, listing(tmp_path, files, [of[name] for name in files]))


def test_a_file_that_is_gone_is_told_and_one_that_cannot_be_read_is_left_to_decoding(tmp_path):
    files = names(20)
    images = listing(tmp_path, files)
    (tmp_path / files[0]).unlink()
    (tmp_path / files[0]).mkdir()  # no file that can be opened, whoever asks
    assert set(drawn(tmp_path, images)) == set(files)
    (tmp_path / files[0]).rmdir()
    with pytest.raises(UserError, match="is listed and not there"):
        drawn(tmp_path, images)


@pytest.mark.parametrize("damage", ["cut", "other columns"])
def test_damaged_records_are_told(tmp_path, damage):
    images = listing(tmp_path, names(20))
    drawn(tmp_path, images)
    record = tmp_path / "store/splits.parquet"
    if damage == "cut":
        record.write_bytes(b"PAR1")
    else:
        pd.DataFrame({"image": ["x"]}).to_parquet(record)
    with pytest.raises(UserError, match=r"splits\.parquet, which says which images train.*cannot be read"):
        drawn(tmp_path, images)


def test_of_two_groups_that_become_one_nothing_that_has_trained_is_tested_on(tmp_path):
    files = names(20)
    before = drawn(tmp_path, listing(tmp_path, files, list(range(40))))
    tested, trained = (next(n for n in files if before[n] == part) for part in ("test", "train"))
    groups = [0 if name in (tested, trained) else n + 1 for n, name in enumerate(files)]
    after = drawn(tmp_path, listing(tmp_path, files, groups))
    assert after[trained] != "test"
    assert after[tested] == after[trained]


def test_files_that_exchange_their_names_keep_their_sides(tmp_path):
    """Of equal size and time: frames that a camera numbers, of which the first is deleted."""
    files = names(20)
    images = listing(tmp_path, files)
    paths = {path.name: path for path in images.samples}
    for path in paths.values():
        os.utime(path, ns=(10**18, 10**18))
    before = drawn(tmp_path, images)
    numbered = [name for name in files if name[0] == "a" and len(name) == 3]  # names of equal length
    assert len({paths[name].stat().st_size for name in numbered}) == 1
    for name, successor in pairwise(numbered):
        os.replace(paths[successor], paths[name])  # a11 is called a10, and so on
    rest = [name for name in files if name != numbered[-1]]
    left = Listing(
        samples=tuple(paths[name] for name in rest),
        names=tuple(rest),
        labels=np.array(["ab".index(name[0]) for name in rest], dtype=np.int64),
        parts=np.full(len(rest), "all"),
        class_names=("a", "b"),
    )
    after = drawn(tmp_path, left)
    assert len({before[name] for name in numbered}) > 1
    for name, successor in pairwise(numbered):
        assert after[name] == before[successor]


def test_classes_that_exchange_their_names_are_told_and_nothing_else_is(tmp_path):
    images = listing(tmp_path, names(20))
    assert sides(tmp_path, images).changed_classes == ()
    one = replace(images, labels=np.where(np.arange(len(images)) == 0, 1, images.labels))
    assert sides(tmp_path, one).changed_classes == ()  # an error that was mended
    exchanged = replace(images, class_names=("b", "a"))
    assert sides(tmp_path, exchanged).changed_classes == ("a is b", "b is a")
    grown = replace(listing(tmp_path, names(25)), class_names=("b", "a"))
    assert sides(tmp_path, grown).changed_classes == ("a is b", "b is a")  # as long as it is so
    assert sides(tmp_path, images).changed_classes == ()
    renamed = replace(images, class_names=("a", "c"))
    assert sides(tmp_path, renamed).changed_classes == ("b is c",)


def test_a_record_of_an_earlier_version_is_read(tmp_path):
    images = listing(tmp_path, names(20))
    before = drawn(tmp_path, images)
    record = tmp_path / "store/splits.parquet"
    known = pd.read_parquet(record)
    known.drop(columns=["inode", "first class"]).to_parquet(record)
    assert drawn(tmp_path, images) == before
    assert pd.read_parquet(record).equals(known[pd.read_parquet(record).columns])


def test_a_folder_that_was_moved_or_copied_keeps_its_sides(tmp_path):
    files = names(30)
    before = drawn(tmp_path, listing(tmp_path, files))

    def elsewhere(images):
        found = lasting_split(
            images, SHARES, name="x", seed=0, valid_fraction=None, folder=tmp_path / "another place"
        )
        return dict(zip(images.names, found.parts.tolist(), strict=True))

    moved = listing(tmp_path, names(45))  # and grown since
    after = elsewhere(moved)
    assert {name: after[name] for name in files} == before
    assert [after[name] for name in names(45)].count("test") == 18  # a fifth
    # Without the other record they are drawn otherwise: that is no accident.
    alone = lasting_split(moved, SHARES, name="x", seed=0, valid_fraction=None, folder=tmp_path / "y" / "z")
    again = dict(zip(moved.names, alone.parts.tolist(), strict=True))
    assert {name: again[name] for name in files} != before


def test_what_trained_in_any_place_is_not_tested_in_another(tmp_path):
    images = listing(tmp_path, names(30))
    before = drawn(tmp_path, images)
    record = pd.read_parquet(tmp_path / "store/splits.parquet")
    tested = record.assign(**{"test, seed 0": pd.array([1] * len(record), dtype="Int8")})
    for number in range(2):  # whichever of two records is read first
        place = tmp_path / f"{number} other"
        place.mkdir()
        (tested if number else record).to_parquet(place / "splits.parquet")
    (tmp_path / "store/splits.parquet").unlink()
    after = drawn(tmp_path, images)
    assert not {name for name, part in after.items() if part == "test" and before[name] != "test"}


def test_half_of_a_class_is_not_most_of_it(tmp_path):
    images = listing(tmp_path, names(20))
    sides(tmp_path, images)
    own = np.flatnonzero(images.labels == 0)
    half = images.labels.copy()
    half[own[: len(own) // 2]] = 1
    assert sides(tmp_path, replace(images, labels=half)).changed_classes == ()
    half[own[len(own) // 2]] = 1
    assert sides(tmp_path, replace(images, labels=half)).changed_classes == ("a is b",)
