"""Finished subnets that images leave early: saved, loaded, in a batch and one by one."""

from dataclasses import replace

import pytest
import torch

import natv2
from natv2.errors import UserError
from natv2.exits.leaving import stopped
from natv2.export.comparison import synthetic
from natv2.supernets.classifier import SubnetClassifier
from tests.export.networks import subnet, with_thresholds


def test_a_batch_and_each_image_leave_at_the_same_exits_in_what_is_loaded(tmp_path):
    classifier = with_thresholds(subnet("EE_D_OFAMobileNetV3", (2, 3, 5)))
    classifier.stored().write(tmp_path / "early.safetensors")
    loaded = natv2.load_network(tmp_path / "early.safetensors")
    assert isinstance(loaded, SubnetClassifier) and loaded.stops
    x, run = synthetic(classifier).prepared, []
    for number, stage in enumerate(loaded.network.stages, start=1):
        stage.register_forward_hook(lambda *_, number=number: run.append(number))
    with torch.no_grad():
        said = torch.stack(loaded.network(x))
        expected, left = stopped(said, loaded.header.weights, loaded.stopping())
        foreseen, exits = loaded.foreseen(x)
        assert torch.equal(foreseen, expected) and (exits.numpy() == left + 1).all()
        assert torch.allclose(loaded.logits(x), expected, atol=1e-4)
        assert set(left) == {0, 1, 2}
        for image, answer, at in zip(x, expected, left, strict=True):
            run.clear()
            logits, exit = loaded.decide(image[None])
            assert exit.item() == at + 1
            assert run == list(range(1, (2, 3, 5)[at] + 1))  # what lies behind was not computed
            assert torch.allclose(logits[0], answer, atol=1e-4)
            assert torch.equal(loaded.logits(image[None]), logits)


def test_thresholds_that_do_not_fit_are_refused(tmp_path):
    classifier = subnet("EE_D_OFAMobileNetV3", (2, 5))
    with pytest.raises(ValueError, match="3 thresholds: 2 exits need one each"):
        replace(classifier.header, thresholds=(0.5, 0.5, 0.0))
    assert not classifier.stops
    with pytest.raises(UserError, match="no thresholds"):
        classifier.decide(torch.zeros(1, 3, 24, 24))
