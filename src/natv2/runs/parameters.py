"""All parameters of a run: the sections of the rooms, and the blocks of them that nodes ask for."""

from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import model_validator

from natv2.aep.config import AepTraining
from natv2.baselines.config import BaselinesConfig
from natv2.config import Config, Place, Time, one_of
from natv2.export.config import ExportConfig
from natv2.images.config import ImagesConfig
from natv2.images.datasets import DATASETS, is_own
from natv2.objectives.goal import Goal
from natv2.objectives.metric import MACRO_ACCURACY, Metric
from natv2.objectives.objectives import ACCURACY
from natv2.postprocess.config import PostprocessConfig, PostprocessStudyConfig, RankStudyConfig
from natv2.run import Run
from natv2.search.config import PredictorStudyConfig, SearchConfig
from natv2.shrinking.config import Training
from natv2.spaces.widths import WidthsConfig
from natv2.supernets.published import OFA_IMAGENET, PUBLISHED, ImportOfaConfig

_RAW = Path("data/01_raw")


class Parameters(Run, AepTraining, Goal, Training):
    """All parameters of a run, flat where people type them often."""

    source: Annotated[str, one_of({**DATASETS, **PUBLISHED})]
    dataset: Annotated[str, one_of(DATASETS)]
    source_path: Place | None
    data_path: Place | None
    images: ImagesConfig
    preset: str
    metric: Metric
    budget: Time | None
    fresh: bool
    widths: WidthsConfig
    search: SearchConfig
    postprocess: PostprocessConfig
    rank_study: RankStudyConfig
    baselines: BaselinesConfig
    postprocess_study: PostprocessStudyConfig
    predictor_study: PredictorStudyConfig
    import_ofa: ImportOfaConfig
    export: ExportConfig

    @model_validator(mode="after")
    def _own_images_have_a_place(self) -> Self:
        same = self.data_path if self.source == self.dataset else None
        for name, path, field in (
            (self.dataset, self.data_path, "data_path"),
            (self.source, self.source_path or same, "source_path"),
        ):
            if is_own(name) and path is None:
                raise ValueError(f"images of your own ({name}) need {field}: where they are")
        return self

    @model_validator(mode="after")
    def _exits_can_be_searched(self) -> Self:
        if self.search.exits == "many" and not self.design.early_exits:
            raise ValueError(
                f"search.exits=many: {self.supernet} has no early exits to be used together; "
                "search.exits=one, or a supernet whose name begins with EE, is allowed"
            )
        return self

    @model_validator(mode="after")
    def _accuracy_is_asked_for_once(self) -> Self:
        if self.metric == "macro" and MACRO_ACCURACY in Goal.part_of(self).judged_by:
            raise ValueError(
                f"metric=macro makes {ACCURACY} the macro accuracy: leave {MACRO_ACCURACY} out of objectives "
                f"and bound it by constraints.min_{ACCURACY}"
            )
        return self

    def blocks(self, run: Run) -> dict[str, dict[str, Any]]:
        """What nodes ask for as one: `run` as it was resolved, and parts of these parameters."""
        parts: dict[str, type[Config]] = {"training": Training, "goal": Goal, "aep_training": AepTraining}
        return {"run": run.model_dump()} | {
            name: part.part_of(self).model_dump() for name, part in parts.items()
        }

    def largest_batch(self) -> int:
        """Images of the largest batch that any training has."""
        return max(
            self.eps.batch_size,
            self.search.batch_size,
            self.postprocess.full.batch_size,
            self.aep.batch_size,
        )

    def source_place(self) -> Path:
        """Where the raw files of `source` are, or go to: those of `dataset`, if it is the same set."""
        same = self.target_place() if self.source == self.dataset else _RAW / self.source
        return self.source_path or same

    def published_places(self) -> tuple[Path, Path]:
        """Where OFA's two published files are: where they are said to be, or under their own names."""
        narrow, wide = (_RAW / OFA_IMAGENET / file.name for file in PUBLISHED[OFA_IMAGENET].files)
        return self.import_ofa.narrow or narrow, self.import_ofa.wide or wide

    def target_place(self) -> Path:
        """Where the raw files of `dataset` are, or go to."""
        return self.data_path or _RAW / self.dataset
