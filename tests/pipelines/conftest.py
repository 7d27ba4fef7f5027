"""The journey, made once for all tests here; this project's command line in the tests' own process."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from kedro.framework.project import pipelines, settings
from kedro.framework.startup import bootstrap_project

from tests.pipelines.project import SMALLER, Project
from tests.sharing import shared_folder

Run = Callable[..., Result]


@dataclass(frozen=True)
class Journey:
    """A project in which `kedro run --env test` has ended well; what that wrote and said."""

    project: Project
    outputs: Mapping[str, Path]
    said: str


@pytest.fixture(scope="session")
def journey(tmp_path_factory: pytest.TempPathFactory) -> Journey:
    def make(root: Path) -> None:
        Project(root, SMALLER).run("--env", "test")

    project = Project.at(shared_folder(tmp_path_factory, "journey", make))
    return Journey(project, project.outputs(), project.said)


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project in which nothing has run."""
    return Project(tmp_path_factory.mktemp("empty"), SMALLER)


@pytest.fixture
def run_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Project], Run]]:
    """`kedro run --env test` in a project, in this process: what a subprocess imports is here already."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("KEDRO_ENV", raising=False)

    def enter(project: Project) -> Run:
        monkeypatch.chdir(project.root)
        bootstrap_project(project.root)
        from natv2.cli import cli

        return lambda *options: CliRunner().invoke(cli, ["run", "--env", "test", *options])

    yield enter
    settings.configure("natv2.settings")
    pipelines.configure("natv2.pipeline_registry")
