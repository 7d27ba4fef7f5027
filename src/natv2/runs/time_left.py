"""How long finishing may take in a run with a budget: as long as all before it has left."""

import logging
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pandas as pd
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline

from natv2.baselines.plan import PLAIN_NETWORKS, PRETRAINED_NETWORKS
from natv2.baselines.pretrained import KIND
from natv2.config import seconds_of
from natv2.postprocess.config import PostprocessConfig
from natv2.run import Run
from natv2.runs.parameters import Parameters
from natv2.runs.time_budget import FEWEST, BudgetPlan, kept_plan, shorter, within_budget
from natv2.shrinking.config import Training
from natv2.training.state_store import State, StateStore

logger = logging.getLogger(__name__)

# The first of them decides: plain networks are trained as long as what was found.
_BEGIN = ("train_baselines", "prepare_finishing")
_SAFE = 0.95  # of what is left: tests and figures come after it
_SETTINGS = "params:postprocess"


class TimeLeft:
    """The time of one run with a budget, over all its attempts: what is spent is kept in `store`.

    `parameters` have the epochs that a plan made before the first step has left; `expected_s` are the seconds
    that all then takes, of this attempt those from its beginning on.
    """

    def __init__(
        self,
        asked: Parameters,
        pipeline: Pipeline,
        catalog: CatalogProtocol[Any, Any],
        run: Run,
        store: StateStore,
        *,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._now, self._start = now, now()
        self.parameters = within_budget(asked, pipeline, catalog, run, store)
        assert asked.budget is not None
        self._asked, self._store, self._budget = asked.postprocess.full, store, asked.budget
        for name, value in (("training", Training.part_of(self.parameters)), ("postprocess", self._settings)):
            _save(catalog, f"params:{name}", value)
        spent = store.load("spent")
        # The plan takes a minute of the budget, but says nothing of how quick the steps are.
        known = dict(spent.values) if spent else {"seconds": 0.0, "planning": now() - self._start}
        self._before, self._planning = float(known["seconds"]), float(known["planning"])
        self._decided = False
        self.expected_s = kept_plan(store).whole_s

    @property
    def _settings(self) -> PostprocessConfig:
        return self.parameters.postprocess

    def begin(
        self, node: str, inputs: Mapping[str, Any], catalog: CatalogProtocol[Any, Any]
    ) -> dict[str, Any]:
        """What replaces inputs of `node`: before finishing its settings, in `catalog` too."""
        spent = self._before + self._now() - self._start
        self._store.save("spent", State(values={"seconds": spent, "planning": self._planning}))
        plan = kept_plan(self._store)
        if self._decided or node not in _BEGIN or not plan.finishing:
            return {}
        self._decided = True
        decided = self._store.remembered(
            "epochs", lambda: State(values={"epochs": self._epochs(spent, plan, inputs.get("baseline_plan"))})
        )
        epochs, settings = int(decided.values["epochs"]), self._settings
        if epochs == settings.full.epochs:
            return {}
        logger.info(
            "budget %s: %s have passed, so finishing takes %d epochs instead of %d",
            *(self._budget, timedelta(seconds=round(spent)), epochs, settings.full.epochs),
        )
        full = self._asked.model_copy(update=shorter(epochs, self._asked))
        settings = settings.model_copy(update={"full": full})
        self.parameters = self.parameters.model_copy(update={"postprocess": settings})
        self.expected_s = seconds_of(self._budget) - self._before
        _save(catalog, _SETTINGS, settings)
        return {_SETTINGS: settings} if _SETTINGS in inputs else {}

    def _epochs(self, spent: float, plan: BudgetPlan, networks: pd.DataFrame | None) -> int:
        """As many as the time that is left allows, never more than were asked for."""
        before = (
            plan.share * (plan.trained - sum(seconds for _, seconds in plan.finishing.values())) + plan.fixed
        )
        pace = (spent - self._planning) / before if before > 0 else 1.0
        pace = max(pace, (1 + pace) / 2)  # what was quicker than planned may not go on to be
        whole = pace * _seconds(plan.finishing, networks)
        left, most = seconds_of(self._budget) - spent, self._asked.epochs
        possible = int(_SAFE * most * left / whole) if whole else most
        return min(most, max(FEWEST, possible))


def _save(catalog: CatalogProtocol[Any, Any], name: str, value: object) -> None:
    if (dataset := catalog.get(name)) is not None:
        dataset.save(value)


def _seconds(stages: Mapping[str, tuple[int, float]], networks: pd.DataFrame | None) -> float:
    """What all trainings of `stages` take; of plain networks those that are known by now count."""
    counts = {stage: times for stage, (times, _) in stages.items()}
    if networks is not None:
        pretrained = networks["kind"] == KIND
        counts[PLAIN_NETWORKS] = int((~pretrained).sum() + networks["taught"].sum())
        counts[PRETRAINED_NETWORKS] = int(pretrained.sum())
    return sum(counts[stage] * seconds / times for stage, (times, seconds) in stages.items())
