"""What made an artifact and from what: a record beside every version of every entry.

A record names the version of every entry in the artifact's history, those that the same nodes made beside
it included, and what must be equal wherever two artifacts meet. So two that do not belong together
contradict each other in some fact.
"""

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd
from kedro.io import AbstractVersionedDataset, CatalogProtocol
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node
from pydantic import BaseModel, ConfigDict, ValidationError

from natv2.atomic import write_bytes
from natv2.catalog.checkpoint import CheckpointDataset
from natv2.catalog.images import ImagesDataset
from natv2.errors import UserError
from natv2.recorded import RECORD, checksums
from natv2.runs.checking import flattened
from natv2.search.identity import LARGEST_WARM_UP
from natv2.supernets.checkpoint import read_checkpoint_header

_TRAINING = ("source", "schedule", "teacher", "kd", "settings")  # of a checkpoint's origin: all but its seed
_LARGEST_SETTINGS = (
    *("batch_size", "dropout", "exit_weighting", "init_from", "max_gradient_norm", "momentum"),
    *("resolutions", "warm_up.heads_epochs", "warm_up.largest_epochs", "warm_up.lr", "weight_decay"),
)
_LITTLE = 0.02  # of the range of a pixel

METRIC = "metric"
"""The parameter, and the fact, that says what accuracy is in an artifact."""

Facts = Mapping[str, Any]


class Record(BaseModel):
    """Where an artifact comes from.

    `run` is the version of the run that made it, `tracking_run` its MLflow run, `pipeline` what was run
    ("" where nobody knows), `names` what the folders are called after, whole where paths have it cut. `facts`
    are the same in all that belongs together: versions of entries, by their paths in the project; what
    images, which training. `asked` may differ, and is said then: by the last node in its history that it
    bore on. `ranks` computed it together. `sha256` are the checksums of its files, which whoever reads
    them compares (natv2.recorded).
    """

    model_config = ConfigDict(frozen=True)

    run: str
    tracking_run: str | None = None
    pipeline: str = ""
    names: dict[str, str] = {}
    facts: dict[str, Any] = {}
    asked: dict[str, Any] = {}
    ranks: int = 1
    sha256: dict[str, str] = {}


class Recorder:
    """Keeps a record beside everything that one run saves.

    `about` is the run alone, with all that it was `asked` for and the facts that it fixes; `inputs` are the
    records of what it reads.
    """

    def __init__(
        self, catalog: CatalogProtocol[Any, Any], project: Path, about: Record, inputs: Mapping[str, Record]
    ) -> None:
        self._catalog, self._project, self._about = catalog, project, about
        self._records = dict(inputs)

    def name_runs(self, name: str, table: pd.DataFrame) -> None:
        """Give `table`, the entry `name`, a column `run` where the catalog's metadata say of which entry."""
        metadata = getattr(self._catalog.get(name), "metadata", None) if name in self._catalog else None
        made_of = (metadata or {}).get("run_of")
        runs = {each: record.run for each, record in self._records.items()}
        if isinstance(made_of, Mapping):
            table["run"] = [runs.get(made_of.get(variant, ""), "") for variant in table["variant"]]
        elif made_of is not None:
            table["run"] = runs.get(made_of, "")

    def saved(self, name: str, data: Any, node: Node) -> None:
        """Record `data`, which `node` gave as the entry `name`."""
        facts: dict[str, Any] = {}
        asked: dict[str, Any] = {}
        for record in (self._records[each] for each in node.inputs if each in self._records):
            facts |= record.facts
            asked |= record.asked
        versioned = {each: dataset for each in node.outputs if (dataset := self._versioned(each)) is not None}
        facts |= {entry_name(dataset, self._project): self._about.run for dataset in versioned.values()}
        # What the run itself fixes is a fact of what is made by a parameter of this name.
        facts |= {fact: each for fact, each in self._about.facts.items() if f"params:{fact}" in node.inputs}
        if isinstance(origin := getattr(data, "origin", None), Mapping):  # a table may have such a column
            facts |= told_by(origin, getattr(data, "phase", ""))
        asked |= {what: value for what, value in self._about.asked.items() if _bears_on(what, node)}
        record = self._about.model_copy(update={"facts": facts, "asked": asked})
        self._records[name] = record
        if name in versioned and (file := _file(versioned[name], record.run)).exists():
            record = record.model_copy(update={"sha256": checksums(file)})
            write_bytes(file.parent / RECORD, record.model_dump_json(indent=1).encode())

    @property
    def records(self) -> Mapping[str, Record]:
        """Those of all that the run has read and saved so far."""
        return self._records

    def record_beside(self, file: Path) -> None:
        """Record `file`, which no node gave: it was made of all that the run has read and saved."""
        facts = {fact: value for record in self._records.values() for fact, value in record.facts.items()}
        record = self._about.model_copy(update={"facts": facts, "sha256": checksums(file)})
        write_bytes(file.parent / RECORD, record.model_dump_json(indent=1).encode())

    def _versioned(self, name: str) -> AbstractVersionedDataset[Any, Any] | None:
        dataset = self._catalog.get(name) if name in self._catalog else None
        return dataset if isinstance(dataset, AbstractVersionedDataset) and dataset._version else None


