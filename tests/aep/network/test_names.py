"""The networks' names, known without torch, are those that there are."""

from torchvision import models

from natv2.aep.network.names import BACKBONES, TORCHVISION


def test_all_of_torchvisions_classifiers_are_known():
    assert list(TORCHVISION) == models.list_models(models)
    assert {row.model for row in BACKBONES.values()} <= set(TORCHVISION)
