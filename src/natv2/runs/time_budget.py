"""As many epochs as a budget of time allows, from timed first steps."""

import logging
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import Any, NamedTuple

import torch
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline

from natv2.baselines.plan import FINISHING, PLAIN_NETWORKS, PRETRAINED_NETWORKS, plan_finishing
from natv2.config import seconds_of
from natv2.errors import UserError
from natv2.images.image_set import ImageSplits
from natv2.objectives.constraints import UNCONSTRAINED
from natv2.objectives.costs import space_costs
from natv2.objectives.goal import Goal
from natv2.run import Run
from natv2.runs.parameters import Parameters
from natv2.search.adaptation.start import search_space
from natv2.search.adaptation.training import TargetSupernets
from natv2.search.latency import NO_TABLE
from natv2.search.plan import plan_search
from natv2.shrinking.config import Training
from natv2.shrinking.plan import plan
from natv2.supernets.supernet import Supernet
from natv2.training.finishing import Finishing
from natv2.training.passing_hours import passing_hours
from natv2.training.state_store import State, StateStore

logger = logging.getLogger(__name__)

_STEPS = 10  # that each stage is timed with
FEWEST = 5
"""Epochs of finishing that are worth the name."""

_KEY, _LATE = "budget", "finishing"

Catalog = CatalogProtocol[Any, Any]


class Expected(NamedTuple):
    """Seconds of training, which follow the epochs, and of all else; `pretrained` are among the first."""

    trained: float
    fixed: float
    pretrained: float = 0.0


class BudgetPlan(NamedTuple):
    """The share of all epochs that a budget has left, the seconds of all of them, and of what has none.

    `finishing`: how many trainings each of its stages has, and their seconds with all epochs.
    """

    share: float
    trained: float
    fixed: float
    finishing: Mapping[str, tuple[int, float]]

    @property
    def whole_s(self) -> float:
        """The seconds of all, with that share of the epochs."""
        return self.share * self.trained + self.fixed


def within_budget(
    parameters: Parameters,
    pipeline: Pipeline,
    catalog: CatalogProtocol[Any, Any],
    run: Run,
    store: StateStore,
) -> Parameters:
    """`parameters` with as many epochs as their budget allows, never more than they say.

    Supernets and finished networks get the same share of their epochs; the search stays as it is. The share
    is kept in `store`: a resumed run has the same. Raises UserError where too few epochs would be left.
    """
    if parameters.budget is None:
        return parameters
    state = store.load(_KEY)
    if state is None:
        expected = _expected(parameters, pipeline, catalog, run, store)
        left = max(0.0, seconds_of(parameters.budget) - expected.fixed)
        share = min(1.0, left / expected.trained) if expected.trained else 1.0
        _refuse_too_little(parameters, share, expected)
        state = State(values={"share": share, "trained": expected.trained, "fixed": expected.fixed})
        store.save(_KEY, state)
    plan = kept_plan(store)
    sized = _with_share(parameters, plan.share)
    logger.info(
        "budget %s: %.0f %% of the epochs (supernets %s, finishing %d), about %s in all, of these %s for what"
        " has none",
        *(parameters.budget, 100 * plan.share, _epochs(sized), sized.postprocess.full.epochs),
        *(_text(plan.whole_s), _text(plan.fixed)),
    )
    return sized


def kept_plan(store: StateStore) -> BudgetPlan:
    """What `within_budget` has kept in `store`."""
    state, late = store.load(_KEY), store.load(_LATE)
    assert state is not None
    share, trained, fixed = (float(state.values[name]) for name in ("share", "trained", "fixed"))
    return BudgetPlan(
        share, trained, fixed, {name: tuple(two) for name, two in late.values.items()} if late else {}
    )


def _expected(
    parameters: Parameters,
    pipeline: Pipeline,
    catalog: CatalogProtocol[Any, Any],
    run: Run,
    store: StateStore,
) -> Expected:
    """What all stages of `pipeline` take with the epochs as they are given."""
    made, known = pipeline.all_outputs(), pipeline.inputs()
    stages: list[Callable[[], Expected]] = []
    if "source_images" in known and "wide.supernet" in made:
        stages.append(partial(_supernets, parameters, catalog.load("source_images"), run))
    if "archive" in made:
        stages.append(partial(_search, parameters, catalog.load("target_images"), run))
    late = {"plain_networks": (PLAIN_NETWORKS, PRETRAINED_NETWORKS), "finished_networks": (FINISHING,)}
    if named := [stage for output, stages_of in late.items() if output in made for stage in stages_of]:
        stages.append(partial(_finishing, parameters, catalog.load("target_images"), run, store, named))
    found = [stage() for stage in stages]
    return Expected(*(sum(seconds) for seconds in zip(*found, strict=True))) if found else Expected(0.0, 0.0)


