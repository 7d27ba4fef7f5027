"""A data set from its raw files to its three splits."""

import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from pydantic import ValidationError

from natv2.atomic import write_bytes
from natv2.disk import locked, writing
from natv2.errors import UserError
from natv2.images.datasets import DATASETS, Counts, DataSet, Sizes
from natv2.images.decode import pixel_limit
from natv2.images.fetch import fetch, unpack
from natv2.images.image_set import ImageSet, ImageSplits, channel_statistics
from natv2.images.listing import SPLITS, Listing
from natv2.images.look import LOOK, ImageReport
from natv2.images.looking import make_report
from natv2.images.readers import READERS
from natv2.images.sides import Sides, lasting_split
from natv2.images.sizes import stored_size, typical_side
from natv2.images.splits import changing_share, split, thinned
from natv2.images.store import Decoded, decode_all

_MARGIN = 9 / 8  # images are kept this much larger than the largest resolution, for crops
_SMALLEST, _LARGEST = 32, 128  # of the derived resolutions; larger ones can be asked for
_SHOWN = 10
_LONGEST_NAME = 60  # characters of a folder that its set is called after


def load_images(
    name: str,
    raw: Path,
    store: Path,
    *,
    seed: int = 0,
    resolution: int | None = None,
    valid_fraction: float | None = None,
    per_class: int | None = None,
    flip: bool | None = None,
    skip_unreadable: bool = False,
    max_pixels: int = 250_000_000,
) -> ImageSplits:
    """The data set called `name`, whose raw files are in (or go to) `raw`, decoded once into `store`.

    `raw` is the folder of a named set or of a person's own images, or the file of a table. `resolution`
    is the largest that batches will be made at (None: the largest that suits the set), `valid_fraction`
    the validating share of the images that are not tested on, where the set comes without a validation
    split; `per_class` leaves at most so many training and as many validation images of each class, for a
    quick try; `flip` says whether half of the training images are mirrored; None leaves it as in
    datasets.yml. Images of more than `max_pixels` are unreadable. Raises UserError on an unknown name, on
    raw files that are missing, damaged or not what they should be, and on unreadable images unless
    `skip_unreadable`.
    """
    spec, title = data_set(name), set_name(name, raw)
    with pixel_limit(max_pixels):
        listing = find_images(name, raw)
        sizes = spec.resolutions if spec.classes is not None else derived_sizes(typical_side(listing))
        largest = resolution or max(sizes.trained + sizes.searched)
        side = 8 * round(largest * _MARGIN / 8)
        if valid_fraction is not None and "valid" in listing.parts:
            remark = f"has its own validation images: images.valid_fraction={valid_fraction} changes nothing"
            listing = replace(listing, remarks=(*listing.remarks, remark))
        share = changing_share(listing, spec.counts, valid_fraction)
        # A person's images may become more.
        draw = partial(lasting_split, folder=store / title) if spec.classes is None else _named_split
        assigned, changed = draw(listing, spec.counts, name=name, seed=seed, valid_fraction=share)
        if changed:
            listing = replace(listing, remarks=(*listing.remarks, _renamed(changed)))
        listing = replace(listing, remarks=(*listing.remarks, *_borrowed(listing, assigned)))
        scaling = assigned != "test"
        if per_class is not None:
            assigned = thinned(assigned, listing.labels, per_class, seed)
        folder = store / title / f"{side}px"
        decoded = decode_all(listing, folder, stored_size(listing, side), title, scaling)
    readable = _readable(title, decoded, skip_unreadable)
    parts = {part: _part(decoded, listing, readable & (assigned == part)) for part in SPLITS}
    index = decoded.index.assign(label=listing.labels, split=np.where(readable, assigned, ""))
    _check_parts(title, parts)
    report = _report(title, spec, folder, decoded, index, listing, parts["train"])
    fixed = spec.normalisation or report
    augmentation = spec.augmentation if flip is None else replace(spec.augmentation, flip=flip)
    return ImageSplits(
        name=report.name,
        class_names=listing.class_names,
        mean=fixed.mean,
        std=fixed.std,
        augmentation=augmentation,
        sizes=sizes,
        levels=decoded.levels,
        valid_fraction=share,
        changed_classes=changed,
        report=report,
        index=index,
        train=parts["train"],
        valid=parts["valid"],
        test=parts["test"],
    )


def _named_split(listing: Listing, counts: Counts, **draw: Any) -> Sides:
    return Sides(split(listing, counts, **draw), ())


def _renamed(changed: Sequence[str]) -> str:
    return (
        f"classes are not what they were when most of their images were first seen ({', '.join(changed)}): "
        "what was trained before has learned the names of then"
    )


def data_set(name: str) -> DataSet:
    """The row of DATASETS called `name`. Raises UserError on an unknown one."""
    if name not in DATASETS:
        raise UserError(f"unknown data set {name!r}; known: {', '.join(DATASETS)}")
    return DATASETS[name]


def set_name(name: str, raw: Path) -> str:
    """What runs on this set are filed under: a person's own sets are told apart by their places."""
    if data_set(name).classes is not None:
        return name
    place = hashlib.blake2b(str(raw.resolve()).encode(), digest_size=4).hexdigest()
    own = raw.resolve()
    readable = re.sub(r"[^\w.-]+", "_", own.stem if own.is_file() else own.name)  # for the names of files
    return f"{readable[:_LONGEST_NAME]}-{place}"


