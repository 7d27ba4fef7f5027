"""The pipelines by the names people type."""

import warnings
from importlib import import_module

from kedro.pipeline import Pipeline

_JOURNEY = ("ofav2_eps", "natv2_search", "baselines", "postprocess")
_BESIDE = (
    "export",
    "aep",
    "aep_export",
    "postprocess_study",
    "predictor_study",
    "rank_study",
    "ofav2_plan",
    "natv2_plan",
    "ofav2_compare",
    "natv2_compare",
    "aep_compare",
)


NAMES = ("images", "import_ofa", *_JOURNEY, *_BESIDE, "__default__")


def register_pipelines() -> dict[str, Pipeline]:
    """Each pipeline, and the journey from training to finished networks in a row as the default."""
    # narrow.supernet and wide.supernet are namespaces' data sets, read by nodes of none: Kedro warns of that.
    warnings.filterwarnings("ignore", message=r"One or more dataset names contain '\.' characters")
    made = {name: _pipeline(name) for name in NAMES[:-1]}
    return made | {"__default__": sum((made[name] for name in _JOURNEY), Pipeline([]))}


def _pipeline(name: str) -> Pipeline:
    pipeline: Pipeline = import_module(f"natv2.pipelines.{name}.pipeline").create_pipeline()
    return pipeline
