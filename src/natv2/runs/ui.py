"""The command `natv2 ui`: MLflow at this project's experiment, for this machine alone."""

import os
import signal
import socket
import subprocess
import sys
import time
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote
from urllib.request import urlopen

import click
from kedro.utils import find_kedro_project

from natv2.errors import UserError
from natv2.runs.asked import check_environment

_HOST = "127.0.0.1"  # runs have no password: nobody else is meant to see them
_START_S = 180  # of a busy machine
_POLL_S = 0.2


@click.command(name="ui")
@click.option("--env", metavar="ENV", help="Show the runs of this environment only, such as demo.")
@click.option(
    "--port", type=click.IntRange(1, 65535), default=5000, show_default=True, help="Where it listens."
)
@click.option("--open/--no-open", "opens", default=True, help="Whether a browser is opened.")
def ui(env: str | None, port: int, opens: bool) -> None:
    """Start MLflow at this project's runs, on 127.0.0.1, until Ctrl-C.

    With MLFLOW_TRACKING_URI a server that is there already is shown instead.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # or the server would outlive a polite end
    project = find_kedro_project(Path.cwd()) or Path.cwd()
    check_environment(project / "conf", env)
    from natv2.runs.experiment import project_experiment  # with MLflow, which takes seconds

    client, experiment = project_experiment(project)
    uri = str(client.tracking_uri)
    if uri.startswith("http"):
        _show(experiment_url(uri, experiment, env), opens)
        return
    try:
        with served(uri, port) as server:
            _show(experiment_url(f"http://{_HOST}:{port}", experiment, env), opens)
            click.echo("Ctrl-C ends it")
            server.wait()
    except KeyboardInterrupt:
        return
    raise UserError(f"MLflow has ended with exit code {server.returncode}")


def experiment_url(server: str, experiment: str, env: str | None) -> str:
    """The page of `experiment` at `server`, in the mode for trainings; only the runs of `env`, if given."""
    filtered = quote(f"tags.env = '{env}'", safe="")
    chosen = "" if env is None else f"searchFilter={filtered}&"
    return f"{server.rstrip('/')}/#/experiments/{experiment}/runs?{chosen}workflowType=machine_learning"


@contextmanager
def served(uri: str, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """MLflow's server over the runs at `uri`, ready; ended with the block.

    Raises UserError where `port` is taken, or the server does not start.
    """
    _check_free(port)
    options = ("--backend-store-uri", uri, "--host", _HOST, "--port", str(port), "--workers", "1")
    # Its jobs are for what we have none of, and would be processes more.
    environment = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    server = subprocess.Popen(
        [sys.executable, "-m", "mlflow", "ui", *options],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait(server, port)
        yield server
    finally:
        server.terminate()
        server.wait()


def _check_free(port: int) -> None:
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((_HOST, port))
        except OSError as error:
            raise UserError(f"port {port} cannot be used ({error.strerror}); --port names another") from None


def _wait(server: subprocess.Popen[bytes], port: int) -> None:
    end = time.monotonic() + _START_S
    while time.monotonic() < end and server.poll() is None:
        try:
            with urlopen(f"http://{_HOST}:{port}/health", timeout=1):
                return
        except OSError:
            time.sleep(_POLL_S)
    raise UserError(f"MLflow did not start at port {port}; `mlflow ui --port {port}` in the project says why")


def _show(url: str, opens: bool) -> None:
    click.echo(url)
    if opens:
        webbrowser.open(url)