def find_images(name: str, raw: Path) -> Listing:
    """What `raw` holds of the set called `name`, unpacked or fetched where it must be; nothing is decoded.

    Raises UserError on an unknown name, and on raw files that are missing or wrong.
    """
    spec = data_set(name)
    read = READERS[spec.reader]
    try:
        return _checked(spec, read(spec, raw))
    except FileNotFoundError as error:
        if spec.classes is None:
            raise UserError(f"{error}; give it as data_path (or source_path)") from None
    if raw.is_file():
        raise UserError(f"{raw} is a file, but {name} is looked for in a folder; give the one it is in")
    with locked(raw):  # two runs on a fresh machine fetch one after the other
        if unpack(spec, raw):
            with suppress(FileNotFoundError):  # what was unpacked may not be all
                return _checked(spec, read(spec, raw))
        fetch(name, spec, raw)
        try:
            return _checked(spec, read(spec, raw))
        except FileNotFoundError as error:
            raise UserError(f"{name} is incomplete in {raw}: {error}") from None


def derived_sizes(side: int) -> Sizes:
    """Elastic resolutions for images of `side` pixels: up to five from three quarters of it, in steps of 4.

    As the thesis's 48 to 64 for images of 64 pixels (Figure 6.1); at least 24, at most 128.
    """
    largest = min(max(side, _SMALLEST), _LARGEST)
    searched = tuple(dict.fromkeys(4 * round(largest * share / 64) for share in (12, 13, 14, 15, 16)))
    return Sizes(trained=searched[::-2][::-1], searched=searched)


def _checked(spec: DataSet, listing: Listing) -> Listing:
    """`listing` with a remark where it is not the whole official set."""
    official = spec.counts.train + spec.counts.valid + spec.counts.test
    if spec.classes is None or (len(listing), len(listing.class_names)) == (official, spec.classes):
        return listing
    remark = (
        f"this is not the whole set: {len(listing):,} images of {len(listing.class_names)} classes instead "
        f"of {official:,} of {spec.classes}; figures cannot be compared with published ones"
    )
    return replace(listing, remarks=(*listing.remarks, remark))


def _borrowed(listing: Listing, assigned: NDArray[np.str_]) -> list[str]:
    """That a set which comes split has no test images, and how many of its training images test instead."""
    if "train" not in listing.parts or "test" in listing.parts:
        return []
    tested, trained = int((assigned == "test").sum()), int((listing.parts == "train").sum())
    share = f"{tested:,} of the {trained:,} training images ({tested / trained:.0%})"
    return [f"there are no test images: {share} are tested on instead"]


def _readable(name: str, decoded: Decoded, skip: bool) -> NDArray[np.bool_]:
    errors = decoded.index["error"]
    readable: NDArray[np.bool_] = (errors == "").to_numpy()
    if not readable.all() and not skip:
        wrong = decoded.index[~readable]
        shown = "; ".join(f"{row.name} ({row.error})" for row in wrong[:_SHOWN].itertuples(index=False))
        more = f"; and {len(wrong) - _SHOWN:,} more" if len(wrong) > _SHOWN else ""
        raise UserError(
            f"{len(wrong):,} of the {len(errors):,} images of {name} cannot be read: {shown}{more}. Mend or "
            "delete them, or leave them out with --params images.skip_unreadable=true"
        )
    return readable


def _check_parts(name: str, parts: Mapping[str, ImageSet]) -> None:
    for part, images in parts.items():
        if not len(images):
            raise UserError(f"{name} has no readable image in its split '{part}'")


def _part(decoded: Decoded, listing: Listing, chosen: NDArray[np.bool_]) -> ImageSet:
    positions = np.flatnonzero(chosen)
    return ImageSet(
        decoded.pool,
        torch.from_numpy(listing.labels[positions]),
        torch.from_numpy(positions),
        torch.from_numpy(positions),
    )


def _report(
    name: str,
    spec: DataSet,
    folder: Path,
    decoded: Decoded,
    index: pd.DataFrame,
    listing: Listing,
    train: ImageSet,
) -> ImageReport:
    """The look at the images that was taken when they were first split like this, or a new one."""
    state = hashlib.blake2b(f"{LOOK} {listing.class_names}".encode(), digest_size=8)
    state.update(listing.labels.tobytes())
    state.update("\n".join(index["split"]).encode())
    mark = state.hexdigest()
    kept = folder / f"{decoded.fingerprint}.{mark}.json"
    if kept.exists():
        with suppress(ValidationError):  # a damaged file is no look
            known = ImageReport.model_validate_json(kept.read_text(encoding="utf-8"))
            # What lies beside the images may change, and neither the look nor a run that resumes with it.
            return known.model_copy(update={"remarks": listing.remarks})
    mean, std = channel_statistics(train)
    report = make_report(
        name=name,
        title=spec.title,
        fingerprint=f"{decoded.fingerprint}.{mark}",
        index=index,
        pixels=decoded.pixels,
        class_names=listing.class_names,
        mean=mean,
        std=std,
        remarks=listing.remarks,
        levels=decoded.levels,
    )
    if os.access(folder, os.W_OK):  # else it is taken again in each run
        with writing(folder):
            write_bytes(kept, report.model_dump_json(indent=2).encode())
    return report
