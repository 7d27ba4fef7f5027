"""A toy project with this one's settings, configuration and hooks, and pipelines that take no time."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# One thread a worker, here and in what it starts: tiny layers are faster so, and no worker waits for another.
os.environ["OMP_NUM_THREADS"] = "1"

import hypothesis
import pytest
import torch
from click.testing import CliRunner, Result
from kedro.framework.project import configure_project
from kedro.framework.startup import bootstrap_project
from mlflow import MlflowClient

from tests.sharing import shared_folder

# On a busy machine one example takes any time.
hypothesis.settings.register_profile("natv2", deadline=None)
hypothesis.settings.load_profile("natv2")

REPOSITORY = Path(__file__).parents[1]

FIRST = ("tests/pipelines/", "tests/test_quality.py", "tests/export/", "tests/sweep/")  # what takes longest
TOGETHER = (  # files and folders whose tests share what one of them has trained, exported, built or started
    "tests/pipelines/test_aep.py",
    "tests/pipelines/test_device_latency.py",
    "tests/device_kit/",
    "tests/docs/",
    "tests/explorer/",
    "tests/export/",
    "tests/predict/",
    "tests/ranks/test_together.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest; while one worker makes what many read, another need not wait for it."""
    items.sort(key=lambda item: (not item.nodeid.startswith(FIRST), "journey" in item.fixturenames))
    first = next((item for item in items if "journey" in item.fixturenames), None)
    if first is not None:
        items.remove(first)
        items.insert(0, first)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """One test after the other to whichever worker is free."""
    from xdist.scheduler import LoadScopeScheduling

    class OneByOne(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return next((shared for shared in TOGETHER if nodeid.startswith(shared)), nodeid)

    return OneByOne(config, log)


REGISTRY = """
import pandas as pd
import torch
from kedro.pipeline import Pipeline, node, pipeline

from natv2.shrinking.config import EpsConfig
from natv2.spaces.design import DESIGNS
from natv2.supernets.checkpoint import Checkpoint
from natv2.training.state_store import State, StateStore

BEFORE_EPOCH = lambda epoch: None
EPOCHS_RUN = []


def train(eps: EpsConfig, width: float, store: StateStore) -> Checkpoint:
    state = store.load("epoch") or State(tensors={"weight": torch.zeros(2)}, values={"done": 0})
    weight = state.tensors["weight"]
    for epoch in range(state.values["done"], 3):
        BEFORE_EPOCH(epoch)
        EPOCHS_RUN.append(epoch)
        weight = weight + 1
        store.save("epoch", State(tensors={"weight": weight}, values={"done": epoch + 1}))
        store.track({"loss": 1 / (epoch + 1)}, epoch)
    return Checkpoint(
        design=DESIGNS["SE_B_OFAMobileNetV3"],
        width=width,
        classes=("0",),
        phase="full",
        weights={"weight": weight},
    )


def search(supernet: Checkpoint, objectives: tuple[str, ...]) -> pd.DataFrame:
    return pd.DataFrame({"weight": supernet.weights["weight"].tolist(), "objective": objectives})


def register_pipelines() -> dict[str, Pipeline]:
    inputs = ["params:eps", "params:widths.narrow", "progress"]
    shrinking = pipeline([node(train, inputs, "narrow_supernet", name="narrow.full")])
    searching = pipeline([node(search, ["narrow_supernet", "params:objectives"], "archive", name="search")])
    return {"ofav2_eps": shrinking, "natv2_search": searching, "__default__": shrinking + searching}
"""

CATALOG = """
progress:
  type: natv2.catalog.state_store.StateStoreDataset
  filepath: data/06_models/progress

narrow_supernet:
  type: natv2.catalog.checkpoint.CheckpointDataset
  filepath: data/06_models/${runtime_params:supernet}/narrow_supernet.safetensors
  versioned: true

archive:
  type: pandas.CSVDataset
  filepath: data/07_model_output/${runtime_params:objectives}/archive.csv
  versioned: true
"""


class ToyProject:
    """The toy project in `root`, run as a person would."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def registry(self):
        """The module with the toy pipelines."""
        import toy_natv2.pipeline_registry

        return toy_natv2.pipeline_registry

    @property
    def attempts(self) -> list[Path]:
        return [path for path in (self.root / "data/06_models/progress").glob("*") if path.is_dir()]

    def run(self, *options: str) -> Result:
        """`kedro run` with `options`, in this process."""
        from natv2.cli import cli

        return CliRunner().invoke(cli, ["run", "--env", "test", *options])


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Run on one thread: tiny layers are faster so, and the machine stays free."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MLflow's, in which nothing has run, to be copied: MLflow takes seconds to make one."""

    def make(folder: Path) -> None:
        folder.mkdir()
        MlflowClient(f"sqlite:///{folder / 'mlflow.db'}").search_experiments()

    return shared_folder(tmp_path_factory, "database", make) / "mlflow.db"


@pytest.fixture(scope="session")
def toy_root(tmp_path_factory: pytest.TempPathFactory, database: Path) -> Path:
    root = tmp_path_factory.mktemp("project")
    shutil.copy(database, root)
    shutil.copytree(REPOSITORY / "conf", root / "conf")
    (root / "conf/local").mkdir(exist_ok=True)
    (root / "conf/base/catalog.yml").write_text(CATALOG)
    package = root / "src/toy_natv2"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "settings.py").write_text("from natv2.settings import *\n")
    (package / "pipeline_registry.py").write_text(REGISTRY)
    (root / "pyproject.toml").write_text(
        '[tool.kedro]\npackage_name = "toy_natv2"\nproject_name = "toy"\nkedro_init_version = "1.7.0"\n'
    )
    return root


def as_kedro_is_told(patch: pytest.MonkeyPatch) -> None:
    """Nothing of this machine's environment."""
    for name in ("MLFLOW_TRACKING_URI", "KEDRO_ENV"):
        patch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def toy_package(toy_root: Path) -> Iterator[None]:
    """Kedro has been told that the toy is its project, which takes longer than its pipelines."""
    bootstrap_project(toy_root)
    yield
    configure_project("natv2")


@pytest.fixture
def toy(toy_root: Path, toy_package: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[ToyProject]:
    as_kedro_is_told(monkeypatch)
    monkeypatch.chdir(toy_root)
    project = ToyProject(toy_root)
    project.registry.EPOCHS_RUN.clear()
    yield project
    shutil.rmtree(toy_root / "data", ignore_errors=True)
