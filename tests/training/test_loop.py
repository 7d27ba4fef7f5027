import copy
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from natv2.errors import UserError
from natv2.images.batches import Batch, Epochs
from natv2.nn.dropout import Dropout
from natv2.randomness import numpy_generator
from natv2.shrinking.phases import sample
from natv2.spaces.choices import Choices
from natv2.training import loop
from natv2.training.loop import History, Step, Validation, best_epoch, fit
from natv2.training.schedule import RateSchedule
from natv2.training.state_store import StateStore
from natv2.training.steps import elastic_step
from tests.tiny import Optimiser, new_supernet, splits

EPOCHS, STEPS = 4, 4
IMAGES = splits(train=32)
SCHEDULE = RateSchedule(lr=0.05, epochs=EPOCHS)


class Stop(Exception):
    """What a test raises in the place of Ctrl-C."""


def network() -> nn.Module:
    generator = torch.Generator().manual_seed(0)
    module = nn.Sequential(
        nn.Conv2d(3, 4, 3, stride=4),
        nn.BatchNorm2d(4),
        Dropout(0.4),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(64, 4),
    )
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(0.2 * torch.randn(parameter.shape, generator=generator))
    return module


def plain_step(module: nn.Module) -> Step:
    def step(batch: Batch, epoch: int, index: int) -> Tensor:
        module.train()
        loss = cross_entropy(module(batch.at(16)), batch.labels)
        loss.backward()
        return loss.detach()

    return step


def subnet_step(module: nn.Module) -> Step:
    def subnets(epoch: int, index: int):
        unlocked = Choices.everything(module.design)
        generator = numpy_generator(0, "subnets", epoch, index)
        return sample(module.design, unlocked, 1, resolution=16, width=0.1, generator=generator)

    return elastic_step({0.1: module}, subnets, None, kd_ratio=0, label_smoothing=0.1)


def stopping(step: Step, at: tuple[int, int] | None) -> Step:
    def stopped(batch: Batch, epoch: int, index: int) -> Tensor:
        if (epoch, index) == at:
            raise Stop
        return step(batch, epoch, index)

    return stopped


def run(module: nn.Module, step: Step, folder: Path, *, seed: int = 3, **options) -> History:
    """Train `module` on the tiny images; the global generator is at a different place each time."""
    torch.rand(len(str(folder)))
    usual = {"optimiser": Optimiser(), "schedule": SCHEDULE, "store": StateStore(folder, "phase")}
    usual |= options
    epochs = Epochs(IMAGES, IMAGES.train, 8, seed, usual["store"].name)
    return fit(module, step, epochs, precision="fp32", **usual)


def same(a: nn.Module, b: nn.Module) -> bool:
    others = b.state_dict()
    return all(torch.equal(tensor, others[name]) for name, tensor in a.state_dict().items())


@pytest.mark.parametrize(
    ("make", "step_of"),
    [
        (network, plain_step),
        (lambda: new_supernet("EE_DP_OFAMobileNetV3", dropout=0.3), subnet_step),
    ],
    ids=["network", "supernet"],
)
@pytest.mark.parametrize("name", ["sgd", "adamw"])
def test_a_stopped_and_resumed_run_ends_as_the_undisturbed_one(tmp_path, make, step_of, name):
    options = {
        "optimiser": Optimiser(optimizer=name, weight_decay=0.01, max_gradient_norm=2.0),
        "schedule": RateSchedule(lr=0.02, epochs=3, warmup_epochs=1),
    }
    undisturbed = make()
    before = {key: tensor.clone() for key, tensor in undisturbed.state_dict().items()}
    history = run(undisturbed, step_of(undisturbed), tmp_path / "a", **options)
    assert len(history) == 3
    assert any(not torch.equal(tensor, before[key]) for key, tensor in undisturbed.state_dict().items())
    for at in ((0, 2), (1, 0), (2, 1), None):
        resumed = make()
        step = stopping(step_of(resumed), at)
        if at is not None:
            with pytest.raises(Stop):
                run(resumed, step, tmp_path / "b", **options)
        else:
            assert run(resumed, step, tmp_path / "b", **options) == history
    assert same(undisturbed, resumed)


