"""`natv2 export`: finished networks in their files, exported without a project and without Kedro."""

import logging
import sys
from pathlib import Path

import click

from natv2.errors import UserError
from natv2.export.formats import FORMATS, check_formats, check_installed


def _formats(context: click.Context, parameter: click.Parameter, value: str) -> tuple[str, ...]:
    return check_formats([name.strip() for name in value.split(",") if name.strip()])


@click.command(name="export")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@click.option(
    "--to",
    "formats",
    required=True,
    callback=_formats,
    help=f"Formats, separated by commas: {', '.join(FORMATS)}.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="A folder; each network gets one in it.",
)
@click.option(
    "--images",
    type=click.Path(path_type=Path),
    help="A folder of images to compare on, best in a folder for each class; else made-up ones are.",
)
@click.option(
    "--calibrate",
    type=click.Path(path_type=Path),
    help="A folder of training images for onnx_int8; else those that are compared on.",
)
@click.option(
    "--build",
    metavar="PACKAGE.MODULE:FUNCTION",
    help="What builds a network of your own for a number of classes.",
)
def export(
    files: tuple[Path, ...],
    formats: tuple[str, ...],
    out: Path,
    images: Path | None,
    calibrate: Path | None,
    build: str | None,
) -> None:
    """Export finished networks, FILE.safetensors each, and certify that they are still the same.

    Beside each file stands its certificate. What is not the same is set aside, in the folder `failed`, and
    the exit code is 1. Paths are relative to the working directory.
    """
    check_installed(formats)
    names = [file.stem for file in files]
    for name in names:
        if names.count(name) > 1:
            raise UserError(
                f"{names.count(name)} files are called {name}: export each to a folder of its own"
            )
    logging.getLogger("natv2").setLevel(logging.INFO)
    if not logging.getLogger().handlers:
        logging.basicConfig(format="%(message)s", stream=sys.stdout)
    failed = sum(_export(file, formats, out, images, calibrate, build) for file in files)
    if failed:
        raise UserError(f"{failed} of {len(files) * len(formats)} exports are not their networks; see above")


def _export(
    file: Path,
    formats: tuple[str, ...],
    out: Path,
    images: Path | None,
    calibrate: Path | None,
    build: str | None,
) -> int:
    """Export one network; gives how many formats failed."""
    from natv2 import load_network  # loads torch
    from natv2.export.comparison import of_folder, synthetic
    from natv2.export.exporting import export_network
    from natv2.own_network import imported

    if build is not None:
        sys.path.insert(0, str(Path.cwd()))
    classifier = load_network(file, imported(build, "--build") if build is not None else None)
    compared = of_folder(images, classifier) if images is not None else synthetic(classifier)
    calibration = of_folder(calibrate, classifier, "train") if calibrate is not None else compared
    outcomes = export_network(file.stem, classifier, formats, out / file.stem, compared, calibration)
    return sum(outcome.failed for outcome in outcomes)
