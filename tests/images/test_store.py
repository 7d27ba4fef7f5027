"""Images are decoded once, whatever stops the decoding, and again when their source changes."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from PIL import Image

from natv2.images import chunks, memory, sizes, store
from natv2.images.decode import decode, pixel_limit
from natv2.images.listing import Listing


def listing_of(samples: tuple[Path, ...] | NDArray[np.uint8]) -> Listing:
    count = len(samples)
    return Listing(
        samples=samples,
        names=tuple(f"{number}.png" for number in range(count)),
        labels=np.arange(count) % 2,
        parts=np.full(count, "all"),
        class_names=("a", "b"),
    )


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, ...]:
    """Ten noisy images of 20 x 12 pixels."""
    generator = np.random.default_rng(0)
    paths = tuple(tmp_path / f"{number}.png" for number in range(10))
    for path in paths:
        Image.fromarray(generator.integers(0, 256, (12, 20, 3)).astype(np.uint8)).save(path)
    return paths


@pytest.fixture(autouse=True)
def _small_chunks_kept_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "_SECONDS", 0)
    monkeypatch.setattr(store, "_CHUNK", 3)


def test_files_and_arrays_give_the_same(files: tuple[Path, ...], tmp_path: Path) -> None:
    arrays = np.stack([decode(path, None).pixels for path in files])
    for size in ((20, 12), (8, 8)):
        from_files = store.decode_all(listing_of(files), tmp_path / f"f{size[0]}", size, "x")
        from_arrays = store.decode_all(listing_of(arrays), tmp_path / f"a{size[0]}", size, "x")
        assert np.array_equal(from_files.pixels, from_arrays.pixels)
        assert from_files.pixels.shape == (10, size[1], size[0], 3)
        assert from_files.index[["width", "height"]].drop_duplicates().to_numpy().tolist() == [[20, 12]]
    assert np.array_equal(from_files.pool.permute(0, 2, 3, 1).numpy(), from_files.pixels)


def test_nothing_is_decoded_twice(
    files: tuple[Path, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = store.decode_all(listing_of(files), tmp_path / "s", (8, 8), "x")
    monkeypatch.setattr(chunks, "decode", None)
    again = store.decode_all(listing_of(files), tmp_path / "s", (8, 8), "x")
    assert np.array_equal(first.pixels, again.pixels)
    assert first.index.equals(again.index)
    assert first.fingerprint == again.fingerprint


@pytest.mark.parametrize("survivors", range(10))
def test_a_stopped_decoding_goes_on(
    files: tuple[Path, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, survivors: int
) -> None:
    undisturbed = store.decode_all(listing_of(files), tmp_path / "u", (8, 8), "x")
    seen: list[Path] = []

    def stopping(path: Path, size: tuple[int, int] | None) -> object:
        if files.index(path) == survivors:
            raise KeyboardInterrupt
        return decode(path, size)

    monkeypatch.setattr(chunks, "decode", stopping)
    with pytest.raises(KeyboardInterrupt):
        store.decode_all(listing_of(files), tmp_path / "s", (8, 8), "x")
    done = next((tmp_path / "s").glob("*.rows")).read_text().count("\n")
    kept = min(3 * done, 10)
    # What a power cut leaves: pixels without their line, and half a line.
    with next((tmp_path / "s").glob("*.pixels")).open("ab") as pixels:
        pixels.write(b"torn")
    with next((tmp_path / "s").glob("*.rows")).open("ab") as rows:
        rows.write(b'[[8, 8, "RG')

    def watching(path: Path, size: tuple[int, int] | None) -> object:
        seen.append(path)
        return decode(path, size)

    monkeypatch.setattr(chunks, "decode", watching)
    resumed = store.decode_all(listing_of(files), tmp_path / "s", (8, 8), "x")
    assert np.array_equal(resumed.pixels, undisturbed.pixels)
    assert resumed.index.equals(undisturbed.index)
    # Chunks are kept in their order: none after the one that stopped, and not all before it again.
    assert set(files[survivors:]) <= set(seen)
    assert seen[0] in files[kept:] and len(seen) == 10 - kept


def test_a_changed_source_is_decoded_again_and_the_old_state_deleted(
    files: tuple[Path, ...], tmp_path: Path
) -> None:
    first = store.decode_all(listing_of(files), tmp_path / "s", (8, 8), "x")
    Image.new("RGB", (20, 12), "red").save(files[4])
    os.utime(files[4], (1, 1))
    second = store.decode_all(listing_of(files), tmp_path / "s", (8, 8), "x")
    assert second.fingerprint != first.fingerprint
    assert second.pixels[4].tolist() == [[[255, 0, 0]] * 8] * 8
    assert np.array_equal(np.delete(second.pixels, 4, 0), np.delete(first.pixels, 4, 0))
    assert {path.name.split(".")[0] for path in (tmp_path / "s").glob("*.p*")} == {second.fingerprint}


def test_pixels_that_were_lost_are_decoded_again(files: tuple[Path, ...], tmp_path: Path) -> None:
    first = store.decode_all(listing_of(files), tmp_path / "s", (8, 8), "x")
    (pixels,) = (tmp_path / "s").glob("*.pixels")
    for damage in (pixels.unlink, lambda: pixels.write_bytes(b"short")):
        damage()
        again = store.decode_all(listing_of(files), tmp_path / "s", (8, 8), "x")
        assert np.array_equal(first.pixels, again.pixels)
    table = next((tmp_path / "s").glob("*.parquet"))
    table.unlink()
    table.with_suffix(".rows").write_text("[]\n[]\n")
    pixels.unlink()
    assert np.array_equal(
        first.pixels, store.decode_all(listing_of(files), tmp_path / "s", (8, 8), "x").pixels
    )


def test_files_that_exchange_their_names_are_decoded_again(files: tuple[Path, ...], tmp_path: Path) -> None:
    for path in files[:2]:
        os.utime(path, (1, 1))
        path.write_bytes(path.read_bytes().ljust(2000, b"\0"))
        os.utime(path, (1, 1))
    first = store.decode_all(listing_of(files), tmp_path / "s", (8, 8), "x").pixels
    files[0].rename(tmp_path / "kept.png")
    files[1].rename(files[0])
    (tmp_path / "kept.png").rename(files[1])
    second = store.decode_all(listing_of(files), tmp_path / "s", (8, 8), "x").pixels
    assert np.array_equal(first[[1, 0]], second[:2])


def test_an_unreadable_file_is_named_and_black(files: tuple[Path, ...], tmp_path: Path) -> None:
    files[7].write_bytes(files[7].read_bytes()[:60])
    decoded = store.decode_all(listing_of(files), tmp_path / "s", (8, 8), "x")
    assert (decoded.index["error"] != "").to_numpy().nonzero()[0].tolist() == [7]
    assert not decoded.pixels[7].any()
    assert decoded.pixels[8].any()


def test_what_could_not_be_read_is_tried_again(files: tuple[Path, ...], tmp_path: Path) -> None:
    with pixel_limit(100):
        first = store.decode_all(listing_of(files), tmp_path / "s", (8, 8), "x")
        assert first.index["error"].str.contains("images.max_pixels=100.*240 pixels").all()
        again = store.decode_all(listing_of(files), tmp_path / "s", (8, 8), "x")
        assert again.index.equals(first.index)
    assert (store.decode_all(listing_of(files), tmp_path / "s", (8, 8), "x").index["error"] == "").all()


@pytest.fixture
def deep(tmp_path: Path) -> tuple[Path, ...]:
    """Ten images of 16 bits, each brighter than the one before; the first of 8."""
    paths = tuple(tmp_path / f"deep{number}.png" for number in range(10))
    for number, path in enumerate(paths):
        values = np.full((12, 20), 300 * number, dtype=np.uint16 if number else np.uint8)
        Image.fromarray(values).save(path)
    return paths


def test_more_than_8_bits_have_the_scale_of_the_images_that_tell_it(
    deep: tuple[Path, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known, fewer = (np.arange(10) < count for count in (8, 3))
    first = store.decode_all(listing_of(deep), tmp_path / "s", (8, 8), "x", known)
    assert first.levels == (0, 4095)
    assert first.pixels[:, 0, 0, 0].tolist() == [0, 19, 37, 56, 75, 93, 112, 131, 149, 168]
    monkeypatch.setattr(chunks, "decode", None)
    again = store.decode_all(listing_of(deep), tmp_path / "s", (8, 8), "x", known)
    assert np.array_equal(again.pixels, first.pixels)
    monkeypatch.setattr(chunks, "decode", decode)
    second = store.decode_all(listing_of(deep), tmp_path / "s", (8, 8), "x", fewer)
    assert second.levels == (0, 1023)
    assert second.fingerprint != first.fingerprint
    assert second.pixels[:, 0, 0, 0].tolist() == [0, 75, 150, 224, *[255] * 6]


@pytest.mark.parametrize("kind", ["deep", "files"])
def test_a_store_of_an_earlier_version_serves_where_it_is_right(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    listing = listing_of(request.getfixturevalue(kind))
    new = store.decode_all(listing, tmp_path / "s", (8, 8), "x")
    table = next((tmp_path / "s").glob("*.parquet"))
    columns = ["name", "width", "height", "mode", "digest", "error"]
    pd.read_parquet(table)[columns].to_parquet(table)
    with next((tmp_path / "s").glob("*.pixels")).open("r+b") as pixels:
        pixels.write(b"\1" * 192)
    if kind == "files":
        monkeypatch.setattr(chunks, "decode", None)
    old = store.decode_all(listing, tmp_path / "s", (8, 8), "x")
    assert old.index.equals(new.index)
    assert (old.pixels[0] == 1).all() == (kind == "files")


def test_a_decoding_that_an_earlier_version_began_starts_anew(
    files: tuple[Path, ...], tmp_path: Path
) -> None:
    first = store.decode_all(listing_of(files), tmp_path / "s", (8, 8), "x")
    table, pixels = (next((tmp_path / "s").glob(f"*.{ending}")) for ending in ("parquet", "pixels"))
    table.unlink()
    pixels.write_bytes(bytes(3 * 192))
    table.with_suffix(".rows").write_text('[[20, 12, "RGB", "x", ""]]\n')
    again = store.decode_all(listing_of(files), tmp_path / "s", (8, 8), "x")
    assert np.array_equal(first.pixels, again.pixels)


def test_large_sets_are_mapped_and_small_ones_read(
    files: tuple[Path, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = store.decode_all(listing_of(files), tmp_path / "s", (8, 8), "x")

    class Memory:
        total = 4 * small.pixels.nbytes - 1

    monkeypatch.setattr(memory.psutil, "virtual_memory", Memory)
    large = store.decode_all(listing_of(files), tmp_path / "s", (8, 8), "x")
    assert not isinstance(small.pixels, np.memmap)
    assert isinstance(large.pixels, np.memmap)
    assert np.array_equal(small.pixels, large.pixels)
    large.pixels[:] = 0
    assert store.decode_all(listing_of(files), tmp_path / "s", (8, 8), "x").pixels.any()


def test_own_sizes_are_kept_where_all_have_one(files: tuple[Path, ...]) -> None:
    assert sizes.stored_size(listing_of(files), 20) == (20, 12)
    assert sizes.stored_size(listing_of(files), 16) == (16, 16)
    assert sizes.typical_side(listing_of(files)) == 12
    Image.new("RGB", (9, 30)).save(files[0])
    assert sizes.stored_size(listing_of(files), 40) == (40, 40)