def test_a_finished_loop_gives_its_end_without_a_step(tmp_path):
    first, again = network(), network()
    history = run(first, plain_step(first), tmp_path)
    assert run(again, stopping(plain_step(again), (0, 0)), tmp_path) == history
    assert same(first, again)


def test_up_to_an_epoch_and_then_on_is_the_same_as_at_once(tmp_path):
    parts, whole = network(), network()
    for until in (1, 3, EPOCHS):
        history = run(parts, plain_step(parts), tmp_path / "parts", until=until)
        assert len(history) == until
    assert run(whole, plain_step(whole), tmp_path / "whole") == history
    assert same(parts, whole)


def test_rates_are_those_of_the_whole_schedule_whatever_until_says(tmp_path):
    module = network()
    history = run(module, plain_step(module), tmp_path, until=2)
    assert [entry["learning_rate"] for entry in history] == [SCHEDULE.rate(e, 0, STEPS) for e in range(2)]


@pytest.mark.parametrize("norm", [None, 4.0, 0.25])
def test_each_step_goes_as_far_as_its_rate_and_the_clipped_gradient_say(tmp_path, norm):
    module = nn.Linear(1, 1, bias=False)
    places = []

    def step(batch: Batch, epoch: int, index: int) -> Tensor:
        places.append(module.weight.item())
        loss = 2 * module.weight.sum()  # its gradient is 2 wherever the weight is
        loss.backward()
        return loss.detach()

    optimiser = Optimiser(momentum=0.0, max_gradient_norm=norm)
    schedule = RateSchedule(lr=0.1, epochs=EPOCHS, warmup_epochs=1)
    run(module, step, tmp_path, optimiser=optimiser, schedule=schedule)
    moved = [a - b for a, b in pairwise([*places, module.weight.item()])]
    gradient = 2.0 if norm is None else min(norm, 2.0)
    expected = [gradient * schedule.rate(e, i, STEPS) for e in range(EPOCHS) for i in range(STEPS)]
    assert moved == pytest.approx(expected, abs=1e-6)


def test_modules_of_a_list_are_trained_as_by_an_optimiser_each(tmp_path):
    """Whatever the other's gradients are, and whether it has any in a step."""

    def step_of(modules: dict[float, nn.Module]) -> Step:
        def step(batch: Batch, epoch: int, index: int) -> Tensor:
            for size, module in modules.items():
                if size < 2 or index % 2:
                    (size * module.weight.sum()).backward()
            return torch.tensor(1.0)

        return step

    optimiser = Optimiser(max_gradient_norm=2.0, weight_decay=0.1)
    linear = [nn.Linear(3, 1, bias=False) for _ in range(2)]
    both = nn.ModuleList(copy.deepcopy(linear))
    run(both, step_of(dict(zip((0.5, 8.0), both, strict=True))), tmp_path / "both", optimiser=optimiser)
    for size, module, expected in zip((0.5, 8.0), linear, both, strict=True):
        run(module, step_of({size: module}), tmp_path / str(size), optimiser=optimiser)
        assert torch.equal(module.weight, expected.weight)


def test_no_two_steps_of_any_phase_or_seed_drop_the_same(tmp_path):
    module, drawn = network(), []

    def step(batch: Batch, epoch: int, index: int) -> Tensor:
        drawn.append(torch.rand(()).item())  # from the generator that dropout draws from
        return plain_step(module)(batch, epoch, index)

    every = [(name, seed) for name in ("full", "kernel") for seed in (0, 1)]
    for name, seed in every:
        run(module, step, tmp_path, store=StateStore(tmp_path / f"{name} {seed}", name), seed=seed)
    assert len(set(drawn)) == len(drawn) == len(every) * EPOCHS * STEPS


