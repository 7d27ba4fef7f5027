"""What a training will take, from its multiply-accumulates and a speed."""

import pytest

from natv2.costs.parts import MACS, architecture_cost
from natv2.shrinking import hours
from natv2.shrinking.hours import expected_hours
from natv2.spaces.architecture import constant
from tests.configs import RUN
from tests.shrinking.test_train import CONFIG, changed, every_phase

SPEED = 1e9


@pytest.fixture
def steady(monkeypatch):
    monkeypatch.setattr(hours, "_speed", lambda *arguments: SPEED)


def macs(training, **values: int) -> int:
    size = training.resolutions[len(training.resolutions) // 2]
    design = training.design
    network = constant(design, resolution=size, width=0.1, mask=design.full_mask, **values)
    return int(architecture_cost(design, network, 4)[MACS])


def test_a_phase_of_the_largest_network_by_hand(steady):
    """Two epochs of 30 images, forward and twice as much backward; all other phases have no epochs."""
    training = changed(schedule="ps", phases=every_phase(1, 0), kd="none")
    phases = training.eps.phases
    full = phases.full.model_copy(update={"epochs": 2})
    training = changed(training, phases=phases.model_copy(update={"full": full}))
    largest = macs(training, exits=training.design.exits, depth=4, kernel=7, expand_ratio=6)
    expected = 2 * 30 * 3 * largest / SPEED / 3600
    assert expected_hours(training, [0.1], 30, 4, RUN) == pytest.approx(expected)


def test_more_networks_and_a_teacher_take_longer(steady):
    one = changed(schedule="ps", phases=every_phase(1, 3))
    two = changed(schedule="ps", phases=every_phase(2, 3))
    untaught = changed(schedule="ps", phases=every_phase(1, 3), kd="none")
    times = [expected_hours(training, [0.1], 30, 4, RUN) for training in (untaught, one, two)]
    assert times == sorted(times) and len(set(times)) == 3
    assert expected_hours(one, [0.1, 0.1], 30, 4, RUN) == pytest.approx(2 * times[1])


def test_a_speed_is_measured_here():
    assert 1e5 < hours._speed(CONFIG, 0.1, 4, RUN) < 1e15
