"""The pipelines and how they fit together."""

import re
import subprocess
import sys
from inspect import signature
from types import ModuleType
from typing import get_type_hints

import pytest
from kedro.config import OmegaConfigLoader
from kedro.io import AbstractVersionedDataset, DataCatalog

from natv2.catalog.layers import LAYERS
from natv2.pipeline_registry import register_pipelines
from natv2.runs.checking import validate_parameters
from natv2.runs.lazy_hooks import LazyHooks
from natv2.settings import CONFIG_LOADER_ARGS
from tests.configs import RUN
from tests.pipelines.project import REPOSITORY

PIPELINES = register_pipelines()
BESIDE = ("ofav2_plan", "natv2_plan", "postprocess_study", "predictor_study")
SMALL = {name: pipeline for name, pipeline in PIPELINES.items() if name != "__default__"}


@pytest.fixture(scope="module")
def catalog() -> DataCatalog:
    loader = OmegaConfigLoader(conf_source=str(REPOSITORY / "conf"), env="test", **CONFIG_LOADER_ARGS)
    return DataCatalog.from_config(loader["catalog"])


def test_the_pipelines_are_those_that_the_documentation_names():
    text = (REPOSITORY / "docs/commands.md").read_text()
    assert re.findall(r"^\| `(\w+)` \|", text, flags=re.MULTILINE) == list(SMALL)
    assert set(re.findall(r"--pipeline (\w+)", text)) <= set(SMALL)


def test_what_no_pipeline_makes_is_images_parameters_and_stores():
    inputs = PIPELINES["__default__"].inputs()
    assert {name for name in inputs if not name.startswith("params:")} == {
        "source_images",
        "target_images",
        "progress",
        "latency_store",
        "finishing_store",
    }
    journey = [SMALL[name].nodes for name in ("ofav2_eps", "natv2_search", "baselines", "postprocess")]
    assert set().union(*journey) == set(PIPELINES["__default__"].nodes)


def layer_of(catalog: DataCatalog, name: str) -> str | None:
    return (getattr(catalog.get(name), "metadata", None) or {}).get("kedro-viz", {}).get("layer")


def test_kedro_viz_alone_draws_the_journey_in_layers_that_go_one_way(catalog, monkeypatch):
    LazyHooks().after_catalog_created(catalog)
    assert layer_of(catalog, "front") is None
    monkeypatch.setitem(sys.modules, "kedro_viz.server", ModuleType("kedro_viz.server"))
    monkeypatch.setattr("kedro.framework.project.pipelines", PIPELINES)
    LazyHooks().after_catalog_created(catalog)
    order = ["images", *dict.fromkeys(LAYERS.values())]
    for node in (PIPELINES["__default__"] + PIPELINES["export"]).nodes:
        layers = {name: layer_of(catalog, name) for name in {*node.inputs, *node.outputs} if name in catalog}
        assert all(layers[name] in order for name in node.outputs if name in layers)
        read = [order.index(layers[name]) for name in node.inputs if layers.get(name)]
        made = [order.index(layers[name]) for name in node.outputs if name in layers]
        assert max(read, default=0) <= min(made, default=len(order))
    assert catalog.get("results").metadata["place"]  # what the catalog says is still there


def test_every_parameter_a_node_asks_for_exists():
    loader = OmegaConfigLoader(conf_source=str(REPOSITORY / "conf"), env="base", **CONFIG_LOADER_ARGS)
    blocks = validate_parameters(loader["parameters"]).blocks(RUN)
    for name in set().union(*(pipeline.inputs() for pipeline in PIPELINES.values())):
        if name.startswith("params:"):
            value = {**loader["parameters"], **blocks}
            for part in name.removeprefix("params:").split("."):
                value = value[part]


@pytest.mark.parametrize(
    "node",
    [node for name in ("__default__", *BESIDE) for node in PIPELINES[name].nodes],
    ids=lambda node: node.name,
)
def test_a_parameter_goes_to_the_argument_of_its_name(node):
    """Nodes take what they are given by position."""
    arguments = signature(node.func).parameters
    pairs = zip(node.inputs, arguments, strict=False)  # the last argument may take many
    given = {name.removeprefix("params:"): argument for name, argument in pairs if "params:" in name}
    assert all(name == argument for name, argument in given.items() if "." not in name)


@pytest.mark.parametrize("name", SMALL)
def test_what_another_pipeline_makes_is_kept_in_versions(name, catalog):
    made = SMALL[name].inputs() & PIPELINES["__default__"].all_outputs()
    for dataset in made:
        assert isinstance(catalog.get(dataset), AbstractVersionedDataset), dataset


def test_what_single_steps_need_is_not_loaded_before_any_command_begins():
    late = {
        "scipy.stats",
        "scipy.optimize",
        "sklearn",
        "matplotlib.figure",
        "torchvision",
        "triton",
        "lightgbm",
    }
    code = (
        "import sys; from natv2.pipeline_registry import register_pipelines; register_pipelines(); "
        f"print(sorted({late!r} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_types_of_all_nodes_can_be_read_as_kedro_reads_them():
    for pipeline in PIPELINES.values():
        for node in pipeline.nodes:
            assert get_type_hints(node.func)
