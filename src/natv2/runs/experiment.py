"""The MLflow experiment of this project: where it is, and known to work before any work is done."""

import hashlib
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import TypeVar
from urllib.parse import urlparse
from urllib.request import url2pathname

from filelock import FileLock
from mlflow import MlflowClient
from mlflow.entities import Experiment
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from natv2.catalog.runs import MLFLOW_EXPERIMENT, tracking_uri
from natv2.errors import UserError
from natv2.runs.locks import own_lock

T = TypeVar("T")

_SQLITE = "sqlite:///"
_WHOLE_ANSWER_S = 15
_ANSWER_S = 5  # a server that takes longer does not answer


def project_experiment(project: Path) -> tuple[MlflowClient, str]:
    """A client and the id of the experiment: in MLFLOW_TRACKING_URI, by default in mlflow.db of `project`.

    A plain `mlflow ui` in the project looks there. Raises UserError within seconds where MLflow does not
    answer, its database is damaged, or its artifacts cannot be written.
    """
    uri = tracking_uri(project)
    if uri.startswith(_SQLITE):
        _refuse_unusable(Path(uri.removeprefix(_SQLITE)))
    if urlparse(uri).scheme not in ("http", "https"):
        return _found(project, uri)
    return _in_time(uri, lambda: _found(project, uri))


def _refuse_unusable(database: Path) -> None:
    """Raise UserError where nobody could open `database`, which MLflow would try again and again."""
    if database.is_dir():
        raise UserError(f"MLflow's database {database} is a folder: move it away")
    # A database that is there is written with a journal beside it.
    for place in (database, database.absolute().parent):
        if place.exists() and not os.access(place, os.W_OK):
            raise UserError(
                f"MLflow's database {database} cannot be written: {place} is not yours; allow writing "
                "there, or run in a copy of the project"
            )


def _in_time(uri: str, ask: Callable[[], T]) -> T:
    """What `ask` gives, unless that takes too long: a server may send its answer byte by byte."""
    given: Future[T] = Future()

    def asking() -> None:
        try:
            given.set_result(ask())
        except BaseException as error:
            given.set_exception(error)

    Thread(target=asking, daemon=True).start()
    try:
        return given.result(_WHOLE_ANSWER_S)
    except FutureTimeout:
        raise UserError(f"MLflow at {uri} has not answered within {_WHOLE_ANSWER_S} s") from None


def _found(project: Path, uri: str) -> tuple[MlflowClient, str]:
    try:
        # Two runs that begin together on a fresh machine would both make the database.
        with FileLock(_lock_of(uri)), _impatient():
            client = MlflowClient(tracking_uri=uri)
            found = client.get_experiment_by_name(MLFLOW_EXPERIMENT)
            if found is not None and _is_of_another_place(client, found, project):
                found = _exchanged(client, found, project)
            return client, _checked(_created(client, project) if found is None else found)
    except (MlflowException, SQLAlchemyError, OSError, ImportError) as error:
        reason = " ".join(str(error).split())[:300]
        raise UserError(f"MLflow at {uri} does not work: {reason}") from error


@contextmanager
def _impatient() -> Iterator[None]:
    """MLflow asks a server that does not answer again for minutes, unless it is told otherwise."""
    wanted = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "MLFLOW_HTTP_REQUEST_TIMEOUT": str(_ANSWER_S)}
    added = {name: value for name, value in wanted.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]


def _is_of_another_place(client: MlflowClient, experiment: Experiment, project: Path) -> bool:
    """Whether the project was copied or moved: its artifacts would go to where it was."""
    own = client.tracking_uri.startswith("sqlite:") and not os.environ.get("MLFLOW_TRACKING_URI")
    return own and experiment.artifact_location != _artifacts(project)


def _exchanged(client: MlflowClient, other: Experiment, project: Path) -> Experiment | None:
    """Put `other` aside under its place's name; that of this place, where the project was here before."""
    client.rename_experiment(other.experiment_id, _aside(other.artifact_location))
    own = client.get_experiment_by_name(_aside(_artifacts(project)))
    if own is not None:
        client.rename_experiment(own.experiment_id, MLFLOW_EXPERIMENT)
    return own


def _aside(place: str) -> str:
    return f"{MLFLOW_EXPERIMENT}, artifacts in {place}"


def _created(client: MlflowClient, project: Path) -> Experiment:
    is_server = not client.tracking_uri.startswith("sqlite:")
    place = None if is_server else _artifacts(project)
    return client.get_experiment(client.create_experiment(MLFLOW_EXPERIMENT, artifact_location=place))


def _checked(experiment: Experiment) -> str:
    """Its id. Raises UserError where it was deleted, or its artifacts cannot be written from here."""
    number: str = experiment.experiment_id
    if experiment.lifecycle_stage == "deleted":
        raise UserError(
            f"the MLflow experiment '{MLFLOW_EXPERIMENT}' was deleted; bring it back with "
            f"`mlflow experiments restore --experiment-id {number}`"
        )
    place = urlparse(experiment.artifact_location)
    if place.scheme in ("", "file"):
        folder = Path(url2pathname(place.path) if place.scheme else experiment.artifact_location)
        existing = next(each for each in (folder, *folder.parents) if each.exists())
        if not existing.is_dir() or not os.access(existing, os.W_OK):
            raise UserError(
                f"MLflow keeps the artifacts of experiment '{MLFLOW_EXPERIMENT}' in {folder}, which cannot "
                "be written to from here; start its server with --artifacts-destination"
            )
    return number


def _artifacts(project: Path) -> str:
    return (project.resolve() / "mlartifacts").as_uri()


def _lock_of(uri: str) -> Path:
    """A file outside of the project, of which no trace is to be left there."""
    is_relative = uri.startswith("sqlite:///") and not uri.startswith("sqlite:////")
    whole = f"{uri} {Path.cwd()}" if is_relative else uri
    name = hashlib.blake2b(whole.encode(), digest_size=8).hexdigest()
    return own_lock(f"mlflow-{name}.lock")
