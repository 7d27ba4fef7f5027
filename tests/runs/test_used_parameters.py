"""MLflow is told the parameters that bear on a run, no others."""

import pytest

from natv2.pipeline_registry import register_pipelines
from natv2.runs.used_parameters import used_parameters
from tests.configs import parameters

PIPELINES = register_pipelines()


def sections(pipeline: str, **changes) -> set[str]:
    return {name.split(".")[0] for name in used_parameters(PIPELINES[pipeline], parameters(**changes))}


@pytest.mark.parametrize(
    ("pipeline", "there", "not_there"),
    [
        ("natv2_search", {"search", "objectives", "seed", "dataset", "source", "preset"}, {"aep", "export"}),
        ("ofav2_eps", {"eps", "supernet", "source", "images", "seed"}, {"search", "dataset", "postprocess"}),
        ("aep", {"aep", "network", "dataset"}, {"eps", "search", "source", "objectives"}),
        ("images", {"dataset", "images", "seed"}, {"eps", "search", "source", "postprocess"}),
        ("natv2_compare", {"seed"}, {"search", "eps", "postprocess"}),
    ],
)
def test_only_what_the_nodes_ask_for_is_told(pipeline, there, not_there):
    found = sections(pipeline)
    assert there <= found and not found & not_there


def test_a_width_is_told_by_itself_and_a_budget_where_there_is_one():
    used = used_parameters(PIPELINES["ofav2_eps"], parameters())
    assert {name for name in used if name.startswith("widths.")} == {"widths.narrow", "widths.wide"}
    assert "budget" not in used and "fresh" not in used
    assert "budget" in sections("ofav2_eps", budget="2h")
