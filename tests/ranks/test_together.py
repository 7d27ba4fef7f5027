"""What several ranks compute together, against what one process computes by itself."""

import copy
from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from natv2.exits.weightings import exit_weights
from natv2.images.batches import Batch, Epochs, calibration_batches, evaluation_batches
from natv2.images.config import CalibrationConfig
from natv2.ranks.collectives import RankLostError
from natv2.ranks.group import RankGroup
from natv2.ranks.side_by_side import side_by_side
from natv2.ranks.together import together
from natv2.ranks.world import World, apart, within, world
from natv2.spaces.architecture import constant
from natv2.spaces.design import DESIGNS
from natv2.spaces.space import SearchSpace
from natv2.training.collecting import CountRight
from natv2.training.distillation import make_teacher
from natv2.training.evaluation import Evaluator
from natv2.training.evaluation_shares import equal_shares
from natv2.training.gradients import average_buffers, sum_gradients
from natv2.training.loop import Step, Validation, fit
from natv2.training.meter import RightAnswers
from natv2.training.recipe import validate
from natv2.training.schedule import RateSchedule
from natv2.training.state_store import State, StateStore
from natv2.training.steps import elastic_step, joint_step, sandwich_step
from tests.ranks.group_of import RANKS, ranks, this
from tests.tiny import Optimiser, new_supernet, splits

NAME = "EE_DP_OFAMobileNetV3"
IMAGES = splits(train=40, valid=60)
WEIGHTS = exit_weights("DESC", 5)


@pytest.fixture(scope="module")
def group() -> Iterator[RankGroup]:
    with ranks(this(__name__)) as group:
        yield group


def small(exit: int, **choices: int):
    return constant(DESIGNS[NAME], resolution=16, width=0.1, exits=(exit,), **choices)


SUBNETS = [
    small(3, depth=2, kernel=3, expand_ratio=3, mask=5),
    small(5, depth=3, kernel=5, expand_ratio=4, mask=7),
]


def joint(supernet) -> Step:
    return joint_step(supernet, lambda *_: supernet.largest(16), WEIGHTS.loss, label_smoothing=0.1)


def subnets(supernet) -> Step:
    family = {0.1: supernet}
    return elastic_step(family, lambda *_: SUBNETS, None, kd_ratio=0, label_smoothing=0.1)


def distilled(supernet) -> Step:
    other = new_supernet(NAME, seed=5)
    calibration = calibration_batches(IMAGES, CalibrationConfig(images=32, batch_size=16), 0)
    teacher = make_teacher(other, [other.largest(16)], WEIGHTS.output, calibration, kd="ens")
    return elastic_step({0.1: supernet}, lambda *_: SUBNETS, teacher, kd_ratio=1, label_smoothing=0)


def sandwich(supernet) -> Step:
    largest = supernet.largest(16)
    return sandwich_step(
        supernet, lambda *_: largest, lambda *_: SUBNETS, WEIGHTS, kd="ens", label_smoothing=0
    )


def gradients(module: nn.Module) -> dict[str, Tensor]:
    return {name: p.grad for name, p in module.named_parameters() if p.grad is not None}


def summed(module: nn.Module, step: Step, batch: Batch) -> list[dict[str, Tensor]]:
    """Gradients of a step of all ranks, each on its slice, as each has them."""
    part = world().slice(len(batch))
    sum_gradients(module, step(batch.rows(part.start, part.stop), 0, 0), part.share)
    return world().gathered(gradients(module))


@pytest.mark.parametrize("kind", [joint, subnets, distilled, sandwich])
def test_gradients_are_the_mean_over_the_slices(kind: Callable[..., Step], group: RankGroup):
    supernet, alone = new_supernet(NAME), new_supernet(NAME)
    batch = next(iter(evaluation_batches(IMAGES, IMAGES.train, 10)))
    found = together(summed, supernet, kind(supernet), batch)

    expected: dict[str, Tensor] = {}
    for rank in range(RANKS):
        part = World(rank=rank, size=RANKS).slice(len(batch))
        alone.zero_grad()
        kind(alone)(batch.rows(part.start, part.stop), 0, 0)
        for name, gradient in gradients(alone).items():
            expected[name] = expected.get(name, 0) + part.share * gradient
    assert len(found) == RANKS
    for each in found:
        assert each.keys() == expected.keys()
        for name, gradient in each.items():
            torch.testing.assert_close(gradient, expected[name], rtol=1e-5, atol=1e-6)
    for name, gradient in found[0].items():
        assert all(torch.equal(gradient, each[name]) for each in found), name


