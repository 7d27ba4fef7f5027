"""A look at the decoded images of a data set."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from natv2.images.duplicates import exact_pairs, near_pairs
from natv2.images.levels import Levels
from natv2.images.listing import SPLITS
from natv2.images.look import ImageReport, Named, Pairs

_LISTED = 200  # pairs that are kept by name; all are counted
_SIZES = 50  # of which it is kept how many images have them


def make_report(
    *,
    name: str,
    title: str,
    fingerprint: str,
    index: pd.DataFrame,
    pixels: NDArray[np.uint8],
    class_names: Sequence[str],
    mean: tuple[float, float, float],
    std: tuple[float, float, float],
    remarks: Sequence[str],
    levels: Levels | None = None,
) -> ImageReport:
    """Look at decoded images: `pixels` uint8 (N, H, W, 3), `index` a row for each.

    Columns of `index`: name, label (of `class_names`), split ("" where an image is in none), and as they
    came width, height, mode, digest of the content, pages, low (missing but in more than 8 bits, which
    `levels` scaled), error ("" where it was read).
    """
    used = index[index["split"] != ""]
    rows = used.index.to_numpy(dtype=np.int64)
    near = near_pairs(pixels, rows, used["split"])
    exact = rows[exact_pairs(used["digest"], used["split"])]
    contradictions = rows[exact_pairs(used["digest"], used["label"])]
    # The same image is nearly the same picture too: it is said once.
    digests = pd.factorize(index["digest"])[0][near.pairs]
    nearly = near.pairs[digests[:, 0] != digests[:, 1]]
    unreadable = index[index["error"] != ""]
    sizes = (used["width"].astype(str) + " x " + used["height"].astype(str)).value_counts()
    return ImageReport(
        name=name,
        title=title,
        fingerprint=fingerprint,
        stored_size=f"{pixels.shape[2]} x {pixels.shape[1]}",
        counts=_counts(used, class_names),
        sizes={str(size): int(count) for size, count in sizes[:_SIZES].items()},
        width=_extent(used["width"]),
        height=_extent(used["height"]),
        modes={str(mode): int(count) for mode, count in used["mode"].value_counts().items()},
        levels=levels,
        deep=int(used["low"].notna().sum()),
        several_pages=tuple(used.loc[used["pages"] > 1, "name"]),
        mean=mean,
        std=std,
        unreadable=tuple(zip(unreadable["name"], unreadable["error"], strict=True)),
        duplicates=_pairs(index, exact, class_names),
        near_duplicates=_pairs(index, nearly, class_names, all_found=near.all_found),
        contradictions=_pairs(index, contradictions, class_names),
        remarks=tuple(remarks),
    )


def _counts(used: pd.DataFrame, class_names: Sequence[str]) -> dict[str, dict[str, int]]:
    table = {
        split: np.bincount(used.loc[used["split"] == split, "label"], minlength=len(class_names))
        for split in SPLITS
    }
    return {
        name: {split: int(table[split][label]) for split in SPLITS} for label, name in enumerate(class_names)
    }


def _extent(values: pd.Series) -> tuple[int, int, int]:
    smallest, median, largest = np.percentile(values.to_numpy(dtype=np.int64), [0, 50, 100])
    return int(smallest), int(median), int(largest)


def _pairs(
    index: pd.DataFrame, pairs: NDArray[np.int64], class_names: Sequence[str], *, all_found: bool = True
) -> Pairs:
    labels = index["label"].to_numpy(dtype=np.int64)

    def named(row: int) -> Named:
        label = class_names[labels[row]]
        return Named(name=index.at[row, "name"], split=index.at[row, "split"], label=label, row=row)

    listed = tuple((named(one), named(other)) for one, other in pairs[:_LISTED].tolist())
    return Pairs(count=len(pairs), all_found=all_found, listed=listed)
