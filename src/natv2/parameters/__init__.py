"""The parameters of a run as typed models: conf/ gives the values, these say what is allowed."""

from natv2.parameters.aep import AepParameters
from natv2.parameters.checking import flattened, validate_parameters
from natv2.parameters.constraints import ConstraintParameters
from natv2.parameters.fields import WidthParameters
from natv2.parameters.postprocess import PostprocessParameters, PostprocessStudyParameters
from natv2.parameters.predictor_study import PredictorStudyParameters
from natv2.parameters.root import Parameters
from natv2.parameters.search import SearchParameters
from natv2.parameters.shrinking import ElasticParameters, EpsParameters

__all__ = [
    "AepParameters",
    "ConstraintParameters",
    "ElasticParameters",
    "EpsParameters",
    "Parameters",
    "PostprocessParameters",
    "PostprocessStudyParameters",
    "PredictorStudyParameters",
    "SearchParameters",
    "WidthParameters",
    "flattened",
    "validate_parameters",
]
