"""What a run reads: checked before any work, each version chosen, of one origin."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kedro.framework.project import pipelines
from kedro.io import AbstractVersionedDataset, CatalogProtocol, Version
from kedro.pipeline import Pipeline

from natv2.config import told
from natv2.runs.checking import flattened
from natv2.runs.companions import Companions
from natv2.runs.experiment import project_experiment
from natv2.runs.lineage import METRIC, Record, made_by_metric
from natv2.runs.parameters import Parameters
from natv2.runs.preflight import (
    check_device_file,
    check_device_table,
    check_files,
    check_inputs,
    check_published,
    look_at_images,
)


@dataclass(frozen=True)
class Inputs:
    """What is known of what a run reads.

    `looks` are fingerprints of the images, `records` say where everything comes from, `asked` is what may
    differ between artifacts.
    """

    looks: Mapping[str, str]
    records: Mapping[str, Record]
    asked: Mapping[str, Any]


def chosen_inputs(
    pipeline: Pipeline,
    catalog: CatalogProtocol[Any, Any],
    parameters: Parameters,
    *,
    project: Path,
    env: str | None,
    runtime_params: Mapping[str, Any],
) -> Inputs:
    """Let `pipeline` read what belongs together, and look at its images.

    Raises UserError where something is missing, damaged, not as asked for, or does not belong together.
    """
    commands = check_inputs(
        pipeline, catalog, dict(pipelines), parameters, env=env, runtime_params=runtime_params
    )
    asked = asked_of(parameters)
    assumed = {name: {METRIC: "top1"} for name in made_by_metric(pipelines.values())}
    companions = Companions(pipeline, catalog, project, asked, assumed)
    # What is read must be by the metric of this run, where that bears on what it makes.
    known: dict[str, Any] = {METRIC: parameters.metric} if f"params:{METRIC}" in pipeline.inputs() else {}
    # Once before the images are decoded, and once more with what is known of them.
    companions.take(known, commands)
    check_files(pipeline, catalog, parameters)
    check_published(pipeline, catalog, parameters)
    check_device_file(pipeline, parameters)
    project_experiment(project)  # known to work before any work is done
    looks, images = look_at_images(pipeline, catalog)
    check_device_table(pipeline, catalog, parameters)
    if "aep_images" in images:
        # All weightings are compared with one single-exit network, of their seed and settings.
        settings = parameters.aep.settings(len(catalog.load("aep_images").train))
        images["aep_images"] |= {"the training of aep": f"seed {parameters.seed}, settings {settings}"}
    known |= {fact: value for facts in images.values() for fact, value in facts.items()}
    companions.take(known, commands)
    check_files(pipeline, catalog, parameters)
    companions.say(commands)
    _read_own_versions(pipeline, catalog)
    seen = {name: Record(run="", facts=facts) for name, facts in images.items()}
    return Inputs(looks=looks, records=seen | companions.taken, asked=asked)


def asked_of(parameters: Parameters) -> dict[str, Any]:
    """What may differ between artifacts that belong together, by its name and as JSON has it."""
    settings = {"search": told(parameters.search), "postprocess": told(parameters.postprocess)}
    return {
        "seed": parameters.seed,
        "constraints": parameters.constraints.active,
        "images.per_class": parameters.images.per_class,
        **json.loads(json.dumps(flattened(settings), default=str)),
    }


def _read_own_versions(pipeline: Pipeline, catalog: CatalogProtocol[Any, Any]) -> None:
    """Let nodes read what this run saves, not what another run of the same supernet saved meanwhile.

    Kedro reads the newest version of a data set, whoever made it.
    """
    for name in sorted(pipeline.all_outputs() & pipeline.all_inputs()):
        dataset = catalog.get(name)
        if isinstance(dataset, AbstractVersionedDataset) and dataset._version:
            load, save = dataset._version
            dataset._version = Version(load or save, save)