def read_record(dataset: AbstractVersionedDataset[Any, Any], version: str, project: Path) -> Record:
    """The record of one version; for one without, made before there were records, what else is known."""
    known: dict[str, Any] = {entry_name(dataset, project): version}
    if isinstance(dataset, CheckpointDataset):
        with suppress(UserError):  # whoever loads it says what is wrong
            header = read_checkpoint_header(_file(dataset, version))
            known |= told_by(header["origin"], header["phase"])
    try:
        text = (_file(dataset, version).parent / RECORD).read_text(encoding="utf-8")
        record = Record.model_validate_json(text)
    except (OSError, ValidationError):  # a damaged record is none
        return Record(run=version, facts=known)
    return record.model_copy(update={"run": version, "facts": {**record.facts, **known}})


def entry_name(dataset: AbstractVersionedDataset[Any, Any], project: Path) -> str:
    """What an entry is called in records: its path, which tells it from those of other supernets."""
    path = Path(str(dataset._filepath))  # Kedro's data sets have no public name for it
    return (path.relative_to(project) if path.is_relative_to(project) else path).as_posix()


def made_by_metric(pipelines: Iterable[Pipeline]) -> set[str]:
    """The entries of `pipelines` that the metric bears on: what is made by it, and of what is."""
    nodes = {node for pipeline in pipelines for node in pipeline.nodes}
    found, reached = {f"params:{METRIC}"}, set[str]()
    while found - reached:
        reached |= found
        found = {name for node in nodes if reached.intersection(node.inputs) for name in node.outputs}
    return reached - {f"params:{METRIC}"}


def contradiction(facts: Facts, others: Facts) -> str | None:
    """The name of the first fact that both know and that is not equal."""
    return next((name for name in facts if name in others and not _alike(facts[name], others[name])), None)


def _alike(one: Any, other: Any) -> bool:
    """Whether they are equal, or lists of numbers that differ by little: a folder may have grown."""
    if isinstance(one, list) and isinstance(other, list) and {type(each) for each in one + other} == {float}:
        return len(one) == len(other) and all(abs(a - b) <= _LITTLE for a, b in zip(one, other, strict=True))
    return bool(one == other)


def image_facts(name: str, dataset: ImagesDataset) -> dict[str, Any]:
    """What must stay as it is for what was made on the images of the entry `name` to fit them.

    The share that validates is a fact of the set, whatever it is used as: what a supernet was trained on
    must not validate later.
    """
    images = dataset.load()
    return {
        f"classes of {name}": list(images.class_names),
        f"mean and deviation of {name}": [round(each, 5) for each in (*images.mean, *images.std)],
        f"validation share of {images.name}": images.valid_fraction,
        f"classes of {images.name} that were others": list(images.changed_classes),
    }


def told_by(origin: Mapping[str, Any], phase: str) -> dict[str, Any]:
    """Which training a checkpoint is of, its width and seed apart: narrow and wide belong together by it.

    Of a search's first phase, which each width has for itself, its settings too.
    """
    told = {name: origin[name] for name in _TRAINING if name in origin}
    facts: dict[str, Any] = {"training": json.dumps(told, sort_keys=True)} if told else {}
    search = origin.get("search")
    if phase == LARGEST_WARM_UP and isinstance(search, Mapping):
        settings = {name: value for name, value in flattened(search).items() if name in _LARGEST_SETTINGS}
        facts |= {f"search.{name} in the {phase}": value for name, value in settings.items()}
    return facts


def _bears_on(wish: str, node: Node) -> bool:
    """Whether what a run was asked for bears on what `node` gives."""
    of_images = any(name.endswith("_images") for name in node.inputs)
    section = wish.partition(".")[0]
    if section == "images":
        return of_images
    if section == "postprocess":  # the choice of networks, and then all else
        trains = of_images or "finishing" in node.inputs
        return "params:postprocess" in node.inputs and trains != (wish == "postprocess.finish")
    # A preset is for the search itself. What is made of its networks has the section for other values in it.
    inputs = {"seed": "params:run", "constraints": "params:goal", "search": "params:preset"}
    return inputs.get(section) in node.inputs


def _file(dataset: AbstractVersionedDataset[Any, Any], version: str) -> Path:
    return Path(str(dataset._get_versioned_path(version)))
