"""What training will take, from a few steps of it."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain, count, islice
from pathlib import Path

import pandas as pd
from torch import nn

from natv2.bar import quiet
from natv2.images.batches import Batch, Epochs, largest_batch
from natv2.ranks.world import world
from natv2.run import Precision
from natv2.training.config import OptimiserConfig
from natv2.training.evaluation_time import EvaluationTime
from natv2.training.loop import Step, fit
from natv2.training.passing_hours import passing_hours
from natv2.training.schedule import RateSchedule
from natv2.training.state_store import State, StateStore

_WARM_UP = 3  # first steps are slower: memory is taken, kernels are chosen
_ENOUGH_S = 2.0  # of timing: a plan has tens of things to time
_FEW = 8  # images of the first steps, which say how many images there is time for


@dataclass(frozen=True)
class StepTime:
    """Seconds of a step with its whole batch, and the images of so large a batch that it was timed with.

    `images` is 0 where another step tells.
    """

    seconds: float
    images: int
    batch: int


def timed_with(step: StepTime | None, tested: EvaluationTime | None, networks: int = 0) -> str:
    """What was timed where it was not all: images of a batch, networks of an evaluation; else "all"."""
    few = []
    if step is not None and step.images < step.batch:
        few.append(f"{step.images} of {step.batch} images" if step.images else "other steps")
    if tested is not None and tested.networks < networks:
        few.append(f"{tested.networks} of {networks} networks" if tested.networks else "other networks")
    return ", ".join(few) or "all"


def step_time(
    module: nn.Module,
    step: Step,
    epochs: Epochs,
    *,
    optimiser: OptimiserConfig,
    precision: Precision,
    steps: int,
    seconds: float,
) -> StepTime:
    """Mean seconds of a training step with its batch, without the first few; the weights stay as they are.

    Batches are those of `epochs`, whose purpose names what is timed. At most `steps` are timed, fewer where
    they take long; where two do not fit into so many `seconds`, they have fewer images, and a whole batch is
    told by these.
    """
    timed = _Timed(epochs, steps, seconds)
    still = RateSchedule.model_construct(lr=0.0, epochs=1, warmup_epochs=0)
    store = _Nowhere(Path(), epochs.purpose)
    with quiet():
        fit(module, step, timed, optimiser=optimiser, schedule=still, precision=precision, store=store)
    return timed.found()


class _Nowhere(StateStore):
    """Keeps nothing: what is timed is not resumed."""

    def load(self, key: str) -> State | None:
        return None

    def save(self, key: str, state: State) -> None:
        pass


class _Timed:
    """One epoch of at most so many `steps`, from a small set too; each begins at one of `moments`.

    Two with few images come first.
    """

    def __init__(self, epochs: Epochs, steps: int, seconds: float) -> None:
        self.steps = 2 + _WARM_UP + steps
        self.seed, self.purpose = epochs.seed, "plan"
        self.batch = largest_batch(len(epochs.part), epochs.batch_size)
        self.images = min(_FEW, self.batch)
        self.moments = list[float]()
        self._epochs, self._seconds = replace(epochs, purpose=self.purpose), seconds

    def __call__(self, epoch: int) -> Iterator[Batch]:
        yield from self._batches(self.images, 2)
        if (images := self._affordable()) > self.images:
            self.images, self.moments = images, []
            yield from self._batches(images, self.steps - 2)

    def found(self) -> StepTime:
        """What a step takes."""
        done = len(self.moments) - 1
        first = min(_WARM_UP, done // 2)
        mean = (self.moments[-1] - self.moments[first]) / (done - first)
        return StepTime(mean * self.batch / self.images, self.images, self.batch)

    def _affordable(self) -> int:
        """So many images, up to a batch, that two steps with them fit into the time that is left."""
        start, second, end = self.moments
        left = self._seconds - (end - start)
        found = min(self.batch, self.images * left / max(1e-9, 2 * (end - second)))
        return int(world().agreed(found))  # clocks differ: all ranks do what the first has time for

    def _batches(self, images: int, steps: int) -> Iterator[Batch]:
        """At most so many; after a few seconds two are enough."""
        epochs = replace(self._epochs, batch_size=images)
        endless = chain.from_iterable(epochs(number) for number in count())
        for batch in islice(endless, steps):
            self.moments.append(time.perf_counter())
            enough = self.moments[-1] - self.moments[0] > min(_ENOUGH_S, self._seconds)
            if len(self.moments) > 2 and world().agreed(enough):
                return
            yield batch
        self.moments.append(time.perf_counter())


def track_expected(table: pd.DataFrame, store: StateStore) -> None:
    """Track what a plan's `table` expects: hours, memory and disk (bytes)."""
    expected = {f"{name}_hours": value for name, value in passing_hours(table).items()}
    store.track({**expected, "memory": table["memory"].max(), "disk": table["disk"].sum()}, 0)
