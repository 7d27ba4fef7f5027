"""One MLflow run for a run of the pipeline: parameters, tags, live metrics, figures and tables."""

import logging
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import plotly.graph_objects as go
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, Run
from mlflow.exceptions import MlflowException
from mlflow.utils.mlflow_tags import MLFLOW_RUN_NOTE

from natv2.catalog.exports import ExportsDataset
from natv2.catalog.networks import NetworksDataset
from natv2.errors import UserError
from natv2.finished_network import StoredNetwork
from natv2.images.look import ImageReport
from natv2.reporting.page import page
from natv2.reporting.spreadsheets import without_formulas
from natv2.runs.checking import flattened
from natv2.runs.experiment import project_experiment
from natv2.runs.metrics_writer import MetricsWriter
from natv2.runs.mlflow_datasets import as_dataset

Ending = Literal["FINISHED", "FAILED", "KILLED"]

_PARAMS_A_REQUEST = 100  # MLflow's limit

logger = logging.getLogger(__name__)
# MLflow sets its own loggers up when imported; the terminal belongs to our progress.
for _noisy in ("mlflow", "alembic"):
    logging.getLogger(_noisy).setLevel(logging.WARNING)


class TrackedRun:
    """A run in MLflow, named by its id: nothing global, so several can live in one process."""

    def __init__(self, client: MlflowClient, run: Run) -> None:
        self._client = client
        self._metrics = MetricsWriter(lambda some: client.log_batch(run.info.run_id, metrics=some))
        self.id: str = run.info.run_id
        self.name: str = run.info.run_name
        self._figures: dict[str, go.Figure] = {}

    @property
    def uri(self) -> str:
        """Where MLflow keeps it."""
        return str(self._client.tracking_uri)

    def track(self, metrics: Mapping[str, float], step: int) -> None:
        """Log `metrics` of an epoch or turn; returns at once."""
        now = int(time.time() * 1000)
        self._metrics.put([Metric(name, float(value), now, step) for name, value in metrics.items()])

    def read(self, looks: Mapping[str, ImageReport]) -> None:
        """Log the images that the run reads, by what they are to it, as MLflow's data sets."""
        try:
            self._client.log_inputs(self.id, datasets=[as_dataset(*look) for look in looks.items()])
        except MlflowException as error:
            logger.warning("MLflow did not keep which images are read: %s", error)

    def keep(self, name: str, data: object) -> None:
        """Keep `data` as an artifact called `name`: a figure, a page, a table, a dictionary, networks.

        The catalog has it already: a server that is away is only reported.
        """
        try:
            self._keep(name, data)
        except MlflowException as error:
            logger.warning("MLflow did not keep %s: %s", name, error)

    def _keep(self, name: str, data: object) -> None:
        if isinstance(data, pd.DataFrame | dict) and not len(data):
            return
        if isinstance(data, pd.DataFrame):
            self._client.log_text(self.id, without_formulas(data).to_csv(index=False), f"{name}.csv")
        elif isinstance(data, go.Figure):
            self._figures[name] = data
            self._client.log_text(self.id, data.to_json(), f"figures/{name}.json")
        elif "matplotlib.figure" in sys.modules and isinstance(data, sys.modules["matplotlib.figure"].Figure):
            self._client.log_figure(self.id, data, f"{name}.png")
        elif isinstance(data, dict) and all(isinstance(each, StoredNetwork) for each in data.values()):
            with tempfile.TemporaryDirectory() as folder:
                NetworksDataset(filepath=str(Path(folder) / name)).save(data)
                self._client.log_artifacts(self.id, folder)
        elif isinstance(data, dict) and all(isinstance(each, bytes) for each in data.values()):
            with tempfile.TemporaryDirectory() as folder:
                ExportsDataset(filepath=str(Path(folder) / name)).save(data)
                self._client.log_artifacts(self.id, folder)
        elif isinstance(data, dict):
            self._client.log_dict(self.id, data, f"{name}.json")
        elif isinstance(data, str):
            kind = "html" if data.lstrip().startswith("<") else "txt"
            self._client.log_text(self.id, data, f"{name}.{kind}")

    def describe(self, text: str) -> None:
        """Show `text`, Markdown, at the top of the run's page."""
        try:
            self._client.set_tag(self.id, MLFLOW_RUN_NOTE, text)
        except MlflowException as error:
            logger.warning("MLflow did not keep the run's description: %s", error)

    def end(self, ending: Ending) -> None:
        """End the run. What has been computed is saved by now: a server that is away is only reported."""
        lost, error = self._metrics.close()
        if lost:
            logger.warning("MLflow did not keep %d metrics: %s", lost, error)
        self._keep_figures()
        try:
            self._client.set_terminated(self.id, ending)
        except MlflowException as why:
            logger.warning("MLflow run %s was not ended: %s", self.id, why)

    def _keep_figures(self) -> None:
        """All figures on one page: Plotly's script, of megabytes, is there once, and it needs no network.

        What was drawn last comes first: a run ends with its results. One without a point is left out.
        """
        drawn = {name: figure for name, figure in reversed(self._figures.items()) if figure.data}
        if not drawn:
            return
        try:
            self._client.log_text(self.id, page(self.name, {}, _titled(drawn)), "figures.html")
        except MlflowException as error:
            logger.warning("MLflow did not keep the page of figures: %s", error)


def start_tracking(
    project: Path, *, run_id: str | None, name: str, parameters: Mapping[str, Any], tags: Mapping[str, str]
) -> TrackedRun:
    """A new run called `name`, or the run `run_id` resumed where it still exists.

    Raises UserError if MLflow cannot be reached.
    """
    client, experiment = project_experiment(project)
    try:
        run = _found(client, run_id) if run_id else None
        if run is None:
            run = client.create_run(experiment, run_name=name)
            _log_parameters(client, run.info.run_id, parameters)
        else:
            client.update_run(run.info.run_id, status="RUNNING")
        for tag, value in tags.items():
            client.set_tag(run.info.run_id, tag, value)
    except MlflowException as error:
        raise UserError(f"MLflow at {client.tracking_uri} does not work: {error}") from error
    return TrackedRun(client, run)


def git_commit(project: Path) -> str:
    """The commit of `project`, with a mark if files differ from it; "none" outside a repository."""
    git = ("git", "-C", str(project))
    try:
        commit = subprocess.run((*git, "rev-parse", "HEAD"), capture_output=True, check=True, text=True)
        status = subprocess.run((*git, "status", "--porcelain"), capture_output=True, check=True, text=True)
    except (OSError, subprocess.CalledProcessError):
        return "none"
    return commit.stdout.strip() + ("-dirty" if status.stdout.strip() else "")


def _titled(figures: Mapping[str, go.Figure]) -> dict[str, go.Figure]:
    """`figures` by the names of their entries in words, such as: narrow, curves."""
    return {
        name.removesuffix("_figure").replace(".", ", ").replace("_", " "): f for name, f in figures.items()
    }


def _found(client: MlflowClient, run_id: str) -> Run | None:
    try:
        return client.get_run(run_id)
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return None
        raise


def _log_parameters(client: MlflowClient, run_id: str, parameters: Mapping[str, Any]) -> None:
    params = [Param(name, str(value)) for name, value in flattened(parameters).items()]
    for start in range(0, len(params), _PARAMS_A_REQUEST):
        client.log_batch(run_id, params=params[start : start + _PARAMS_A_REQUEST])
