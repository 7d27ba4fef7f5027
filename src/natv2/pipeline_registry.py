"""The pipelines by the names people type."""

import warnings

from kedro.pipeline import Pipeline

from natv2.pipelines import (
    aep,
    aep_compare,
    images,
    natv2_compare,
    natv2_plan,
    natv2_search,
    ofav2_compare,
    ofav2_eps,
    ofav2_plan,
    postprocess,
    postprocess_study,
    predictor_study,
)


def register_pipelines() -> dict[str, Pipeline]:
    """Each pipeline, and the journey from training to finished networks in a row as the default."""
    # narrow.supernet and wide.supernet are namespaces' data sets, read by nodes of none: Kedro warns of that.
    warnings.filterwarnings("ignore", message=r"One or more dataset names contain '\.' characters")
    journey = {
        "ofav2_eps": ofav2_eps.create_pipeline(),
        "natv2_search": natv2_search.create_pipeline(),
        "postprocess": postprocess.create_pipeline(),
    }
    return {
        "images": images.create_pipeline(),
        **journey,
        "aep": aep.create_pipeline(),
        "postprocess_study": postprocess_study.create_pipeline(),
        "predictor_study": predictor_study.create_pipeline(),
        "ofav2_plan": ofav2_plan.create_pipeline(),
        "natv2_plan": natv2_plan.create_pipeline(),
        "ofav2_compare": ofav2_compare.create_pipeline(),
        "natv2_compare": natv2_compare.create_pipeline(),
        "aep_compare": aep_compare.create_pipeline(),
        "__default__": sum(journey.values(), Pipeline([])),
    }
