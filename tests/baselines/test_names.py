"""Which plain networks may be named, and how."""

import subprocess
import sys

import pytest
from pydantic import ValidationError

from natv2.baselines.config import BaselinesConfig
from natv2.baselines.names import BUILT, PLAIN, check_plain


def config(**changes):
    usual = {
        "networks": None,
        "teacher": None,
        "scaled": True,
        "random": 1,
        "pretrained": "none",
        "pretrained_lr": 0.1,
    }
    return BaselinesConfig.model_validate(usual | changes)


def test_names_are_those_of_the_table_or_a_person_s_own():
    for name in (*PLAIN, "package.module:function"):
        assert check_plain(name) == name
    for name in set(BUILT) - set(PLAIN):  # which stand there with their published weights alone
        with pytest.raises(ValueError, match="known: "):
            check_plain(name)
    with pytest.raises(ValueError, match=r"known: mobilenet_v3_small_035, .*package\.module:function"):
        check_plain("resnet50")


def test_a_list_is_joined_by_plus():
    assert config().networks is None
    assert config(networks="resnet20_050 + my.own:net+lcnet_050").networks == (
        "resnet20_050",
        "my.own:net",
        "lcnet_050",
    )
    assert config(networks=["resnet20_050"]).networks == ("resnet20_050",)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"networks": "resnet20_050+resnet20_050"}, "resnet20_050 stands there twice"),
        ({"networks": "resnet20"}, "known: mobilenet_v3_small_035"),
        ({"networks": "resnet20_050+"}, "known: mobilenet_v3_small_035"),
        ({"teacher": "resnet20"}, "known: mobilenet_v3_small_035"),
        ({"random": -1}, "greater than or equal to 0"),
        ({"pretrained": "yes"}, "'auto', 'download' or 'none'"),
        ({"pretrained_lr": 0.0}, "greater than 0"),
        ({"pretrained_lr": 1.5}, "less than or equal to 1"),
    ],
)
def test_what_cannot_be_meant_is_refused(changes, said):
    with pytest.raises(ValidationError, match=said):
        config(**changes)


def test_names_are_known_without_torch():
    program = "import sys, natv2.baselines.config; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
