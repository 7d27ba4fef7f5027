"""The one epoch loop: EPS, warm-up, adaptation and fine-tuning differ in the step they give it."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from natv2.bar import Bar, progress_bar
from natv2.devices import Reading, autocast, fetch
from natv2.errors import UserError
from natv2.images.batches import Batch
from natv2.nn.dropout import drawing_from
from natv2.randomness import derived_seed, seed_process
from natv2.ranks.together import together
from natv2.ranks.world import world
from natv2.run import Precision
from natv2.training.averaging import Averaged
from natv2.training.config import OptimiserConfig
from natv2.training.gradients import Losses, average_buffers, sum_gradients
from natv2.training.optimiser import make_optimiser, optimiser_tensors, restore_optimiser
from natv2.training.schedule import RateSchedule
from natv2.training.state_store import State, StateStore

Step = Callable[[Batch, int, int], Tensor]
"""Runs a batch forward and, by `backward`, backward; takes it with its epoch and step, gives the loss."""


class EpochBatches(Protocol):
    """The batches of an epoch, when called with its number; `steps` is how many they are.

    `seed` and `purpose` are those of their draws, and of the steps' dropout.
    """

    @property
    def steps(self) -> int: ...  # noqa: D102
    @property
    def seed(self) -> int: ...  # noqa: D102
    @property
    def purpose(self) -> str: ...  # noqa: D102
    def __call__(self, epoch: int, /) -> Iterable[Batch]: ...  # noqa: D102


Metrics = Callable[[], Mapping[str, float]]
"""Metrics of an epoch that has ended; among them `valid_loss` where training may stop early."""

History = list[dict[str, float]]
"""One entry an epoch: its mean loss, its learning rate and what was validated."""

_KEY, _BEST = "loop", "best"


def backward(loss: Tensor) -> Tensor:
    """Add the gradients of `loss` to those of the weights; gives it detached from what it came from."""
    with autocast("fp32", loss.device):  # a backward pass computes in what the forward pass did
        loss.backward()  # type: ignore[no-untyped-call]
    return loss.detach()


@dataclass(frozen=True, kw_only=True)
class Validation:
    """What happens after an epoch: `metrics`, and what follows from their `valid_loss`.

    With `patience`, training ends after so many epochs without a lower one. With `keep_best` the module ends
    with the weights of the epoch with the lowest one.
    """

    metrics: Metrics
    patience: int | None = None
    keep_best: bool = False


def fit(
    module: nn.Module,
    step: Step,
    epochs: EpochBatches,
    *,
    optimiser: OptimiserConfig,
    schedule: RateSchedule,
    precision: Precision,
    store: StateStore,
    until: int | None = None,
    validation: Validation | None = None,
) -> History:
    """Train `module` in place up to epoch `until` (all of the schedule's by default).

    The modules of a list are trained as by an optimiser each: what a step did not use stays, and gradients
    are clipped by the norm of their own module. One that is `Averaged` moves its average after each step.
    After each epoch everything needed to resume is saved in `store`; started again, the loop resumes there
    and ends with the same weights, bit for bit. Where there are several ranks, all take part (`_Loop`).
    Raises UserError where the loss is not finite; the last finished epoch stays saved.
    """
    loop = _Loop(module, step, epochs, optimiser, schedule, precision, store.name)
    history = loop.restore(store)
    last = schedule.epochs if until is None else until
    if len(history) < last and not _is_stale(history, validation):
        history = together(_train, loop, history, last, validation, store)
    _take_best(module, store, validation)
    return history


def _train(
    loop: "_Loop", history: History, last: int, validation: Validation | None, store: StateStore
) -> History:
    """Go on after `history` up to epoch `last`: on every rank, with copies of all this."""
    module, epochs = loop.module, loop.epochs
    with progress_bar(store.name, last * epochs.steps, len(history) * epochs.steps) as bar:
        for epoch in range(len(history), last):
            rate = loop.schedule.rate(epoch, 0, epochs.steps)
            entry = {"loss": loop.epoch(epoch, bar), "learning_rate": rate}
            entry |= validation.metrics() if validation else {}
            history.append(entry)
            _refuse_broken(module, entry, store.name, epoch)
            store.track(entry, epoch)
            if validation and validation.keep_best and best_epoch(history) == len(history):
                # Before the state: after a kill between the two this epoch is done again, and both agree.
                store.save(_BEST, State(tensors=module.state_dict()))
            store.save(_KEY, loop.state(history))
            bar.report(f"epoch {epoch + 1}/{last}, " + _told(entry))
            if _is_stale(history, validation):
                break
    return history


def _told(entry: Mapping[str, float]) -> str:
    """What a log line says of an epoch; what concerns one exit of several is in the curves."""
    return ", ".join(f"{name} {value:.4g}" for name, value in entry.items() if "exit" not in name)


def _take_best(module: nn.Module, store: StateStore, validation: Validation | None) -> None:
    best = store.load(_BEST) if validation and validation.keep_best else None
    if best is not None:
        module.load_state_dict(dict(best.tensors))


@dataclass
class _Loop:
    """A module in training: its step, its batches, its optimiser.

    Of several ranks each computes a slice of the batch, with its own batch statistics. Gradients are summed
    before the optimiser's step, so all have the same weights; running statistics are averaged each epoch.
    """

    module: nn.Module
    step: Step
    epochs: EpochBatches
    config: OptimiserConfig
    schedule: RateSchedule
    precision: Precision
    name: str

    def __post_init__(self) -> None:
        """Make the optimiser."""
        self.optimiser = make_optimiser(self.module, self.config, self.schedule.lr)
        self.device = next(self.module.parameters()).device

    def epoch(self, epoch: int, bar: Bar) -> float:
        """Train for an epoch; the mean loss.

        A loss is read when the next step is on its way, so that a GPU always has one to do.
        """
        total, self._losses = 0.0, list[Losses]()
        losses = (self._train(epoch, index, batch) for index, batch in enumerate(self.epochs(epoch)))
        for number, read in enumerate(_one_late(losses), start=1):
            world().check()
            loss = read()
            if not math.isfinite(loss):
                where = self._losses[number - 1].where_broken()
                raise UserError(
                    f"{self.name}: the loss is {loss}{where} at epoch {epoch + 1}, step {number}; the state "
                    f"after epoch {epoch} is kept. A lower learning rate than {self.schedule.lr} may help."
                )
            total += loss
            bar.advance(f"epoch {epoch + 1}  loss {loss:.3f}")
        average_buffers(self.module)
        return total / self.epochs.steps

    def _train(self, epoch: int, index: int, batch: Batch) -> Reading:
        for group in self.optimiser.param_groups:
            group["lr"] = self.schedule.rate(epoch, index, self.epochs.steps)
        self.optimiser.zero_grad(set_to_none=True)
        rank, part = world().rank, world().slice(len(batch))
        own = [rank] if rank else []
        seed = derived_seed(self.epochs.seed, self.epochs.purpose, "dropout", epoch, index, *own)
        seed_process(seed)
        generator = torch.Generator(self.device).manual_seed(seed)
        with autocast(self.precision, self.device), drawing_from(generator):
            loss = self.step(batch.rows(part.start, part.stop), epoch, index)
        self._losses.append(sum_gradients(self.module, loss, part.share))
        read = fetch(self._losses[-1].mean)
        if self.config.max_gradient_norm is not None:
            for each in self.module if isinstance(self.module, nn.ModuleList) else [self.module]:
                nn.utils.clip_grad_norm_(each.parameters(), self.config.max_gradient_norm)
        self.optimiser.step()
        if isinstance(self.module, Averaged):
            self.module.update()
        return read

    def state(self, history: History) -> State:
        """What is needed to resume after the last epoch of `history`."""
        tensors = {f"module.{name}": tensor for name, tensor in self.module.state_dict().items()}
        remembered = optimiser_tensors(self.optimiser).items()
        tensors |= {f"optimiser.{name}": tensor for name, tensor in remembered}
        return State(tensors=tensors, values={"history": history})

    def restore(self, store: StateStore) -> History:
        """Take what `state` gave from `store`; the history so far."""
        state = store.load(_KEY)
        if state is None:
            return []
        self.module.load_state_dict(dict(_under("module.", state.tensors)))
        restore_optimiser(self.optimiser, dict(_under("optimiser.", state.tensors)))
        history: Any = state.values["history"]
        return list(history)


def _one_late(readings: Iterable[Reading]) -> Iterator[Reading]:
    """`readings`, each when the next is there."""
    waiting: list[Reading] = []
    for reading in readings:
        yield from waiting
        waiting = [reading]
    yield from waiting


def _refuse_broken(module: nn.Module, entry: Mapping[str, float], name: str, epoch: int) -> None:
    """Raise UserError where an epoch's last update or its validation left what is not finite."""
    broken = [key for key, value in entry.items() if not math.isfinite(value)]
    broken += [key for key, weight in module.named_parameters() if not weight.isfinite().all()]
    if broken:
        raise UserError(
            f"{name}: {broken[0]} is not finite after epoch {epoch + 1}; "
            f"the state after epoch {epoch} is kept. A lower learning rate may help."
        )


def best_epoch(history: History) -> int:
    """The number of epochs (from 1) after which `valid_loss` was lowest; the earliest of equals."""
    losses = [entry["valid_loss"] for entry in history]
    return losses.index(min(losses)) + 1


def _is_stale(history: History, validation: Validation | None) -> bool:
    patience = validation.patience if validation else None
    return bool(patience is not None and history and len(history) - best_epoch(history) >= patience)


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    return ((name.removeprefix(prefix), t) for name, t in tensors.items() if name.startswith(prefix))
