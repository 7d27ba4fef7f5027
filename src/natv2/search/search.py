"""The search: turns of predicting, evolving, evaluating and adapting (Algorithm 3.2, chapter 6)."""

from dataclasses import dataclass
from functools import partial, reduce
from typing import Any

import numpy as np
import pandas as pd

from natv2.costs import MACS, PARAMS, CostTable
from natv2.images import ImageSplits, evaluation_batches
from natv2.randomness import derived_seed, numpy_generator
from natv2.search.adaptation import AdaptationConfig, adapt, widest_teacher
from natv2.search.archive import Archive
from natv2.search.distributions import fit_distributions
from natv2.search.evolution import evolve
from natv2.search.front import Hypervolume, non_dominated
from natv2.search.predictors import Encoding, Predictor, features
from natv2.search.quality import predictor_quality
from natv2.search.subset import select_subset
from natv2.spaces import Choices, Codes, SearchSpace, combinations
from natv2.training.evaluation import Evaluator, Family
from natv2.training.progress import Progress, State


@dataclass(frozen=True, kw_only=True)
class SearchConfig:
    """What determines a search beside its supernets and images (thesis, sections 6.2 and 6.2.5)."""

    objectives: tuple[str, ...]
    archive_size: int
    pre_processing: int
    turns: int
    candidates: int
    top: int
    population: int
    generations: int
    predictor: Predictor
    features: Encoding
    adaptation_epochs: int
    evaluation_batch_size: int
    training: AdaptationConfig


@dataclass(frozen=True, kw_only=True)
class SearchResult:
    """The archive at the end, a row of figures for each turn, and the measure of the hypervolume."""

    archive: Archive
    history: pd.DataFrame
    hypervolume: Hypervolume


