"""What is expected of finishing and of plain networks."""

import pytest

from natv2.baselines import pretrained
from natv2.baselines.config import BaselinesConfig
from natv2.baselines.plan import plan_finishing
from natv2.spaces.space import SearchSpace
from natv2.training.finishing import Finishing
from tests.designs import DESIGNS
from tests.finishing import finishing


@pytest.fixture
def seconds(monkeypatch):
    """A second for a network of ours, ten for a plain one, a hundred for ResNet-20."""

    def expected(self, classifier, part=None):
        name = getattr(classifier.header, "network", None)
        return {None: 1.0, "resnet20_100": 100.0}.get(name, 10.0)

    monkeypatch.setattr(Finishing, "expected_seconds", expected)


@pytest.fixture(autouse=True)
def weights(monkeypatch):
    """Two networks' weights are on the machine, those of all others can be fetched."""
    there = ("shufflenet_v2_050", "shufflenet_v2_100")
    monkeypatch.setattr(pretrained, "can_be_had", lambda name, fetch: fetch or name in there)


def hours(tmp_path, both=False, **changes):
    usual = {
        "networks": None,
        "teacher": None,
        "scaled": False,
        "random": 0,
        "pretrained": "none",
        "pretrained_lr": 0.1,
    }
    config = BaselinesConfig.model_validate(usual | changes)
    space = SearchSpace(design=DESIGNS["EE_D_OFAMobileNetV3"], resolutions=(16,), widths=(0.1, 0.2))
    table = plan_finishing(finishing(tmp_path), space, 3, both, config)
    return dict(zip(table["stage"], (3600 * table["training"]).round(6), strict=True))


def test_hours_are_those_of_all_trainings(seconds, tmp_path):
    assert hours(tmp_path) == {"plain networks": 60.0, "finishing": 3.0}
    assert hours(tmp_path, both=True)["finishing"] == 4.0
    assert hours(tmp_path, teacher="resnet20_100")["plain networks"] == 160.0
    # Each of the space's own is trained with a teacher too.
    assert hours(tmp_path, scaled=True, random=2)["plain networks"] == 60.0 + 2 * 3 * 3
    assert hours(tmp_path, teacher="own.module:function")["plain networks"] == 60.0


def test_pretrained_networks_have_a_row_where_their_weights_can_be_had(seconds, tmp_path, monkeypatch):
    alone = hours(tmp_path)
    assert hours(tmp_path, pretrained="auto") == alone | {"pretrained networks": 20.0}
    # The plan fetches nothing: new weights take as long.
    monkeypatch.setattr(pretrained, "PRETRAINED", dict.fromkeys(("resnet20_100", "shufflenet_v2_050")))
    assert hours(tmp_path, pretrained="download") == alone | {"pretrained networks": 110.0}
