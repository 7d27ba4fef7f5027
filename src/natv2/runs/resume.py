"""What happens when a run that was stopped starts again: the same command resumes it.

Its folder is named by a fingerprint of all that determines the result, so a command finds the run
that it would repeat and no other. It is not a cache: a run that ends well closes its folder.
"""

import hashlib
import json
import logging
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout
from kedro.io import AbstractVersionedDataset, CatalogProtocol
from kedro.pipeline import Pipeline

from natv2.atomic import write_bytes
from natv2.errors import UserError
from natv2.own_network import code_digest
from natv2.ranks.sameness import package_digest
from natv2.recorded import checksums
from natv2.run import Run
from natv2.runs.parameters import Parameters

_RECORD = "run.json"
_COMMAND = ("nodes", "env", "parameters")  # of an identity: what a person asked for
_SHORT = ("device", "precision", "threads")  # what can be shown whole

_ELSEWHERE = {"fresh", "device", "precision", "threads", "workers", "hosts", "rendezvous"}
"""Parameters that an identity has in another form, or not at all: ranks are recorded beside it."""

_OWN_THREADS = torch.get_num_threads()  # where nobody says how many; those of ranks follow their number

logger = logging.getLogger(__name__)
_LIBRARIES = ("torch", "torchvision", "numpy", "pillow", "scipy", "scikit-learn", "lightgbm", "pymoo")


@dataclass(frozen=True, kw_only=True)
class ResumableRun:
    """A run that has not ended well yet, this process's alone until it ends or `close` is called."""

    folder: Path
    lock: FileLock

    @property
    def tracking_run(self) -> str | None:
        """Id of the MLflow run that it began, None for a new one."""
        found: str | None = self._record().get("tracking_run")
        return found

    def _record(self) -> dict[str, Any]:
        path = self.folder / _RECORD
        return dict(json.loads(path.read_text())) if path.exists() else {}

    def begin(self, identity: Mapping[str, Any], tracking_run: str, ranks: int) -> None:
        """Record what is run, and by how many ranks; from here on the same command resumes it."""
        if (before := self._record().get("ranks", ranks)) != ranks:
            logger.warning(
                "resumed by %d ranks; before the stop there were %d: the same bits are promised for equal "
                "numbers only",
                *(ranks, before),
            )
        record = {"tracking_run": tracking_run, "identity": dict(identity), "ranks": ranks}
        write_bytes(self.folder / _RECORD, json.dumps(record, indent=2).encode())

    def close(self) -> None:
        """Forget it: the run has ended well."""
        _discard(self.folder)
        Path(self.lock.lock_file).unlink(missing_ok=True)
        self.leave()

    def leave(self) -> None:
        """Let another process resume it."""
        self.lock.release()


def open_run(root: Path, identity: Mapping[str, Any], *, fresh: bool) -> ResumableRun:
    """The run that `identity` describes, in a folder of `root`; a new one where `fresh` is true.

    Raises UserError while another process has it open.
    """
    text = json.dumps(identity, sort_keys=True)
    folder = root / hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
    root.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder.with_suffix(".lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise UserError(f"the same run is open in another process ({lock.lock_file} is held)") from None
    for closed in root.glob(f"{folder.name}.closed"):  # a power cut between the two halves of closing
        shutil.rmtree(closed)
    if fresh:
        _discard(folder)
    if not folder.exists():
        _say_why_not_resumed(root, identity)
    return ResumableRun(folder=folder, lock=lock)


def identity_of_run(
    pipeline: Pipeline, catalog: CatalogProtocol[Any, Any], env: str, parameters: Parameters, run: Run
) -> dict[str, Any]:
    """All that determines the result of a run, as JSON-ready values.

    `run` says which device and precision it has here, where the parameters may be `auto`.
    """
    return {
        "nodes": sorted(node.name for node in pipeline.nodes),
        "env": env,
        "parameters": parameters.model_dump(mode="json", exclude=_ELSEWHERE),
        "device": run.device,
        "precision": run.precision,
        "threads": parameters.threads or _OWN_THREADS,
        "versions": {library: version(library) for library in _LIBRARIES},
        "code": package_digest(),
        "own": _own_code(parameters),
        "inputs": _load_versions(pipeline, catalog),
    }


def _own_code(parameters: Parameters) -> dict[str, str]:
    """A digest of each thing of a person's own that `parameters` name: a function's code, a file.

    Raises UserError where a function cannot be imported.
    """
    teacher, own = parameters.postprocess.teacher, parameters.baselines.own
    found = {name: code_digest(name) for name in (parameters.network, teacher, *own) if ":" in name}
    if teacher.endswith(".safetensors") and Path(teacher).is_file():
        found[teacher] = checksums(Path(teacher))[Path(teacher).name]
    table = parameters.search.latency.table
    if table is not None and table.is_file():
        found[str(table)] = checksums(table)[table.name]
    return found


def _load_versions(pipeline: Pipeline, catalog: CatalogProtocol[Any, Any]) -> dict[str, str | None]:
    datasets = {name: catalog.get(name) for name in sorted(pipeline.inputs())}
    return {
        name: dataset.resolve_load_version()
        for name, dataset in datasets.items()
        if isinstance(dataset, AbstractVersionedDataset) and not getattr(dataset, "absent", False)
    }


def _say_why_not_resumed(root: Path, identity: Mapping[str, Any]) -> None:
    """Log what has changed since the same command was stopped: it would have been resumed otherwise."""
    asked = json.loads(json.dumps(identity))
    for record in sorted(root.glob(f"*/{_RECORD}")):
        with suppress(OSError, ValueError, KeyError):  # another process may be at it
            stopped = json.loads(record.read_text())["identity"]
            if any(stopped[name] != asked[name] for name in _COMMAND):
                continue
            changed = [name for name in asked if stopped.get(name) != asked[name]]
            told = ", ".join(
                f"{name} ({stopped.get(name)}, now {asked[name]})" if name in _SHORT else name
                for name in changed
            )
            logger.warning("what was stopped in %s is not resumed: changed are its %s", record.parent, told)


def _discard(folder: Path) -> None:
    """Delete `folder` so that a half-deleted one is never resumed."""
    if folder.exists():
        closed = folder.with_suffix(".closed")
        folder.rename(closed)
        shutil.rmtree(closed)
