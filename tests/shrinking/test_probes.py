"""The probes are the same subnets everywhere, tested as anything else is."""

import pytest
import torch
from scipy.stats import kendalltau

from natv2.images.batches import calibration_batches, evaluation_batches
from natv2.images.config import CalibrationConfig
from natv2.shrinking.probes import health, probe, probe_subnets, rank_stability
from natv2.spaces.choices import Choices
from natv2.spaces.design import DESIGNS
from natv2.training.recalibration import calibrate
from tests.configs import RUN
from tests.shrinking.test_train import CONFIG, IMAGES, NAME, changed
from tests.tiny import new_supernet, shared_supernet


def test_probes_are_the_same_behind_every_phase_and_others_for_another_seed():
    first = probe_subnets(shared_supernet(NAME), CONFIG, RUN)
    assert first == probe_subnets(new_supernet(NAME, seed=3), CONFIG, RUN)
    other = RUN.model_copy(update={"seed": 1})
    assert first != probe_subnets(shared_supernet(NAME), CONFIG, other)
    assert len(first) == len(set(first)) == CONFIG.eps.probes


def test_probes_reach_the_whole_space():
    drawn = probe_subnets(shared_supernet(NAME), changed(probes=60), RUN)
    assert {a.resolution for a in drawn} == {*CONFIG.resolutions}
    for dimension, values in vars(Choices.everything(DESIGNS[NAME])).items():
        assert {v for a in drawn for v in getattr(a, dimension)} - {0} == {*values}


def test_accuracy_with_a_networks_own_statistics_and_with_the_largest_ones():
    supernet = new_supernet(NAME)
    frame = probe(supernet, "kernel", images=IMAGES, training=CONFIG, run=RUN, name="test")
    batches = calibration_batches(IMAGES, CalibrationConfig(images=32, batch_size=16), 0)
    (valid,) = evaluation_batches(IMAGES, IMAGES.valid, 40)
    networks = probe_subnets(supernet, CONFIG, RUN)
    assert frame["probe"].tolist() == [0, 1, 2, 3]
    assert frame["exit"].tolist() == [network.exits[0] for network in networks]
    assert frame["resolution"].tolist() == [network.resolution for network in networks]
    for row, network in zip(frame.itertuples(), networks, strict=True):
        own = supernet.subnet(network, calibrate(supernet, network, batches))
        shared = calibrate(supernet, supernet.largest(network.resolution), batches)
        sizes = {name: len(b) for name, b in own.named_buffers() if b.dim()}
        borrowed = supernet.subnet(network, {name: shared[name][:size] for name, size in sizes.items()})
        for tested, found in ((own, row.accuracy), (borrowed, row.uncalibrated)):
            with torch.no_grad():
                (logits,) = tested(valid.at(network.resolution))
            assert found == pytest.approx((logits.argmax(dim=1) == valid.labels).double().mean().item())
    assert (frame["accuracy"] != frame["uncalibrated"]).any()


def test_health_is_counted_by_hand():
    found = health([0.1, 0.3, 0.4, 0.2], [0.1, 0.2, 0.1, 0.2], [0.5, 0.9, 0.8, 0.7])
    assert found == pytest.approx(
        {
            "probe_mean": 0.25,
            "probe_worst": 0.1,
            "probe_best": 0.4,
            "recalibration_gain": 0.1,
            "rank_stability": kendalltau([0.5, 0.9, 0.8, 0.7], [0.1, 0.3, 0.4, 0.2]).statistic,
        }
    )
    assert "rank_stability" not in health([0.1, 0.2], [0.1, 0.2], [])
    assert rank_stability([0.1, 0.1], [0.2, 0.3]) == 0
