"""The archive as a value."""

import io
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from natv2.errors import UserError
from natv2.search.archive import Archive, is_among
from natv2.search.moo.survival import best_first
from natv2.spaces.space import SearchSpace

Maker = Callable[..., Archive]
OBJECTIVES = ("macs", "accuracy")


@pytest.mark.parametrize("objectives", [("accuracy",), OBJECTIVES, ("params", "accuracy", "macs")])
@pytest.mark.parametrize("count", [0, 1, 7, 30])
def test_substitute_keeps_the_size_and_drops_the_worst(
    make_archive: Maker, objectives: tuple[str, ...], count: int
) -> None:
    archive, candidates = make_archive(30), make_archive(30, seed=1, turn=4).take(np.arange(count))
    result = archive.substitute(candidates, objectives, seed=2)
    assert len(result) == len(archive)
    assert len(np.unique(result.codes, axis=0)) == len(archive)
    assert result.contains(candidates.codes).all()
    worst = best_first(archive.costs(objectives), seed=2)[len(archive) - count :]
    gone = ~result.contains(archive.codes)
    assert sorted(np.flatnonzero(gone)) == sorted(worst)
    assert (result.values.turn == 4).sum() == count
    assert len(archive) == 30 and (archive.values.turn == 0).all()


def test_what_is_there_or_too_much_is_refused(make_archive: Maker) -> None:
    archive = make_archive(5)
    with pytest.raises(ValueError, match="already in the archive"):
        archive.substitute(archive.take(np.array([1])), OBJECTIVES, seed=0)
    with pytest.raises(ValueError, match="6 candidates for an archive of 5"):
        archive.substitute(make_archive(6, seed=1), OBJECTIVES, seed=0)
    with pytest.raises(ValueError, match="twice"):
        archive.grow(archive.take(np.array([2])))


def test_grow_top_and_accuracy(make_archive: Maker) -> None:
    archive, others = make_archive(6), make_archive(3, seed=1, turn=1)
    grown = archive.grow(others)
    np.testing.assert_array_equal(grown.codes, np.concatenate([archive.codes, others.codes]))
    assert grown.values.turn.tolist() == [0] * 6 + [1] * 3
    assert (
        grown.top(4, ("accuracy",), seed=0).values.accuracy.tolist() == sorted(grown.values.accuracy)[:4:-1]
    )
    again = grown.with_tested(pd.DataFrame({"accuracy": np.linspace(0, 1, 9)}))
    np.testing.assert_allclose(again.costs(("accuracy",))[:, 0], np.linspace(1, 0, 9))
    pd.testing.assert_series_equal(again.values.macs, grown.values.macs)
    assert grown.values.accuracy.max() < 1


def test_costs_stand_in_the_users_order(make_archive: Maker) -> None:
    archive = make_archive(8)
    expected = np.stack([archive.values.macs, 1 - archive.values.accuracy], axis=1)
    np.testing.assert_array_equal(archive.costs(("macs", "accuracy")), expected)
    np.testing.assert_array_equal(archive.costs(("accuracy", "macs")), expected[:, ::-1])


def test_frame_round_trip_through_text(make_archive: Maker, space: SearchSpace) -> None:
    archive = make_archive(5).grow(make_archive(2, seed=1, turn=3))
    text = archive.to_frame().to_csv(index=False)
    back = Archive.from_frame(pd.read_csv(io.StringIO(text)), space)
    pd.testing.assert_frame_equal(back.to_frame(), archive.to_frame())


def test_foreign_frames_are_refused(make_archive: Maker, space: SearchSpace) -> None:
    frame = make_archive(5).to_frame()
    last = f"v{space.variables - 1:02}"
    wrong = {
        "macs is missing": frame.drop(columns="macs"),
        "v03 is missing": frame.drop(columns="v03"),
        "variables": frame.assign(v99=1),
        "value 999": frame.assign(**{last: 999}),
        "twice": pd.concat([frame, frame]),
    }
    for reason, bad in wrong.items():
        with pytest.raises(UserError, match=reason):
            Archive.from_frame(bad, space)
    stage = [f"v{space.first_level + block:02}" for block in range(4)]
    with pytest.raises(UserError, match="not canonical"):
        Archive.from_frame(frame.assign(**dict(zip(stage, (1, 1, 0, 1), strict=True))), space)


def test_nobody_changes_an_archive_from_outside(make_archive: Maker) -> None:
    archive = make_archive(3)
    with pytest.raises(ValueError, match="read-only"):
        archive.codes[0, 0] = 1
    frame = archive.to_frame()
    frame["macs"] = 0
    assert (archive.values.macs > 0).all()


def test_is_among_row_by_row() -> None:
    others = np.array([[1, 2], [3, 4]])
    assert is_among(np.array([[3, 4], [1, 4], [2, 1]]), others).tolist() == [True, False, False]
    assert is_among(np.asfortranarray(others), others).tolist() == [True, True]
    assert is_among(others, others[:0]).tolist() == [False, False]