def test_no_other_thread_changes_what_is_dropped(tmp_path):
    """Another one may draw from torch's generator, or seed it, at any time: here within each step."""

    def disturbed(step: Step) -> Step:
        def step_(batch: Batch, epoch: int, index: int) -> Tensor:
            torch.manual_seed(index)
            return step(batch, epoch, index)

        return step_

    for number, (make, step_of) in enumerate(
        [(network, plain_step), (lambda: new_supernet("EE_B_OFAMobileNetV3", dropout=0.3), subnet_step)]
    ):
        alone, other = make(), make()
        history = run(alone, step_of(alone), tmp_path / f"a{number}", until=2)
        assert run(other, disturbed(step_of(other)), tmp_path / f"b{number}", until=2) == history
        assert same(alone, other)


def test_trainings_in_two_threads_are_those_of_one(tmp_path):
    def trained(folder: Path, seed: int) -> nn.Module:
        module = network()
        run(module, plain_step(module), folder, seed=seed)
        return module

    alone = [trained(tmp_path / f"alone {seed}", seed) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda seed: trained(tmp_path / f"together {seed}", seed), range(4)))
    assert all(same(a, b) for a, b in zip(alone, together, strict=True))


def test_the_loss_of_an_epoch_is_the_mean_over_its_steps(tmp_path):
    seen, module = [], network()

    def step(batch: Batch, epoch: int, index: int) -> Tensor:
        loss = plain_step(module)(batch, epoch, index)
        seen.append(loss.item())
        return loss

    tracked = []
    store = StateStore(tmp_path, "phase", lambda metrics, at: tracked.append((metrics, at)))
    history = run(
        module, step, tmp_path, store=store, validation=Validation(metrics=lambda: {"valid_loss": 1.0})
    )
    for epoch, entry in enumerate(history):
        assert entry["loss"] == pytest.approx(sum(seen[epoch * STEPS : (epoch + 1) * STEPS]) / STEPS)
        assert tracked[epoch] == ({f"phase/{key}": value for key, value in entry.items()}, epoch)
        assert entry["valid_loss"] == 1.0


def scripted(losses: list[float]) -> Callable[[], dict[str, float]]:
    remaining = iter(losses)
    return lambda: {"valid_loss": next(remaining)}


@pytest.mark.parametrize(
    ("losses", "patience", "epochs", "best"),
    [
        ([3, 2, 1, 0], 1, 4, 4),
        ([3, 2, 2, 2], 2, 4, 2),
        ([3, 4, 5, 1], 2, 3, 1),
        ([3, 4, 1, 2], 1, 2, 1),
        ([3, 4, 5, 1], None, 4, 4),
    ],
)
def test_patience(tmp_path, losses, patience, epochs, best):
    module, again = network(), network()
    validation = Validation(metrics=scripted(losses), patience=patience)
    history = run(module, plain_step(module), tmp_path, validation=validation)
    assert len(history) == epochs
    assert best_epoch(history) == best
    # and a run that had run out of patience stays at its end
    validation = Validation(metrics=scripted([]), patience=patience)
    assert run(again, stopping(plain_step(again), (0, 0)), tmp_path, validation=validation) == history
    assert same(module, again)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_names_phase_epoch_and_step(tmp_path, value):
    module, undisturbed = network(), network()

    def poisoned(batch: Batch, epoch: int, index: int) -> Tensor:
        loss = plain_step(module)(batch, epoch, index)
        if (epoch, index) == (1, 2):
            for parameter in module.parameters():
                parameter.grad.fill_(value)
            return torch.tensor(value)
        return loss

    with pytest.raises(UserError, match=f"phase: the loss is {value} at epoch 2, step 3") as error:
        run(module, poisoned, tmp_path / "a")
    assert error.value.exit_code == 1
    assert "\n" not in str(error.value.message)
    # the last good state is kept: a healthy step goes on from there
    state = StateStore(tmp_path / "a", "phase").load("loop")
    assert len(state.values["history"]) == 1
    assert all(tensor.isfinite().all() for tensor in state.tensors.values())
    module = network()
    history = run(module, plain_step(module), tmp_path / "a")
    assert run(undisturbed, plain_step(undisturbed), tmp_path / "b") == history
    assert same(module, undisturbed)


