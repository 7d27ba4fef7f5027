"""What training and evaluation will take, from a few steps of each."""

import resource
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain, count, islice
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import torch
from torch import nn

from natv2.images.batches import Batch, Epochs, evaluation_batches
from natv2.images.image_set import ImageSplits
from natv2.run import Precision
from natv2.spaces.architecture import Architecture
from natv2.training.config import OptimiserConfig
from natv2.training.evaluation import Evaluator, Family
from natv2.training.loop import Step, fit
from natv2.training.schedule import RateSchedule
from natv2.training.state_store import StateStore

_WARM_UP = 3  # first steps are slower: memory is taken, kernels are chosen
_ENOUGH_S = 2.0  # of timing: a plan has tens of things to time
_IMAGES = 64  # that an evaluation is timed with, as many for its calibration
STATES = 3  # weights in a kept state of training: the module's, its momenta, and those being written


def step_seconds(
    module: nn.Module,
    step: Step,
    epochs: Epochs,
    *,
    optimiser: OptimiserConfig,
    precision: Precision,
    steps: int,
) -> float:
    """Mean seconds of a training step with its batch, without the first few; the weights stay as they are.

    Batches are those of `epochs`, whose purpose names what is timed. At most `steps` are timed, fewer where
    they take long.
    """
    timed = _Timed(epochs, _WARM_UP + steps)
    still = RateSchedule.model_construct(lr=0.0, epochs=1, warmup_epochs=0)
    with TemporaryDirectory() as folder:
        store = StateStore(Path(folder), epochs.purpose)
        fit(module, step, timed, optimiser=optimiser, schedule=still, precision=precision, store=store)
    done = len(timed.moments) - 1
    first = min(_WARM_UP, done // 2)
    return (timed.moments[-1] - timed.moments[first]) / (done - first)


class _Timed:
    """One epoch of at most so many `steps`, from a small set too; each begins at one of `moments`.

    After a few seconds two steps are enough.
    """

    def __init__(self, epochs: Epochs, steps: int) -> None:
        self.steps, self.moments = steps, list[float]()
        self.seed, self.purpose = epochs.seed, "plan"
        self._epochs = replace(epochs, purpose=self.purpose)

    def __call__(self, epoch: int) -> Iterator[Batch]:
        endless = chain.from_iterable(self._epochs(number) for number in count(epoch))
        for batch in islice(endless, self.steps):
            self.moments.append(time.perf_counter())
            if len(self.moments) > 2 and self.moments[-1] - self.moments[0] > _ENOUGH_S:
                self.steps = len(self.moments) - 1
                return
            yield batch
        self.moments.append(time.perf_counter())


def seconds_an_image(
    family: Family,
    networks: Sequence[Architecture],
    images: ImageSplits,
    exit_weights: tuple[float, ...],
) -> float:
    """Seconds that an image takes in an evaluation of `networks`, whether it calibrates or is tested."""
    few = images.train.subset(torch.arange(min(_IMAGES, len(images.train))))
    batches = list(evaluation_batches(images, few, len(few)))
    evaluator = Evaluator(calibration=batches, images=batches, exit_weights=exit_weights)
    start = time.perf_counter()
    evaluator.accuracies(family, networks, "plan")
    return (time.perf_counter() - start) / (2 * len(few))


def peak_memory(module: nn.Module) -> int:
    """Peak bytes so far: of the GPU where `module` is on one, of this process otherwise."""
    if next(module.parameters()).is_cuda:
        return torch.cuda.max_memory_allocated()
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kilobytes elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def weight_bytes(module: nn.Module) -> int:
    """Bytes of the weights of `module`."""
    return 4 * sum(parameter.numel() for parameter in module.parameters())


def track_expected(table: pd.DataFrame, hours: Sequence[str], store: StateStore) -> None:
    """Track what a plan expects: its `hours`, columns of `table`, its memory and its disk (bytes)."""
    expected = {f"{name}_hours": float(table[name].sum()) for name in hours}
    store.track({**expected, "memory": table["memory"].max(), "disk": table["disk"].sum()}, 0)
