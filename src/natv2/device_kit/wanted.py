"""The space that a kit is for: named on the command line, or that of a search."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, PositiveInt, ValidationError

from natv2.config import Config, Multiplier, Resolutions, one_of
from natv2.errors import UserError
from natv2.spaces.design import DESIGNS, Design
from natv2.spaces.space import SearchSpace


def _ascending(widths: tuple[float, ...]) -> tuple[float, ...]:
    if list(widths) != sorted(set(widths)):
        raise ValueError("widths must ascend, none twice")
    return widths


class WantedSpace(Config):
    """What the command line says."""

    supernet: Annotated[str, one_of(DESIGNS)]
    widths: Annotated[tuple[Multiplier, ...], Field(min_length=1, strict=False), AfterValidator(_ascending)]
    resolutions: Resolutions
    classes: Annotated[PositiveInt, Field(ge=2)]


def named_space(values: Mapping[str, Any]) -> tuple[SearchSpace, int]:
    """The space and the number of classes that `values`, fields of `WantedSpace`, say.

    Raises UserError where one is wrong.
    """
    try:
        wanted = WantedSpace.model_validate(dict(values))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        why = first["msg"].removeprefix("Value error, ").replace("Input should", "it should")
        raise UserError(f"--{first['loc'][0]} cannot be {first['input']!r}: {why}") from None
    space = SearchSpace(design=DESIGNS[wanted.supernet], resolutions=wanted.resolutions, widths=wanted.widths)
    return space, wanted.classes


def space_of_search(folder: Path) -> tuple[SearchSpace, int]:
    """The space, and the number of classes, of the search in `folder`.

    That is its folder under data/06_models, or one of a turn whose supernets it has kept. Raises UserError
    where no search has left its supernets there, or they differ.
    """
    from natv2.search.adaptation.start import adapted_files  # loads torch
    from natv2.supernets.checkpoint import read_checkpoint_header

    found: dict[float, dict[str, Any]] = {}
    for file in adapted_files(folder):
        header = read_checkpoint_header(file)
        if "search" in header["origin"]:
            found[header["width"]] = header  # the newest is the last
    told = [
        (header["design"], header["origin"]["search"]["resolutions"], len(header["classes"]))
        for header in found.values()
    ]
    if not told:
        raise UserError(
            f"--like {folder}: there is no adapted supernet in it; allowed is the folder of a search under "
            "data/06_models, or of a turn in its turn_supernets"
        )
    if any(other != told[0] for other in told[1:]):
        raise UserError(f"--like {folder}: its supernets are of different searches; name the space instead")
    design, resolutions, classes = told[0]
    space = SearchSpace(
        design=Design.from_dict(design), resolutions=tuple(resolutions), widths=tuple(sorted(found))
    )
    return space, classes
