"""Pairs of the same picture: those a naive search finds, and pictures saved or scaled again."""

from io import BytesIO

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from natv2.images import duplicates
from natv2.images.duplicates import exact_pairs, near_pairs

SPLITS = ("train", "valid", "test")


def pictures(count: int, side: int = 32, seed: int = 0) -> NDArray[np.uint8]:
    """Smooth random pictures, as photographs are."""
    coarse = np.random.default_rng(seed).integers(0, 256, (count, 6, 6, 3)).astype(np.uint8)
    large = [Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC) for image in coarse]
    return np.stack([np.asarray(image) for image in large])


def saved_again(pixels: NDArray[np.uint8], quality: int = 90) -> NDArray[np.uint8]:
    content = BytesIO()
    Image.fromarray(pixels).save(content, "JPEG", quality=quality)
    return np.asarray(Image.open(content))


def scaled(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(Image.fromarray(pixels).resize((40, 40)).resize((64, 64)))


def brighter(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return (pixels * 0.6 + 80).astype(np.uint8)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(SPLITS)), max_size=12))
def test_exact_pairs_join_all_that_a_naive_search_joins(images: list[tuple[str, str]]) -> None:
    digests = pd.Series([digest for digest, _ in images], dtype=str)
    splits = pd.Series([split for _, split in images], dtype=str)
    pairs = {tuple(pair) for pair in exact_pairs(digests, splits).tolist()}
    naive = {
        (i, j)
        for j, (digest, split) in enumerate(images)
        for i, (other, its) in enumerate(images[:j])
        if digest == other and split != its
    }
    assert pairs <= naive
    assert {row for pair in pairs for row in pair} == {row for pair in naive for row in pair}


@pytest.mark.parametrize("change", [saved_again, scaled, brighter])
def test_a_picture_changed_a_little_is_found_across_splits(change) -> None:
    originals = pictures(60, side=64)
    pixels = np.concatenate([originals, np.stack([change(image) for image in originals[:20]])])
    splits = pd.Series(["train"] * 60 + ["test"] * 20)
    found = near_pairs(pixels, np.arange(80), splits)
    assert found.all_found
    assert {tuple(pair) for pair in found.pairs.tolist()} == {(k, 60 + k) for k in range(20)}


def test_pairs_within_a_split_are_no_matter() -> None:
    pixels = np.repeat(pictures(10), 2, axis=0)
    assert len(near_pairs(pixels, np.arange(20), pd.Series(["train"] * 20)).pairs) == 0


@settings(max_examples=25)
@given(st.integers(0, 1000))
def test_it_finds_what_comparing_all_finds(seed: int) -> None:
    generator = np.random.default_rng(seed)
    base = pictures(12, seed=seed)
    noisy = base[generator.integers(0, 12, 30)].astype(int) + generator.integers(-9, 10, (30, 32, 32, 3))
    pixels = np.concatenate([base, noisy.clip(0, 255).astype(np.uint8)])
    splits = pd.Series(generator.choice(SPLITS, len(pixels)))
    hashes, thumbnails = duplicates._looks(pixels, np.arange(len(pixels)))
    naive = {
        (i, j)
        for j in range(len(pixels))
        for i in range(j)
        if splits[i] != splits[j]
        and int(hashes[i] ^ hashes[j]).bit_count() <= 3
        and np.abs(thumbnails[i] - thumbnails[j]).mean() <= 0.05
    }
    found = near_pairs(pixels, np.arange(len(pixels)), splits)
    assert found.all_found
    assert {tuple(pair) for pair in found.pairs.tolist()} == naive


def test_only_the_rows_asked_for_are_looked_at() -> None:
    pixels = np.concatenate([np.zeros((3, 32, 32, 3), np.uint8), pictures(5), pictures(5)])
    found = near_pairs(pixels, np.arange(3, 13), pd.Series(["train"] * 5 + ["test"] * 5))
    assert found.pairs.tolist() == [[3 + k, 8 + k] for k in range(5)]


def test_plain_images_are_near_to_nothing() -> None:
    levels = np.arange(0, 250, 25, dtype=np.uint8)
    pixels = np.broadcast_to(levels[:, None, None, None], (10, 32, 32, 3)).copy()
    pixels[1::2, ..., 2] = 0
    assert len(near_pairs(pixels, np.arange(10), pd.Series(["train", "test"] * 5)).pairs) == 0


def test_the_size_of_a_chunk_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = pictures(10)
    hashes, thumbnails = duplicates._looks(pixels, np.arange(10))
    monkeypatch.setattr(duplicates, "_CHUNK_BYTES", 3 * pixels[0].nbytes + 1)
    again, small = duplicates._looks(pixels, np.arange(10))
    assert np.array_equal(hashes, again)
    assert np.allclose(thumbnails, small, atol=1e-5)


def test_a_set_of_like_images_does_not_take_for_ever() -> None:
    pixels = np.repeat(pictures(1, side=8), 2000, axis=0)
    found = near_pairs(pixels, np.arange(2000), pd.Series(["train", "test"] * 1000))
    assert not found.all_found
    assert 0 < len(found.pairs) <= 64 * 2000
