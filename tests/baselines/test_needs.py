"""What plain networks need is what they and their optimisers hold after a step."""

import pytest
import torch

from natv2.baselines.config import BaselinesConfig
from natv2.baselines.needs import plain_needs, sure_networks
from natv2.baselines.plain import plain_network
from natv2.training.optimiser import make_optimiser, optimiser_tensors
from tests.configs import RUN
from tests.finishing import IMAGES, config

NETWORK = "resnet20_050"
BASELINES = BaselinesConfig(
    networks=(NETWORK, "mine:net"),
    teacher=NETWORK,
    scaled=False,
    random=0,
    pretrained="none",
    pretrained_lr=0.1,
)


def test_those_are_sure_that_are_listed_and_the_teacher_once():
    assert sure_networks(BASELINES) == [NETWORK]
    assert sure_networks(BASELINES.model_copy(update={"networks": None, "teacher": None})) == []


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_what_is_stored_and_held_is_counted(optimizer):
    full = config(optimizer=optimizer)
    disk, (memory,) = plain_needs(BASELINES, full, IMAGES, 16, RUN)
    network = plain_network(NETWORK, len(IMAGES.class_names))
    optimiser = make_optimiser(network, full, full.lr)
    network(torch.zeros(2, 3, 16, 16)).sum().backward()
    optimiser.step()
    stored = sum(tensor.nbytes for tensor in network.state_dict().values())
    remembered = sum(t.nbytes for t in optimiser_tensors(optimiser).values() if t.dim() > 0)
    assert disk.kept == 2 * stored
    assert disk.states == disk.replaced == pytest.approx(stored + remembered, rel=0.01)
    assert memory.least > stored + remembered
    assert memory.most > memory.least
