"""All parameters of a run."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, PositiveInt, model_validator

from natv2.aep.config import AepParameters, NetworkName, Scenario
from natv2.config import Count, Model, Place, WidthParameters, one_of
from natv2.devices import Precision
from natv2.exits.weightings import Weighting
from natv2.images.config import ImagesParameters
from natv2.images.datasets import DATASETS
from natv2.objectives.constraint_config import ConstraintParameters
from natv2.objectives.objectives import parse_objectives
from natv2.postprocess.config import PostprocessParameters, PostprocessStudyParameters
from natv2.search.config import SearchParameters
from natv2.search.predictors.study_config import PredictorStudyParameters
from natv2.shrinking.config import TeacherChoice
from natv2.shrinking.eps_config import ElasticParameters, EpsParameters
from natv2.shrinking.phases import Schedule
from natv2.spaces.design import DESIGNS
from natv2.training.distillation import Distillation

_RAW = Path("data/01_raw")


def _parsed(value: object) -> object:
    if isinstance(value, list | tuple) and all(isinstance(name, str) for name in value):
        value = "+".join(value)
    return parse_objectives(value) if isinstance(value, str) else value  # pydantic refuses the rest


Objectives = Annotated[
    tuple[str, ...],
    Field(strict=False),
    BeforeValidator(_parsed),
]


class Parameters(Model):
    """All parameters of a run."""

    supernet: Annotated[str, one_of(DESIGNS)]
    source: Annotated[str, one_of(DATASETS)]
    dataset: Annotated[str, one_of(DATASETS)]
    source_path: Place | None
    data_path: Place | None
    images: ImagesParameters
    schedule: Schedule
    teacher: TeacherChoice
    kd: Distillation
    init_from: Place | None
    elastic: ElasticParameters
    objectives: Objectives
    preset: str
    network: NetworkName
    weights: Weighting
    scenario: Scenario
    constraints: ConstraintParameters
    seed: Count
    device: Literal["auto", "cpu", "cuda"]
    precision: Precision
    threads: PositiveInt | None
    fresh: bool
    widths: WidthParameters
    eps: EpsParameters
    search: SearchParameters
    postprocess: PostprocessParameters
    postprocess_study: PostprocessStudyParameters
    predictor_study: PredictorStudyParameters
    aep: AepParameters

    @model_validator(mode="after")
    def _own_images_have_a_place(self) -> Self:
        same = self.data_path if self.source == self.dataset else None
        for name, path, field in (
            (self.dataset, self.data_path, "data_path"),
            (self.source, self.source_path or same, "source_path"),
        ):
            if DATASETS[name].classes is None and path is None:
                raise ValueError(f"images of your own ({name}) need {field}: where they are")
        return self

    @model_validator(mode="after")
    def _elastic_values_fit(self) -> Self:
        try:
            self.elastic.design(self.supernet)
        except ValueError as error:
            raise ValueError(f"elastic: {error}") from None
        return self

    def source_place(self) -> Path:
        """Where the raw files of `source` are, or go to: those of `dataset`, if it is the same set."""
        same = self.target_place() if self.source == self.dataset else _RAW / self.source
        return self.source_path or same

    def target_place(self) -> Path:
        """Where the raw files of `dataset` are, or go to."""
        return self.data_path or _RAW / self.dataset