def test_a_loss_is_read_when_the_next_step_is_on_its_way(tmp_path, monkeypatch):
    """A GPU then has something to do; the last one is read before the epoch is validated and saved."""
    module, events = network(), []

    def fetched(loss: Tensor) -> Callable[[], float]:
        number = len([event for event in events if event.startswith("step")])
        events.append(f"step {number}")
        return lambda: events.append(f"read {number}") or loss.item()

    monkeypatch.setattr(loop, "fetch", fetched)
    validation = Validation(metrics=lambda: events.append("validate") or {})
    run(module, plain_step(module), tmp_path, until=1, validation=validation)
    steps = [text for number in range(1, STEPS) for text in (f"step {number}", f"read {number - 1}")]
    assert events == ["step 0", *steps, f"read {STEPS - 1}", "validate"]


@pytest.mark.parametrize("at", [(0, 0), (1, 0), (1, STEPS - 1), (2, STEPS - 1)])
def test_a_loss_that_is_not_finite_is_found_before_its_epoch_is_saved(tmp_path, at):
    module = network()

    def poisoned(batch: Batch, epoch: int, index: int) -> Tensor:
        return plain_step(module)(batch, epoch, index) * (math.nan if (epoch, index) == at else 1)

    message = f"loss is nan at epoch {at[0] + 1}, step {at[1] + 1}; the state after epoch {at[0]} is kept"
    with pytest.raises(UserError, match=message):
        run(module, poisoned, tmp_path, validation=Validation(metrics=dict))
    state = StateStore(tmp_path).load("loop")
    assert at[0] == (len(state.values["history"]) if state else 0)


def test_weights_that_the_last_update_broke_are_not_saved(tmp_path: Path) -> None:
    module = nn.Linear(2, 1)

    def step(batch: Batch, epoch: int, index: int) -> Tensor:
        loss = module.weight.sum() * (float("inf") if (epoch, index) == (1, STEPS - 1) else 1.0)
        loss.backward()
        return torch.tensor(1.0)

    store = StateStore(tmp_path, "phase")
    with pytest.raises(UserError, match="phase: weight is not finite after epoch 2; the state after epoch 1"):
        run(module, step, tmp_path, schedule=RateSchedule(lr=0.1, epochs=EPOCHS), store=store)
    state = store.load("loop")
    assert state is not None and len(state.values["history"]) == 1
    assert state.tensors["module.weight"].isfinite().all()


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_an_epoch_whose_validation_is_not_finite_is_not_saved(tmp_path, value):
    module, store = network(), StateStore(tmp_path, "phase")
    with pytest.raises(UserError, match="phase: valid_loss is not finite after epoch 2"):
        validation = Validation(metrics=scripted([1.0, value]))
        run(module, plain_step(module), tmp_path, store=store, validation=validation)
    state = store.load("loop")
    assert [entry["valid_loss"] for entry in state.values["history"]] == [1.0]


@pytest.mark.parametrize("stop", [None, (2, 1), (3, 2)])
def test_the_best_epoch_is_kept_also_by_a_run_that_goes_on(tmp_path, stop):
    """Losses of 3, 1, 2, 2: the weights are those behind the second epoch, not the last."""
    seen: list[dict[str, Tensor]] = []

    def validation(module: nn.Module) -> Validation:
        losses = {}

        def validate() -> dict[str, float]:
            epoch = len(losses)
            losses[epoch] = (3.0, 1.0, 2.0, 2.0)[epoch]
            seen.append({name: tensor.clone() for name, tensor in module.state_dict().items()})
            return {"valid_loss": losses[epoch]}

        return Validation(metrics=validate, keep_best=True)

    module = network()
    history = run(module, plain_step(module), tmp_path / "whole", validation=validation(module))
    assert len(history) == EPOCHS
    assert all(torch.equal(tensor, seen[1][name]) for name, tensor in module.state_dict().items())
    resumed = network()
    watched = validation(resumed)
    if stop is not None:
        with pytest.raises(Stop):
            run(resumed, stopping(plain_step(resumed), stop), tmp_path / "parts", validation=watched)
    run(resumed, plain_step(resumed), tmp_path / "parts", validation=watched)
    assert same(module, resumed)
    again = network()
    run(again, plain_step(again), tmp_path / "parts", validation=validation(again))  # nothing is left to do
    assert same(module, again)
