"""`natv2 device-kit`: a zip with all that a latency table needs, made without a project and without Kedro."""

import logging
import sys
from collections.abc import Mapping
from pathlib import Path

import click

from natv2.errors import UserError
from natv2.export.formats import check_installed
from natv2.spaces.design import DESIGNS


def _numbers(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> tuple[float, ...] | None:
    if value is None:
        return None
    try:
        return tuple(float(part) for part in value.split(","))
    except ValueError:
        raise UserError(
            f"--{parameter.name} cannot be {value!r}: numbers joined by commas are needed"
        ) from None


@click.command(name="device-kit")
@click.argument("kit", type=click.Path(path_type=Path))
@click.option("--supernet", metavar="NAME", help=f"One of {', '.join(DESIGNS)}.")
@click.option("--widths", callback=_numbers, help="Width multipliers, as 1.0,1.2.")
@click.option("--resolutions", callback=_numbers, help="Pixels along an edge, as 128,160.")
@click.option("--classes", type=int, help="How many classes the networks tell apart.")
@click.option(
    "--like",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="All of these as in a search: its folder under data/06_models.",
)
def device_kit(
    kit: Path,
    supernet: str | None,
    widths: tuple[float, ...] | None,
    resolutions: tuple[float, ...] | None,
    classes: int | None,
    like: Path | None,
) -> None:
    """Write KIT, a zip with the graphs and the script that give a latency table on another device.

    There `python3 KIT` gives times.json, which a search takes as search.latency.table. Paths are relative to
    the working directory.
    """
    check_installed(["onnx"])
    named = {"supernet": supernet, "widths": widths, "resolutions": resolutions, "classes": classes}
    given = [f"--{name}" for name, value in named.items() if value is not None]
    if like is not None and given:
        raise UserError(f"--like says all that {given[0]} says: give one of them")
    missing = [f"--{name}" for name, value in named.items() if value is None]
    if like is None and missing:
        raise UserError(f"{', '.join(missing)} missing: name the whole space, or a search with --like FOLDER")
    if kit.suffix != ".zip" or kit.is_dir():
        raise UserError(f"{kit} cannot be a kit: give the name of a file that ends in .zip")
    logging.getLogger("natv2").setLevel(logging.INFO)
    if not logging.getLogger().handlers:
        logging.basicConfig(format="%(message)s", stream=sys.stdout)
    if like is None and resolutions is not None:
        # As numbers of whole pixels, where they are.
        named["resolutions"] = tuple(int(size) if size == int(size) else size for size in resolutions)
    _write(kit, named, like)


def _write(kit: Path, named: Mapping[str, object], like: Path | None) -> None:
    from natv2.device_kit.wanted import named_space, space_of_search

    space, classes = named_space(named) if like is None else space_of_search(like)
    from natv2.device_kit.kit import expected_size, write_kit  # loads torch and onnx
    from natv2.search.kit_contents import KitContents

    contents = KitContents.of(space, classes)
    size = expected_size(contents)
    logging.getLogger("natv2").info(
        "%s for %s, widths %s, resolutions %s, %d classes: %d files, about %.0f MB unpacked, which they need "
        "not be; they are made in about %.0f minutes",
        kit,
        space.design.label,
        ", ".join(f"{width:g}" for width in space.widths),
        ", ".join(map(str, space.resolutions)),
        classes,
        size.files,
        size.unpacked / 1e6,
        size.files / 60,
    )
    write_kit(kit, contents)
    logging.getLogger("natv2").info("on the device, with numpy and onnxruntime: python3 %s", kit.name)
