"""Tables of all runs that are kept: in this project's catalog, and in MLflow where other machines log too."""

import io
import json
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import mlflow.artifacts
import pandas as pd
from kedro.io import AbstractDataset
from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.exceptions import MlflowException

from natv2.catalog.tables import read_table
from natv2.errors import UserError
from natv2.files import one_line
from natv2.recorded import check_recorded
from natv2.reporting.spreadsheets import with_formulas

MLFLOW_EXPERIMENT = "natv2"
_PAGE = 1000  # runs that MLflow is asked for at a time

logger = logging.getLogger(__name__)


def tracking_uri(project: Path) -> str:
    """Where MLflow keeps its runs: MLFLOW_TRACKING_URI, or mlflow.db in `project` as `mlflow ui` expects."""
    if given := os.environ.get("MLFLOW_TRACKING_URI"):
        return given
    # Absolute: a relative path would follow the working directory. But a URI's path ends at some characters.
    place = project.resolve() / "mlflow.db"
    if set("?#%") & set(str(place)):
        place = Path(os.path.relpath(place))
    if set("?#%") & set(str(place)):
        raise UserError(f"MLflow cannot keep runs in {place}: no ?, # or % in the path; start in {project}")
    return f"sqlite:///{place}"


class RunTablesDataset(AbstractDataset[None, pd.DataFrame]):
    """The rows of a table that many runs have written, with a column `run`; read only.

    All versions of `table` (a CSV or Parquet file, or a JSON one whose object is a row) anywhere below
    `folder`, and of MLflow the finished runs with these `tags` that have it as an artifact and whose version
    is not there already. `made_by` is the pipeline that writes it; None: there may be none.
    """

    def __init__(
        self, *, folder: str, table: str, tags: Mapping[str, str], made_by: str | None, project: str = "."
    ) -> None:
        self._folder, self._table, self._tags = Path(folder), Path(table), dict(tags)
        self._made_by, self._project = made_by, Path(project)

    def load(self) -> pd.DataFrame:
        """All rows, the oldest run first. Raises UserError where no run has any, but some should."""
        kept = list(self._kept())
        versions = {run for run, _ in kept}
        frames = kept + [(run, frame) for run, frame in self._tracked() if run not in versions]
        if frames:
            frames.sort(key=lambda item: item[0])
            return pd.concat([frame.assign(run=run) for run, frame in frames], ignore_index=True)
        if self._made_by is None:
            return pd.DataFrame({"run": pd.Series(dtype=str)})
        source = f" on {self._tags['source']}" if "source" in self._tags else ""
        raise UserError(
            f"no run{source} has a {self._table} below {self._folder} or in MLflow; "
            f"`kedro run --pipeline {self._made_by}` makes them"
        )

    def _kept(self) -> Iterator[tuple[str, pd.DataFrame]]:
        """Of this project: .../<table>/<version>/<table>."""
        for path in sorted(self._folder.glob(f"**/{self._table}/*/{self._table}")):
            yield path.parent.name, _whole(path)

    def _tracked(self) -> Iterator[tuple[str, pd.DataFrame]]:
        """Of MLflow: artifacts called <table> or <width>.<table>, with the suffix that it has there."""
        uri = tracking_uri(self._project)
        if uri.startswith("sqlite:///") and not Path(uri.removeprefix("sqlite:///")).exists():
            return
        suffix = ".json" if self._table.suffix == ".json" else ".csv"
        name = self._table.with_suffix(suffix).name
        try:
            client = MlflowClient(tracking_uri=uri)
            for run in _finished(client, self._tags):
                for artifact in client.list_artifacts(run.info.run_id):
                    if artifact.path == name or artifact.path.endswith(f".{name}"):
                        text = mlflow.artifacts.load_text(f"{run.info.artifact_uri}/{artifact.path}")
                        yield run.data.tags["catalog_version"], _READERS[suffix](io.StringIO(text))
        except MlflowException as error:
            logger.warning("MLflow at %s does not work, only this project's runs are read: %s", uri, error)

    def save(self, data: None) -> None:
        """Raise UserError: runs write their own tables."""
        raise UserError("tables of runs can only be read")

    def _exists(self) -> bool:
        return True

    def _describe(self) -> dict[str, Any]:
        return {"folder": str(self._folder), "table": str(self._table), "tags": self._tags}


def _object(file: Path | io.StringIO) -> pd.DataFrame:
    text = file.read_text() if isinstance(file, Path) else file.getvalue()
    return pd.DataFrame([json.loads(text)])


def _table(file: Path | io.StringIO) -> pd.DataFrame:
    # A digest is a text, though 38459584 and 89e23916 look like numbers.
    return with_formulas(pd.read_csv(file, dtype={"settings": str}))


_READERS: Mapping[str, Callable[[Any], pd.DataFrame]] = MappingProxyType(
    {".csv": _table, ".parquet": read_table, ".json": _object}
)


def _whole(path: Path) -> pd.DataFrame:
    check_recorded(path)
    try:
        return _READERS[path.suffix](path)
    except (ValueError, TypeError, OSError) as error:  # pandas's and JSON's for what is no table
        raise UserError(f"{path} is not a whole table ({one_line(error)}); delete it or restore it") from None


def _finished(client: MlflowClient, tags: Mapping[str, str]) -> list[Run]:
    experiment = client.get_experiment_by_name(MLFLOW_EXPERIMENT)
    if experiment is None:
        return []
    wanted = " and ".join(
        ["attributes.status = 'FINISHED'", *(f"tags.{name} = '{value}'" for name, value in tags.items())]
    )
    runs: list[Run] = []
    token: str | None = None
    while True:
        page = client.search_runs([experiment.experiment_id], wanted, max_results=_PAGE, page_token=token)
        runs += page
        token = page.token
        if not token:
            return runs
