"""Where the supernets of a search come from: trained on images of `source`, or published by others."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kedro.pipeline import Pipeline

from natv2.devices import resolve
from natv2.errors import UserError
from natv2.images.datasets import DATASETS
from natv2.run import Run
from natv2.runs.commands import command
from natv2.runs.naming import source_name
from natv2.runs.parameters import Parameters
from natv2.shrinking.config import Training
from natv2.shrinking.hours import expected_hours
from natv2.supernets.published import OFA_IMAGENET, PUBLISHED

IMAGES, FILES = "source_images", "ofa_supernets"
"""The catalog's entries that supernets are made from: images of `source`, or published files."""

SUPERNETS = ("narrow.supernet", "wide.supernet")

_OF_SUPERNETS = ("supernet", "elastic", "seed")  # parameters that an import depends on


def check_source(pipeline: Pipeline, parameters: Parameters) -> None:
    """Raise UserError if `pipeline` makes supernets from what `source` is not."""
    published, inputs = PUBLISHED.get(parameters.source), pipeline.inputs()
    if published is not None and IMAGES in inputs:
        raise UserError(
            f"source={parameters.source} stands for {published.title}, not for images that ofav2_eps could "
            f"train on: begin with natv2_search, or train on one of: {', '.join(DATASETS)}"
        )
    if published is None and FILES in inputs:
        raise UserError(
            f"import_ofa makes the supernets of source={OFA_IMAGENET}, not of source={parameters.source}: "
            "ask for that, or give the files to `natv2 import-ofa FILE FILE`"
        )


def makes_of(pipeline: Pipeline, source: str) -> bool:
    """Whether `pipeline` can make something of `source`: it reads nothing that another kind of it is."""
    return (IMAGES if source in PUBLISHED else FILES) not in pipeline.inputs()


def no_supernets(
    missing: Mapping[str, str], parameters: Parameters, env: str | None, given: Mapping[str, Any]
) -> str:
    """That there are no supernets to start from, and every way to them; `missing` says which, and where."""
    places = " and ".join(f"no {name} at {place}" for name, place in missing.items())
    told = [way(list(missing), parameters, env, given) for way in _WAYS]
    ways = "; or ".join(way for way in told if way)
    return f"there is no supernet of {parameters.supernet} to start from ({places}); {ways}"


def how_to_import(env: str | None, given: Mapping[str, Any]) -> str:
    """Which files can be imported, where they are, under which licence, and what to type."""
    published = PUBLISHED[OFA_IMAGENET]
    names = " and ".join(file.name for file in published.files)
    relevant = {name: value for name, value in given.items() if name in _OF_SUPERNETS}
    typed = command(["natv2", "import-ofa", "FILE", "FILE"], env, relevant)
    return (
        f"{published.title}, are {names} at {published.place}, {published.licence}, and nothing is fetched "
        f"for you; with both files: {typed}"
    )


def _by_training(
    missing: Sequence[str], parameters: Parameters, env: str | None, given: Mapping[str, Any]
) -> str | None:
    if parameters.source in PUBLISHED:
        return None
    typed = command(["kedro", "run", "--pipeline", "ofav2_eps"], env, given)
    hours = _hours([getattr(parameters.widths, name.split(".")[0]) for name in missing], parameters)
    return f"train it on {source_name(parameters)}{hours}: {typed}"


def _by_import(
    missing: Sequence[str], parameters: Parameters, env: str | None, given: Mapping[str, Any]
) -> str:
    asked = parameters.source in PUBLISHED
    then = "" if asked else f", then the same command with source={OFA_IMAGENET}"
    return f"import one: {how_to_import(env, given)}{then}"


_WAYS: Sequence[Callable[[Sequence[str], Parameters, str | None, Mapping[str, Any]], str | None]] = (
    _by_training,
    _by_import,
)
"""Ways to supernets, in the order in which they are told; each says what it takes, None where it is none."""


def _hours(widths: Sequence[float], parameters: Parameters) -> str:
    """What that takes here, where the number of images is known."""
    spec = DATASETS[parameters.source]
    if spec.classes is None:
        return " (`kedro run --pipeline ofav2_plan` tells how long that takes)"
    most = parameters.images.per_class
    images = spec.counts.train if most is None else min(spec.counts.train, most * spec.classes)
    run = resolve(Run.part_of(parameters))
    training = Training.part_of(parameters).at(spec.resolutions)
    hours = expected_hours(training, widths, images, spec.classes, run)
    minutes = max(1, round(60 * hours))
    spoken = f"{hours:,.0f} hours" if hours >= 1.5 else f"{minutes} minute{'s' * (minutes > 1)}"
    of = "of one core" if run.device == "cpu" else "of the GPU"
    return f", which takes about {spoken} {of} here (timed just now; ofav2_plan times it better)"
