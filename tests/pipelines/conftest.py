"""The journey, made once for all tests here; this project's command line in the tests' own process."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from kedro.framework import project as kedro_project

from tests.conftest import as_kedro_is_told
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
def journey(tmp_path_factory: pytest.TempPathFactory, database: Path) -> Journey:
    def make(root: Path) -> None:
        project = Project(root, SMALLER)
        shutil.copy(database, root)
        project.run("--env", "test")

    project = Project.at(shared_folder(tmp_path_factory, "journey", make))
    return Journey(project, project.outputs(), project.said)


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project in which nothing has run."""
    return Project(tmp_path_factory.mktemp("empty"), SMALLER)


@contextmanager
def entered(project: Project) -> Iterator[Run]:
    """`kedro run --env test` in a project, in this process: what a subprocess imports is here already."""
    from natv2.cli import cli

    with pytest.MonkeyPatch.context() as patch:
        as_kedro_is_told(patch)
        patch.setattr("natv2.training.timing._ENOUGH_S", 0.0)  # of steps of which a plan times many
        patch.chdir(project.root)
        if kedro_project.PACKAGE_NAME != "natv2":  # told anew, it takes long
            kedro_project.configure_project("natv2")
        yield lambda *options: CliRunner().invoke(cli, ["run", "--env", "test", *options])


@pytest.fixture
def run_in() -> Iterator[Callable[[Project], Run]]:
    """Enters a project until the test ends."""
    with ExitStack() as stack:
        yield lambda project: stack.enter_context(entered(project))