def weights(module: nn.Module) -> list[dict[str, Tensor]]:
    return world().gathered(module.state_dict())


def trained(module: nn.Module, folder: Path, epochs: int = 3, until: int | None = None):
    answers = RightAnswers(WEIGHTS.output)
    step = elastic_step({0.1: module}, partial(drawn), None, kd_ratio=0, label_smoothing=0.1, seen=answers)
    return fit(
        module,
        step,
        epochs_of(),
        optimiser=Optimiser(),
        schedule=RateSchedule(lr=0.05, epochs=epochs),
        precision="fp32",
        store=StateStore(folder, "test"),
        until=until,
        validation=Validation(metrics=answers.take),
    )


def drawn(epoch: int, index: int):
    return [SUBNETS[(epoch + index) % 2]]


def epochs_of():
    from natv2.images.batches import Epochs

    return Epochs(IMAGES, IMAGES.train, 10, 3, "test")


def then_compared(module: nn.Module, folder: Path) -> list[dict[str, Tensor]]:
    trained(module, folder)
    return weights(module)


def test_after_training_all_ranks_have_the_same_weights_and_statistics(group: RankGroup, tmp_path: Path):
    every = together(then_compared, new_supernet(NAME), tmp_path)
    assert len(every) == RANKS
    for name, tensor in every[0].items():
        assert all(torch.equal(tensor, other[name]) for other in every), name
    assert not torch.equal(every[0]["network.stem.conv.weight"], new_supernet(NAME).network.stem.conv.weight)


def with_own_statistics() -> list[Tensor]:
    norm = nn.BatchNorm2d(2)
    norm.running_mean.fill_(world().rank)
    average_buffers(norm)
    return [norm.running_mean, norm.num_batches_tracked]


def test_running_statistics_are_the_mean_of_the_ranks(group: RankGroup):
    mean, batches = together(with_own_statistics)
    assert mean.tolist() == [(RANKS - 1) / 2] * 2
    assert batches == 0


def test_a_stopped_training_of_several_ranks_ends_with_the_same_bits(group: RankGroup, tmp_path: Path):
    whole, stopped = new_supernet(NAME), new_supernet(NAME)
    history = trained(whole, tmp_path / "whole")
    trained(stopped, tmp_path / "stopped", until=1)
    again = new_supernet(NAME, seed=9)
    assert trained(again, tmp_path / "stopped") == history
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), again.parameters(), strict=True))


def test_training_accuracy_counts_the_whole_batch(group: RankGroup, tmp_path: Path):
    answers = RightAnswers((1.0,))
    logits = torch.eye(4)[torch.tensor([0, 1, 2, 3, 0, 0])]
    labels = torch.tensor([0, 1, 2, 3, 1, 2])
    assert together(counted, answers, logits, labels) == {"train_accuracy": 4 / 6}


def counted(answers: RightAnswers, logits: Tensor, labels: Tensor) -> dict[str, float]:
    part = world().slice(len(labels))
    answers([logits[part.start : part.stop]], labels[part.start : part.stop])
    return answers.take()


def test_validation_is_the_same_as_on_one_rank(group: RankGroup):
    supernet = new_supernet(NAME)
    network = supernet.subnet(SUBNETS[0], None)
    batches = list(evaluation_batches(IMAGES, IMAGES.valid, 16))
    expected = validate(network, batches, (1.0,))
    assert together(validate, network, batches, (1.0,)) == pytest.approx(expected, rel=1e-12)