class Search:
    """One search over `family`, which it adapts in place; `run` does all of it.

    Everything a turn has found is saved in `progress` before the supernets are adapted, and the
    whole turn at its end: a killed search goes on with the same archive and weights.
    """

    def __init__(
        self,
        family: Family,
        space: SearchSpace,
        images: ImageSplits,
        config: SearchConfig,
        progress: Progress,
    ) -> None:
        self.family, self.space, self.images = family, space, images
        self.config, self.progress = config, progress
        self._table = CostTable(space=space, classes=len(images.class_names))
        any_supernet = next(iter(family.values()))
        self._evaluator = Evaluator(
            calibration=config.training.calibration(images),
            images=evaluation_batches(images, images.valid, config.evaluation_batch_size),
            exit_weights=config.training.output_weights(any_supernet),
        )

    def run(self) -> SearchResult:
        """Initialise the archive and take all turns."""
        config = self.config
        # Before any adaptation is restored: the teacher is the supernet as it came.
        teacher = widest_teacher(self.family, self.space, self.images, config.training)
        archive = self._initial_archive()
        hypervolume = Hypervolume.from_archive(archive.costs(config.objectives))
        history: list[dict[str, Any]] = []
        for turn in range(1, config.turns + 1):
            found = self.progress.remembered(f"turn_{turn}_found", partial(self._find, archive, turn))
            archive = self._archive(found)
            best = archive.top(config.top, config.objectives, seed=self._seed("top", turn))
            distributions = fit_distributions(self.space, best.codes)
            losses = adapt(
                self.family,
                self.space,
                distributions.sample,
                teacher=teacher,
                images=self.images,
                config=config.training,
                progress=self.progress.child("adaptation"),
                until=turn * config.adaptation_epochs,
            )
            done = self.progress.remembered(f"turn_{turn}", partial(self._reevaluate, archive, turn))
            archive = self._archive(done)
            entry = {"turn": turn, **found.values["quality"], **done.values["validation"]}
            epochs = losses[: turn * config.adaptation_epochs]
            entry |= {"loss": epochs[-1]["loss"]} if epochs else {}
            entry["hypervolume"] = hypervolume.value(archive.costs(config.objectives))
            entry["best_accuracy"] = float(archive.values["accuracy"].max())
            history.append(entry)
            # A kill may come between saving and tracking: the last turn is tracked again.
            if self.progress.load(f"turn_{turn + 1}_found") is None:
                self.progress.track({name: v for name, v in entry.items() if name != "turn"}, turn)
        return SearchResult(archive=archive, history=pd.DataFrame(history), hypervolume=hypervolume)

    # ── before the first turn ────────────────────────────────────────────────────────────────

    def _initial_archive(self) -> Archive:
        """The best of a larger sample, with the largest and the smallest network (section 6.1.4)."""
        config = self.config
        extremes = np.stack(
            [self.space.encode(self.space.largest()), self.space.encode(self.space.smallest())]
        )
        wanted = config.archive_size * config.pre_processing
        generator = numpy_generator(config.training.seed, "initial archive")
        # Twice as many as wanted, because samples may repeat each other or the extremes.
        codes = self.space.sample_architectures(2 * wanted, generator)
        codes = np.concatenate([extremes, codes])
        codes = codes[np.sort(np.unique(codes, axis=0, return_index=True)[1])][:wanted]
        parts = []
        for start in range(0, len(codes), config.archive_size):
            part = codes[start : start + config.archive_size]
            state = self.progress.remembered(f"initial_{start}", partial(self._sampled, part))
            parts.append(self._archive(state))
        sampled = reduce(Archive.grow, parts)
        others = sampled.take(np.arange(2, len(sampled)))
        best = others.top(config.archive_size - 2, config.objectives, seed=self._seed("initial", 0))
        return sampled.take(np.arange(2)).grow(best)

    def _sampled(self, codes: Codes) -> State:
        return _state(self._evaluated(codes, 0, "initial archive"))

    # ── a turn ───────────────────────────────────────────────────────────────────────────────

    def _find(self, archive: Archive, turn: int) -> State:
        """Steps 2 to 6: predict, evolve, choose, evaluate, judge the predictor, substitute."""
        config = self.config
        errors = 1 - archive.values["accuracy"].to_numpy()
        predictor = config.predictor.fit(
            features(self.space, archive.codes, config.features), errors, seed=self._seed("predictor", turn)
        )
        candidates, predicted = evolve(
            space=self.space,
            predict_error=lambda codes: predictor.predict(features(self.space, codes, config.features)),
            costs_of=self._costs,
            objectives=config.objectives,
            archive=archive,
            population=config.population,
            generations=config.generations,
            seed=self._seed("evolution", turn),
        )
        costs = archive.costs(config.objectives)
        chosen = select_subset(
            predicted,
            costs[non_dominated(costs)],
            config.objectives,
            count=config.candidates,
            seed=self._seed("subset", turn),
        )
        guess = predicted[chosen, config.objectives.index("accuracy")]
        new = self._evaluated(candidates[chosen], turn, f"turn {turn} candidates", guess)
        quality = predictor_quality(1 - new.values["accuracy"].to_numpy(), guess)
        archive = archive.substitute(new, config.objectives, seed=self._seed("substitution", turn))
        return _state(archive, quality=quality.to_dict())

    def _reevaluate(self, archive: Archive, turn: int) -> State:
        """Step 9, and the supernets' own validation over their extreme combinations (section 6.2.3)."""
        architectures = [self.space.decode(code) for code in archive.codes]
        accuracy = self._evaluator.accuracies(self.family, architectures, f"turn {turn} archive")
        unlocked = Choices.everything(self.space.design).extremes()
        sizes = sorted({self.space.resolutions[0], self.space.resolutions[-1]})
        grid = [
            a
            for width in self.family
            for a in combinations(self.space.design, unlocked, resolutions=sizes, width=width)
        ]
        validated = self._evaluator.accuracies(self.family, grid, f"turn {turn} supernets")
        validation = {"supernet_mean": float(validated.mean()), "supernet_best": float(validated.max())}
        return _state(archive.with_accuracy(accuracy), validation=validation)

    def _evaluated(self, codes: Codes, turn: int, name: str, predicted: Any = np.nan) -> Archive:
        architectures = [self.space.decode(code) for code in codes]
        accuracy = self._evaluator.accuracies(self.family, architectures, name)
        return Archive.evaluated(
            codes, accuracy=accuracy, costs=self._costs(codes), turn=turn, predicted_error=predicted
        )

    def _costs(self, codes: Codes) -> pd.DataFrame:
        table = self._table(codes)
        return pd.DataFrame({"params": table[:, PARAMS], "macs": table[:, MACS]})

    def _seed(self, purpose: str, turn: int) -> int:
        return derived_seed(self.config.training.seed, "search", purpose, turn)

    def _archive(self, state: State) -> Archive:
        return Archive.from_frame(pd.DataFrame(state.values["archive"]), self.space)


def _state(archive: Archive, **values: Any) -> State:
    return State(values={"archive": archive.to_frame().to_dict("list"), **values})
