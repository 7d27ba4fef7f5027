"""The one epoch loop: EPS, warm-up, adaptation and fine-tuning differ in the step they give it."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from natv2.bar import Bar, progress_bar
from natv2.devices import Reading, autocast, fetch
from natv2.errors import UserError
from natv2.images.batches import Batch
from natv2.randomness import derived_seed
from natv2.training.optimiser import OptimiserConfig, make_optimiser, optimiser_tensors, restore_optimiser
from natv2.training.state_store import Progress, State

Step = Callable[[Batch, int, int], Tensor]
"""Runs a batch forward and, by `learn`, backward; takes it with its epoch and step, gives the loss."""

EpochBatches = Callable[[int], Iterable[Batch]]
"""The batches of an epoch."""

Validate = Callable[[], Mapping[str, float]]
"""Metrics after an epoch; among them `valid_loss` where training may stop early."""

History = list[dict[str, float]]
"""One entry an epoch: its mean loss, its learning rate and what was validated."""

_KEY, _BEST = "loop", "best"


def learn(loss: Tensor) -> Tensor:
    """Add the gradients of `loss` to those of the weights; gives it detached from what it came from."""
    with autocast("fp32", loss.device):  # a backward pass computes in what the forward pass did
        loss.backward()  # type: ignore[no-untyped-call]
    return loss.detach()


def fit(
    module: nn.Module,
    step: Step,
    batches: EpochBatches,
    *,
    steps: int,
    config: OptimiserConfig,
    progress: Progress,
    seed: int,
    until: int | None = None,
    validate: Validate | None = None,
    patience: int | None = None,
    keep_best: bool = False,
) -> History:
    """Train `module` in place up to epoch `until` (all of the schedule's by default).

    After each epoch everything needed to go on is saved in `progress`; started again, the loop
    goes on from there and ends with the same weights, bit for bit. `steps` is the number of steps
    an epoch. With `patience`, training ends after so many epochs without a lower `valid_loss`.
    With `keep_best` the module ends with the weights of the epoch with the lowest `valid_loss`.
    Raises UserError where the loss is not finite; the last finished epoch stays saved.
    """
    optimiser = make_optimiser(module, config)
    history = _restore(module, optimiser, progress)
    last = config.epochs if until is None else until
    if len(history) >= last or _is_stale(history, patience):
        _take_best(module, progress, keep_best)
        return history
    with progress_bar(progress.name, last * steps, len(history) * steps) as bar:
        for epoch in range(len(history), last):
            loss = _epoch(
                module, optimiser, step, batches(epoch), epoch, steps, config, progress.name, seed, bar
            )
            entry = {"loss": loss, "learning_rate": config.rate(epoch, 0, steps)}
            entry |= validate() if validate else {}
            history.append(entry)
            _refuse_broken(module, entry, progress.name, epoch)
            progress.track(entry, epoch)
            if keep_best and best_epoch(history) == len(history):
                # Before the state: after a kill between the two this epoch is done again, and both agree.
                progress.save(_BEST, State(tensors=module.state_dict()))
            progress.save(_KEY, _state(module, optimiser, history))
            bar.report(f"epoch {epoch + 1}/{last}, " + _told(entry))
            if _is_stale(history, patience):
                break
    _take_best(module, progress, keep_best)
    return history


def _told(entry: Mapping[str, float]) -> str:
    """What a log line says of an epoch; what concerns one exit of several is in the curves."""
    return ", ".join(f"{name} {value:.4g}" for name, value in entry.items() if "exit" not in name)


def _take_best(module: nn.Module, progress: Progress, keep_best: bool) -> None:
    best = progress.load(_BEST) if keep_best else None
    if best is not None:
        module.load_state_dict(dict(best.tensors))


def _epoch(
    module: nn.Module,
    optimiser: Optimizer,
    step: Step,
    batches: Iterable[Batch],
    epoch: int,
    steps: int,
    config: OptimiserConfig,
    name: str,
    seed: int,
    bar: Bar,
) -> float:
    """Train `module` on `batches`; the mean loss.

    A loss is read when the next step is on its way, so that a GPU always has one to do.
    """

    def train(index: int, batch: Batch) -> Reading:
        for group in optimiser.param_groups:
            group["lr"] = config.rate(epoch, index, steps)
        optimiser.zero_grad(set_to_none=True)
        # Dropout draws from torch's global generator: seeded for the step, it is counter-based too.
        torch.manual_seed(derived_seed(seed, name, "dropout", epoch, index))
        with autocast(config.precision, device):
            loss = fetch(step(batch, epoch, index))
        if config.max_gradient_norm is not None:
            nn.utils.clip_grad_norm_(module.parameters(), config.max_gradient_norm)
        optimiser.step()
        return loss

    total, device = 0.0, next(module.parameters()).device
    losses = (train(index, batch) for index, batch in enumerate(batches))
    for number, read in enumerate(_one_late(losses), start=1):
        loss = read()
        if not math.isfinite(loss):
            raise UserError(
                f"{name}: the loss is {loss} at epoch {epoch + 1}, step {number}; the state after epoch "
                f"{epoch} is kept. A lower learning rate than {config.learning_rate} may help."
            )
        total += loss
        bar.advance(f"epoch {epoch + 1}  loss {loss:.3f}")
    return total / steps


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


def _is_stale(history: History, patience: int | None) -> bool:
    return bool(patience is not None and history and len(history) - best_epoch(history) >= patience)


def _state(module: nn.Module, optimiser: Optimizer, history: History) -> State:
    tensors = {f"module.{name}": tensor for name, tensor in module.state_dict().items()}
    tensors |= {f"optimiser.{name}": tensor for name, tensor in optimiser_tensors(optimiser).items()}
    return State(tensors=tensors, values={"history": history})


def _restore(module: nn.Module, optimiser: Optimizer, progress: Progress) -> History:
    state = progress.load(_KEY)
    if state is None:
        return []
    module.load_state_dict(dict(_under("module.", state.tensors)))
    restore_optimiser(optimiser, dict(_under("optimiser.", state.tensors)))
    history: Any = state.values["history"]
    return list(history)


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    return ((name.removeprefix(prefix), t) for name, t in tensors.items() if name.startswith(prefix))
