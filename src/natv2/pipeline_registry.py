"""The pipelines by the names people type."""

import warnings

from kedro.pipeline import Pipeline

from natv2.pipelines import natv2_search, ofav2_eps, postprocess


def register_pipelines() -> dict[str, Pipeline]:
    """Each pipeline, and all of them in a row as the default: the whole journey."""
    # narrow.supernet and wide.supernet are namespaces' data sets, read by nodes of none: Kedro warns of that.
    warnings.filterwarnings("ignore", message=r"One or more dataset names contain '\.' characters")
    pipelines = {
        "ofav2_eps": ofav2_eps.create_pipeline(),
        "natv2_search": natv2_search.create_pipeline(),
        "postprocess": postprocess.create_pipeline(),
    }
    return {**pipelines, "__default__": sum(pipelines.values(), Pipeline([]))}
