"""Tables of all runs that are kept: in this project's catalog, and in MLflow where other machines log too."""

import io
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import mlflow.artifacts
import pandas as pd
from kedro.io import AbstractDataset
from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.exceptions import MlflowException

from natv2.errors import UserError

EXPERIMENT = "natv2"
_PAGE = 1000  # runs that MLflow is asked for at a time

logger = logging.getLogger(__name__)


def tracking_uri(project: Path) -> str:
    """Where MLflow keeps its runs: MLFLOW_TRACKING_URI, or mlflow.db in `project` as `mlflow ui` expects."""
    # Absolute: a relative path would follow the working directory.
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{project.resolve() / 'mlflow.db'}"


class RunTablesDataset(AbstractDataset[None, pd.DataFrame]):
    """The rows of a table that many runs have written, with a column `run`; read only.

    All versions of `table` (a CSV file) anywhere below `folder`, and of MLflow the finished runs on `source`
    that have it as an artifact and whose version is not there already.
    """

    def __init__(self, *, folder: str, table: str, source: str, project: str = ".") -> None:
        self._folder, self._table, self._source = Path(folder), table, source
        self._project = Path(project)

    def load(self) -> pd.DataFrame:
        """All rows, the oldest run first. Raises UserError where no run has any."""
        frames = dict(self._kept())
        frames |= {key: frame for key, frame in self._tracked() if key not in frames}
        if not frames:
            raise UserError(
                f"no run on {self._source} has a {self._table} below {self._folder} or in MLflow; "
                "`kedro run --pipeline ofav2_eps` makes them"
            )
        rows = [frame.assign(run=run) for (run, _), frame in sorted(frames.items(), key=lambda item: item[0])]
        return pd.concat(rows, ignore_index=True)

    def _kept(self) -> Iterator[tuple[tuple[str, str], pd.DataFrame]]:
        """Of this project: .../<width>/<table>/<version>/<table>."""
        for path in sorted(self._folder.glob(f"**/{self._table}/*/{self._table}")):
            yield (path.parent.name, path.parents[2].name), pd.read_csv(path)

    def _tracked(self) -> Iterator[tuple[tuple[str, str], pd.DataFrame]]:
        """Of MLflow: artifacts called <width>.<table>."""
        uri = tracking_uri(self._project)
        if uri.startswith("sqlite:///") and not Path(uri.removeprefix("sqlite:///")).exists():
            return
        try:
            client = MlflowClient(tracking_uri=uri)
            for run in _finished(client, self._source):
                for artifact in client.list_artifacts(run.info.run_id):
                    width, _, name = artifact.path.partition(".")
                    if name == self._table:
                        text = mlflow.artifacts.load_text(f"{run.info.artifact_uri}/{artifact.path}")
                        yield (run.data.tags["catalog_version"], width), pd.read_csv(io.StringIO(text))
        except MlflowException as error:
            logger.warning("MLflow at %s does not work, only this project's runs are read: %s", uri, error)

    def save(self, data: None) -> None:
        """Raise UserError: runs write their own tables."""
        raise UserError("tables of runs can only be read")

    def _exists(self) -> bool:
        return True

    def _describe(self) -> dict[str, str]:
        return {"folder": str(self._folder), "table": self._table, "source": self._source}


def _finished(client: MlflowClient, source: str) -> list[Run]:
    experiment = client.get_experiment_by_name(EXPERIMENT)
    if experiment is None:
        return []
    wanted = f"attributes.status = 'FINISHED' and tags.source = '{source}'"
    runs: list[Run] = []
    token: str | None = None
    while True:
        page = client.search_runs([experiment.experiment_id], wanted, max_results=_PAGE, page_token=token)
        runs += page
        token = page.token
        if not token:
            return runs
