"""Copies of this project, run as a person would run them, and their outputs compared."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import torch
import yaml
from mlflow import MlflowClient
from mlflow.entities import Run

from natv2.files import read_tensors
from natv2.recorded import RECORD
from tests.explorer.pages import data_in

REPOSITORY = Path(__file__).parents[2]

# conf/test with fewer images, less to evaluate, and an epoch more where the test of going on stops it.
SMALLER: Mapping[str, Any] = {
    "images": {"per_class": 30},
    "eps": {
        "resolutions": [16],
        "batch_size": 150,
        "calibration": {"images": 32},
        "phases": {"width_2": {"epochs": 2}},
    },
    "search": {
        "resolutions": [16, 20],
        "batch_size": 150,
        "calibration": {"images": 32},
        "pre_processing": 1,
    },
    "postprocess": {"thesis": {"lr": 1e-2, "batch_size": 256}, "full": {"batch_size": 256}},
}


# Outputs of `aep` with times of day in them, which no two runs share.
MEASURED = ("timings.csv", "subsets", "aep_results", "results_figure", "curves_figure", "stopping_figure")


class Project:
    """A copy of this project in `root`: configuration and source, no data."""

    def __init__(self, root: Path, changes: Mapping[str, Any] | None = None) -> None:
        """Copy it; `changes` are put into conf/test."""
        self.root = root
        for name in ("conf", "src"):
            shutil.copytree(REPOSITORY / name, root / name)
        (root / "conf/local").mkdir(exist_ok=True)
        shutil.copy(REPOSITORY / "pyproject.toml", root)
        for section, values in (changes or {}).items():
            files = [path for path in (root / "conf/test").glob("*.yml") if section in _read(path)]
            file = files[0] if files else root / "conf/test/parameters.yml"
            file.write_text(yaml.safe_dump(merged(_read(file), {section: values})))

    @classmethod
    def at(cls, root: Path) -> "Project":
        """The project that is in `root` already."""
        project = cls.__new__(cls)
        project.root = root
        return project

    def newest(self, output: str) -> Path:
        """The file or folder of the newest version of an output, named as in the catalog's paths."""
        *_, newest = sorted(
            (self.root / "data").glob(f"0*/**/{output}/*Z/{output}"), key=lambda path: path.parent.name
        )
        return newest

    @property
    def attempts(self) -> list[Path]:
        """Folders of the attempts that are open."""
        return [path for path in (self.root / "data/06_models/progress").glob("*") if path.is_dir()]

    def has_progress(self, file: str) -> bool:
        """Whether an open attempt has `file`."""
        return any((attempt / file).exists() for attempt in self.attempts)

    @property
    def mlflow(self) -> MlflowClient:
        """The project's own MLflow."""
        return MlflowClient(f"sqlite:///{self.root / 'mlflow.db'}")

    def tracked_runs(self) -> list[Run]:
        """All runs in MLflow, the newest first."""
        experiments = [experiment.experiment_id for experiment in self.mlflow.search_experiments()]
        return list(self.mlflow.search_runs(experiments, order_by=["attributes.start_time DESC"]))

    @contextmanager
    def running(self, *options: str) -> Iterator[subprocess.Popen[bytes]]:
        """`kedro run` with `options`, in a process of its own that does not outlive the block."""
        environment = os.environ | {"PYTHONPATH": str(self.root / "src"), "COLUMNS": "200"}
        for name in ("MLFLOW_TRACKING_URI", "KEDRO_ENV"):
            environment.pop(name, None)
        command = [sys.executable, "-m", "kedro", "run", *options]
        with self._log.open("wb") as log:
            process = subprocess.Popen(
                command, cwd=self.root, env=environment, stdout=log, stderr=subprocess.STDOUT
            )
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    @property
    def said(self) -> str:
        """What the newest run in a process of its own has written so far."""
        return self._log.read_text()

    @property
    def _log(self) -> Path:
        return self.root / "run.log"

    def kill_when(self, ready: Callable[[], bool], *options: str) -> None:
        """`kedro run` with `options`, killed as soon as `ready`: nothing in it can know."""
        with self.running(*options) as process:
            while not ready():
                assert process.poll() is None, self.said
                time.sleep(0.01)

    def run(self, *options: str) -> str:
        """`kedro run` with `options` to its end, which must be a good one; what it wrote."""
        with self.running(*options) as process:
            process.wait()
        assert process.returncode == 0, self.said
        return self.said

    def outputs(self) -> dict[str, Path]:
        """The newest version of every output, by its path without the version."""
        versions: dict[str, Path] = {}
        for path in sorted((self.root / "data").glob("0*/**/*Z")):
            versions[str(path.parent.relative_to(self.root))] = path
        return {
            f"{name}/{file.relative_to(version)}": file
            for name, version in versions.items()
            for file in sorted(version.rglob("*"))
            if file.is_file() and file.name != RECORD
        }


def differences(some: Mapping[str, Path], others: Mapping[str, Path]) -> list[str]:
    """Names of outputs that only one side has, or whose content is not the same to the last bit.

    Those of `aep` with measured times must only be there.
    """
    missing = set(some) ^ set(others)
    both = {name for name in set(some) & set(others) if not ("/aep/" in name and _has_times(name))}
    return sorted(missing | {name for name in both if not _same(some[name], others[name])})


def _has_times(name: str) -> bool:
    return any(measured in name for measured in MEASURED)


def _same(path: Path, other: Path) -> bool:
    if path.suffix == ".parquet":
        return pd.read_parquet(path).equals(pd.read_parquet(other))
    if path.suffix == ".safetensors":
        (tensors, header), (others, other_header) = read_tensors(path), read_tensors(other)
        return (
            _without_run(header) == _without_run(other_header)
            and tensors.keys() == others.keys()
            and all(torch.equal(tensor, others[name]) for name, tensor in tensors.items())
        )
    if path.name == "results.csv":  # each says of which run it is
        return _without_runs(path).equals(_without_runs(other))
    if path.name == "explorer.html":
        return _drawn(path) == _drawn(other)
    return path.read_bytes() == other.read_bytes()


def _drawn(page: Path) -> dict[str, Any]:
    """What an explorer draws: its files, versions and commands are each run's own."""
    own = {
        "networks": {"__all__": {"file": True, "finished": {"record"}}},
        "versions": True,
        "commands": True,
    }
    return data_in(page).model_dump(exclude=own)


def _without_run(header: Mapping[str, Any]) -> Mapping[str, Any]:
    """`header` without the version that each run saves its networks as."""
    record = header.get("record")
    if not isinstance(record, dict):
        return header
    return {**header, "record": {name: value for name, value in record.items() if name != "run"}}


def _without_runs(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, dtype=str, keep_default_na=False).drop(columns="run", errors="ignore")


def _read(path: Path) -> dict[str, Any]:
    values: dict[str, Any] = yaml.safe_load(path.read_text())
    return values


def merged(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **values,
        **{k: merged(values.get(k, {}), v) if isinstance(v, Mapping) else v for k, v in changes.items()},
    }