def _supernets(parameters: Parameters, images: ImageSplits, run: Run) -> Expected:
    training = Training.part_of(parameters).at(images.sizes)
    supernets = []
    for width in (parameters.widths.narrow, parameters.widths.wide):
        supernet = Supernet(training.design, width, len(images.class_names), dropout=training.eps.dropout)
        supernets.append(supernet.to(run.device, memory_format=torch.channels_last))  # type: ignore[call-overload]
    table = plan(supernets, images=images.to(run.device), training=training, run=run, steps=_STEPS)
    hours = passing_hours(table)
    return Expected(3600 * hours["training"], 3600 * (hours["evaluation"] + hours["test"]))


def _search(parameters: Parameters, images: ImageSplits, run: Run) -> Expected:
    search, images = parameters.search.at(images.sizes), images.to(run.device)
    family = {}
    for width in (parameters.widths.narrow, parameters.widths.wide):
        design, classes = parameters.design, len(images.class_names)
        trial = Supernet(design, width, classes, dropout=search.dropout)
        family[width] = trial.to(run.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    space = search_space(parameters.design, search, tuple(family))
    supernets = TargetSupernets(family, space, images, search, run)
    goal = Goal(objectives=("accuracy", "macs"), constraints=UNCONSTRAINED)
    costs = space_costs(space, len(images.class_names), NO_TABLE)
    table = plan_search(supernets, costs, goal, steps=_STEPS)
    return Expected(0.0, float(3600 * table[["training", "evaluation", "search"]].to_numpy().sum()))


def _finishing(
    parameters: Parameters, images: ImageSplits, run: Run, store: StateStore, stages: list[str]
) -> Expected:
    search, images = parameters.search.at(images.sizes), images.to(run.device)
    size = max(search.resolutions or ())
    finishing = Finishing(
        images=images,
        config=parameters.postprocess.full,
        run=run,
        resolution=size,
        evaluation_batch_size=search.evaluation_batch_size,
        labels=store.child("labels"),
    )
    widths = (parameters.widths.narrow, parameters.widths.wide)
    space = search_space(parameters.design, search.of_one_exit, widths)
    both = parameters.postprocess.start == "auto"
    networks = parameters.postprocess.expected(search.high_tradeoff)
    table = plan_finishing(finishing, space, networks, both, parameters.baselines)
    table = table[table["stage"].isin(stages)]
    seconds = dict(zip(table["stage"], 3600 * table["training"], strict=True))
    each = {
        stage: (int(times), seconds[stage])
        for stage, times in zip(table["stage"], table["times"], strict=True)
    }
    store.save(_LATE, State(values=each))
    return Expected(sum(seconds.values()), 0.0, seconds.get(PRETRAINED_NETWORKS, 0.0))


def _with_share(parameters: Parameters, share: float) -> Parameters:
    """With so much of the epochs of supernets and of finished networks, at least one."""
    training = Training.part_of(parameters)
    phases: dict[str, Any] = {}
    for name in training.phases:
        phase = getattr(parameters.eps.phases, name)
        phases[name] = phase.model_copy(update=_share_of(training.phase(name).epochs, phase, share))
    changed = parameters.eps.phases.model_copy(update=phases)
    full = parameters.postprocess.full
    full = full.model_copy(update=_share_of(full.epochs, full, share))
    return parameters.model_copy(
        update={
            "eps": parameters.eps.model_copy(update={"phases": changed}),
            "postprocess": parameters.postprocess.model_copy(update={"full": full}),
        }
    )


def shorter(epochs: int, schedule: Any) -> Mapping[str, int]:
    """What changes in `schedule` where it has so few `epochs`."""
    return {"epochs": epochs, "warmup_epochs": min(schedule.warmup_epochs, epochs // 2)}


def _share_of(epochs: int, schedule: Any, share: float) -> Mapping[str, int]:
    return shorter(max(1, round(share * epochs)) if epochs else 0, schedule)


def _refuse_too_little(parameters: Parameters, share: float, expected: Expected) -> None:
    full = parameters.postprocess.full.epochs
    least = min(FEWEST, full)
    if not expected.trained or share * full >= least:
        return

    def needed(trained: float) -> str:
        minutes = 1 + (expected.fixed + trained * least / full) // 60
        return _text(timedelta(minutes=minutes).total_seconds())

    without = ""
    if expected.pretrained:
        others = needed(expected.trained - expected.pretrained)
        without = f" ({others} without pretrained networks: baselines.pretrained=none)"
    raise UserError(
        f"budget={parameters.budget} is too little for these images: networks would be finished for "
        f"{share * full:.1f} epochs, {least} need {needed(expected.trained)}{without}; a larger budget, "
        "fewer images (images.per_class), or smaller ones (search.resolutions, eps.resolutions) help"
    )


def _epochs(parameters: Parameters) -> str:
    training = Training.part_of(parameters)
    return "+".join(str(training.phase(name).epochs) for name in training.phases)


def _text(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))
