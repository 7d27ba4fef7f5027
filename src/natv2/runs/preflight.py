"""What a pipeline needs from an earlier one: said before anything runs, with the command that makes it."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kedro.io import AbstractVersionedDataset, CatalogProtocol, MemoryDataset
from kedro.pipeline import Pipeline

from natv2.catalog.checkpoint import CheckpointDataset
from natv2.catalog.images import ImagesDataset
from natv2.catalog.published import PublishedDataset
from natv2.errors import UserError
from natv2.export.formats import check_installed
from natv2.images.image_set import ImageSplits
from natv2.objectives.goal import Goal
from natv2.recorded import check_recorded
from natv2.runs.commands import command
from natv2.runs.lineage import image_facts
from natv2.runs.parameters import Parameters
from natv2.runs.sources import SUPERNETS, check_source, how_to_import, makes_of, no_supernets
from natv2.search.adaptation.start import search_space
from natv2.search.device_table import device_latency_table
from natv2.search.device_times import complete_file
from natv2.spaces.design import Design
from natv2.supernets.import_ofa import check_design
from natv2.supernets.published import PUBLISHED

logger = logging.getLogger(__name__)


def check_inputs(
    pipeline: Pipeline,
    catalog: CatalogProtocol[Any, Any],
    registered: Mapping[str, Pipeline],
    parameters: Parameters,
    *,
    env: str | None,
    runtime_params: Mapping[str, Any],
) -> dict[str, str]:
    """What makes each input of `pipeline` anew: a sentence with the command.

    `registered` are all pipelines by name; `env` and `runtime_params` were given on the command line.
    Raises UserError if an input that an earlier pipeline makes is not there.
    """
    check_source(pipeline, parameters)
    _check_metric(pipeline, parameters)
    if "params:export" in pipeline.inputs():
        check_installed(parameters.export.formats)
    commands = {}
    makers = {name: each for name, each in registered.items() if makes_of(each, parameters.source)}
    for name in sorted(pipeline.inputs()):
        kept = name in catalog and not isinstance(catalog.get(name), MemoryDataset)
        if not kept and not name.startswith("params:"):
            nodes = {node.name for each in registered.values() for node in each.nodes if name in node.outputs}
            raise UserError(
                f"{name} is not kept when a run has ended; start from where it is made, with "
                f"--from-nodes {','.join(sorted(nodes))} or without"
            )
        dataset, maker = catalog.get(name), _maker(name, makers, env, runtime_params)
        if not catalog.exists(name) and not getattr(dataset, "optional", False):
            if isinstance(dataset, PublishedDataset):
                paths = " and no ".join(str(path.resolve()) for path in dataset.paths if not path.exists())
                raise UserError(f"there is no {paths}; {how_to_import(env, runtime_params)}")
            if name in SUPERNETS and not _pinned(dataset):
                absent = [
                    each for each in SUPERNETS if each in pipeline.inputs() and not catalog.exists(each)
                ]
                missing = {each: str(_place(catalog.get(each))) for each in absent}
                raise UserError(no_supernets(missing, parameters, env, runtime_params))
            raise UserError(_missing(name, dataset, maker))
        commands[name] = "No pipeline makes it" if maker is None else f"This makes it anew: {maker}"
    return commands


def _check_metric(pipeline: Pipeline, parameters: Parameters) -> None:
    """Raise UserError if `pipeline` chooses and judges by top-1 alone, and another metric is asked for."""
    if parameters.metric != "top1" and "params:aep_training" in pipeline.inputs():
        raise UserError(
            f"metric={parameters.metric} is for searches and what becomes of them; aep prunes and judges by "
            "top-1, with the macro accuracy of test images beside it: leave metric out"
        )


def check_published(pipeline: Pipeline, catalog: CatalogProtocol[Any, Any], parameters: Parameters) -> None:
    """Raise UserError if published files that `pipeline` reads cannot become what `parameters` ask for."""
    for name in pipeline.inputs():
        if isinstance(dataset := catalog.get(name), PublishedDataset):
            check_design(parameters.design)
            dataset.load()


def check_files(pipeline: Pipeline, catalog: CatalogProtocol[Any, Any], parameters: Parameters) -> None:
    """Raise UserError if a file that `pipeline` reads has changed since its run.

    Or if a checkpoint is damaged or not what `parameters` ask for.
    """
    for name in sorted(pipeline.inputs()):
        dataset = catalog.get(name)
        if isinstance(dataset, CheckpointDataset):
            header = dataset.header()
            asked = parameters.design
            width = getattr(parameters.widths, name.split(".")[0])
            for found, wanted in (
                (Design.from_dict(header["design"]).label, asked.label),
                (f"width {header['width']}", f"width {width}"),
            ):
                if found != wanted:
                    published = parameters.source in PUBLISHED
                    one = (
                        "import one with `natv2 import-ofa FILE FILE`"
                        if published
                        else "train one with `kedro run --pipeline ofav2_eps`"
                    )
                    raise UserError(
                        f"{name} at {dataset._filepath} is a supernet of {found}, not {wanted} as asked for; "
                        f"{one}, or ask for what there is"
                    )
        absent = getattr(dataset, "absent", False)
        if isinstance(dataset, AbstractVersionedDataset) and dataset._version and not absent:
            check_recorded(Path(str(dataset._get_load_path())))


def check_device_file(pipeline: Pipeline, parameters: Parameters) -> None:
    """Raise UserError if the file of another device's times, which `pipeline` reads, is no whole one.

    A table that nobody asks for is not looked at.
    """
    table = parameters.search.latency.table
    if table is None or not _makes_table(pipeline):
        return
    if Goal.part_of(parameters).needs_latency:
        complete_file(table)
    else:
        logger.warning("search.latency.table=%s is not read: latency is no objective, nor bounded", table)


def check_device_table(
    pipeline: Pipeline, catalog: CatalogProtocol[Any, Any], parameters: Parameters
) -> None:
    """Raise UserError if a table of another device, which `pipeline` reads, cannot be that of its search.

    It is said before supernets are trained for hours.
    """
    table, asked = parameters.search.latency.table, Goal.part_of(parameters).needs_latency
    if table is None or not asked or not _makes_table(pipeline):
        return
    images: ImageSplits = catalog.load("target_images")
    widths = (parameters.widths.narrow, parameters.widths.wide)
    search = parameters.search.at(images.sizes)
    space = search_space(parameters.design, search, widths)
    device_latency_table(table, space, len(images.class_names), search.latency)


def _makes_table(pipeline: Pipeline) -> bool:
    return any(node.name in ("costs", "search_plan") for node in pipeline.nodes)


def look_at_images(
    pipeline: Pipeline, catalog: CatalogProtocol[Any, Any]
) -> tuple[dict[str, str], dict[str, dict[str, Any]]]:
    """Load all images that `pipeline` reads, log what there is and what is odd.

    Gives a fingerprint of each, and the facts that what was made on them must agree with.

    Images that only a late step needs are looked at before the first one trains. Raises UserError where
    they are missing or wrong.
    """
    marks: dict[str, str] = {}
    facts: dict[str, dict[str, Any]] = {}
    told: set[str] = set()
    for name in sorted(pipeline.inputs()):
        dataset = catalog.get(name)
        if not isinstance(dataset, ImagesDataset):
            continue
        report = catalog.load(name).report
        marks[name], facts[name] = report.fingerprint, image_facts(name, dataset)
        if report.fingerprint not in told:
            logger.info(report.summary())
            for warning in report.warnings():
                logger.warning(warning)
        told.add(report.fingerprint)
    return marks, facts


def _missing(name: str, dataset: Any, maker: str | None) -> str:
    place = _place(dataset)
    message = f"there is no {name}" + (f" at {place}" if place else "")
    if (version := _pinned(dataset)) is not None:
        message += f", version {version}"
    return f"{message}, and no pipeline makes it" if maker is None else f"{message}; this makes it: {maker}"


def _place(dataset: Any) -> Any:
    return getattr(dataset, "_filepath", None)  # Kedro's data sets have no public name for it


def _pinned(dataset: Any) -> str | None:
    """The version that a person has asked for."""
    version = dataset._version if isinstance(dataset, AbstractVersionedDataset) else None
    return version.load if version else None


def _maker(
    name: str, registered: Mapping[str, Pipeline], env: str | None, given: Mapping[str, Any]
) -> str | None:
    """The command that makes the entry `name`; None where no pipeline does."""
    makers = [maker for maker, pipeline in registered.items() if name in pipeline.all_outputs()]
    # The pipeline that makes it alone says more than the sum of all.
    makers.sort(key=lambda maker: (maker == "__default__", len(registered[maker].nodes)))
    return command(["kedro", "run", "--pipeline", makers[0]], env, given) if makers else None
