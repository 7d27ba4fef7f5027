"""All networks of a run, exported, with the table of their files."""

import tempfile
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from natv2.export.comparison import MOST_CALIBRATED, of_images
from natv2.export.config import ExportConfig
from natv2.export.exporting import export_network
from natv2.export.formats import ExportedFiles
from natv2.export.report.table import exports_table
from natv2.export.timing import Rounds
from natv2.finished_network import Classifier
from natv2.images.image_set import ImageSplits


def export_networks(
    networks: Mapping[str, Classifier], images: ImageSplits, config: ExportConfig
) -> tuple[ExportedFiles, pd.DataFrame]:
    """The files of all `networks`, and a row for each network and format.

    They are compared on the validation images and calibrated on the first training images; the test images
    are not looked at.
    """
    rounds = Rounds(warm_up=config.warm_up, repetitions=config.repetitions)
    outcomes = []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for name, classifier in networks.items():
            compared = of_images(images.valid, classifier, f"validation images of {images.name}")
            calibration = of_images(
                images.train, classifier, f"training images of {images.name}", MOST_CALIBRATED
            )
            outcomes += export_network(
                name, classifier, config.formats, folder, compared, calibration, rounds
            )
        files = {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }
    return files, exports_table(outcomes)
