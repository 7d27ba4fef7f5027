"""GTSRB, with its final training set."""

from pathlib import Path

import numpy as np

from natv2.images.datasets import DataSet
from natv2.images.listing import Listing


def read_gtsrb(spec: DataSet, folder: Path) -> Listing:
    """GTSRB/Final_Training/Images/<class>/<track>_<number>.ppm, and torchvision's test set.

    torchvision itself reads an earlier training set of 26,640 images; where only that is there, it is
    taken. A track shows one sign coming nearer: its images are a group. Raises FileNotFoundError.
    """
    from torchvision.datasets import GTSRB  # takes seconds

    base = folder / "gtsrb" / "GTSRB"
    final = base / "Final_Training" / "Images"
    root = final if final.is_dir() else base / "Training"
    train = [(path, int(path.parent.name)) for path in sorted(root.glob("*/*.ppm"))]
    if not train:
        raise FileNotFoundError(f"there are no images in {final}")
    try:
        test = [(Path(path), label) for path, label in GTSRB(str(folder), split="test")._samples]
    except RuntimeError as error:
        raise FileNotFoundError(str(error)) from error
    # Tracks are numbered anew in each class.
    tracks = [(label, path.stem.split("_")[0]) for path, label in train]
    numbers = {track: number for number, track in enumerate(dict.fromkeys(tracks))}
    groups = [numbers[track] for track in tracks] + [len(numbers) + n for n in range(len(test))]
    both = train + test
    classes = max(label for _, label in both) + 1
    return Listing(
        samples=tuple(path for path, _ in both),
        names=tuple(path.relative_to(base).as_posix() for path, _ in both),
        labels=np.array([label for _, label in both], dtype=np.int64),
        parts=np.array(["train"] * len(train) + ["test"] * len(test)),
        class_names=tuple(f"{number:02}" for number in range(classes)),
        groups=np.array(groups, dtype=np.int64),
    )