def test_evaluated_accuracies_are_those_of_one_rank_bit_for_bit(group: RankGroup):
    family = {width: new_supernet(NAME, width) for width in (0.1, 0.25)}
    space = SearchSpace(design=DESIGNS[NAME], resolutions=(16, 24), widths=(0.1, 0.25))
    many = [space.decode(code) for code in space.sample_architectures(20, np.random.default_rng(4))]
    many.append(family[0.1].largest(16))
    evaluator = Evaluator(
        calibration=calibration_batches(IMAGES, CalibrationConfig(images=32, batch_size=16), 0),
        images=evaluation_batches(IMAGES, IMAGES.valid, 25),
        exit_weights=WEIGHTS.output,
    )
    found = evaluator.accuracies(family, many, "test")
    assert found.tolist() == evaluator.own(family, many, "test", CountRight)


@pytest.mark.parametrize(("count", "networks"), list(product([1, 2, 5], [1, 3, 40])))
def test_shares_hold_every_architecture_once(count: int, networks: int):
    space = SearchSpace(design=DESIGNS[NAME], resolutions=(16, 24), widths=(0.1, 0.25))
    codes = space.sample_architectures(networks, np.random.default_rng(1))
    shares = equal_shares(DESIGNS[NAME], [space.decode(code) for code in codes], 10, count)
    assert len(shares) == count
    assert sorted(position for share in shares for position in share) == list(range(networks))
    if networks == 40:
        assert min(map(len, shares)) >= networks / count / 4


def doubled(number: int, store: StateStore) -> tuple[int, str, int]:
    store.save("done", State(values={"number": number}))
    store.track({"number": number}, number)
    return 2 * number, world().names[0], world().size


def test_jobs_are_done_once_each_by_whichever_rank_and_leave_their_states(group: RankGroup, tmp_path: Path):
    tracked: list[tuple[dict[str, float], int]] = []
    store = StateStore(tmp_path, "jobs", lambda metrics, step: tracked.append((dict(metrics), step)))
    jobs = [(number, store.child(str(number))) for number in range(12)]
    found = side_by_side(doubled, jobs)
    assert [result for result, _, _ in found] == [2 * number for number in range(12)]
    assert {size for _, _, size in found} == {1}
    for number in range(12):
        state = store.child(str(number)).load("done")
        assert state is not None and state.values == {"number": number}
    assert sorted(step for _, step in tracked) == list(range(12))
    assert {"jobs.7/number": 7.0} in [metrics for metrics, _ in tracked]


def test_a_network_trained_side_by_side_has_the_bits_of_one_trained_alone(group: RankGroup, tmp_path: Path):
    expected = copy.deepcopy(new_supernet(NAME))
    jobs = [(new_supernet(NAME), tmp_path / str(number)) for number in range(2)]
    found = side_by_side(weights_after, jobs)
    with_nobody(trained, expected, tmp_path / "alone")
    for each in found:
        assert all(torch.equal(each[name], tensor) for name, tensor in expected.state_dict().items())


def weights_after(module: nn.Module, folder: Path) -> dict[str, Tensor]:
    trained(module, folder)
    return module.state_dict()


def with_nobody(function: Callable[..., object], *arguments: object) -> None:
    with within(World(names=("alone",))):
        function(*arguments)


def test_loops_that_a_rank_goes_through_alone_look_after_the_others(tmp_path: Path):
    """At their next step, not when all of it is done: the others may have hours to go."""

    def gone() -> None:
        raise RankLostError("rank 1 is gone")

    supernet, steps = new_supernet(NAME), []

    def step(batch: Batch, epoch: int, index: int) -> Tensor:
        steps.append(index)
        return joint(supernet)(batch, epoch, index)

    images = evaluation_batches(IMAGES, IMAGES.valid, 30)
    evaluator = Evaluator(calibration=[next(iter(images))], images=images)
    with within(World(names=("rank 0 on here", "rank 1 on here"), check=gone)), apart():
        with pytest.raises(RankLostError):
            fit(
                supernet,
                step,
                Epochs(IMAGES, IMAGES.train, 10, 0, "test"),
                optimiser=Optimiser(),
                schedule=RateSchedule(lr=0.05, epochs=3),
                precision="fp32",
                store=StateStore(tmp_path, "test"),
            )
        with pytest.raises(RankLostError):
            evaluator.accuracies({0.1: supernet}, SUBNETS, "test")
    assert len(steps) <= 2  # a loss is read when the next step is on its way
