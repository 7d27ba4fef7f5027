import pytest

from natv2.spaces import DESIGNS, channel_plan
from natv2.spaces.design import EXITS, make_divisible

# facts, section 1
CHANNELS = {1.0: (16, (24, 40, 80, 112, 160), (960, 1280)), 1.2: (24, (32, 48, 96, 136, 192), (1152, 1536))}
# facts, section 4
HEADS = {1: (144, 192), 2: (240, 320), 3: (480, 640), 4: (672, 896), 5: (960, 1280)}


def test_the_nine_supernets():
    flags = {n: (d.early_exits, d.dense, d.parallel) for n, d in DESIGNS.items()}
    assert flags == {
        "OFAMobileNetV3": (False, False, False),
        "SE_B_OFAMobileNetV3": (False, False, False),
        "SE_D_OFAMobileNetV3": (False, True, False),
        "SE_P_OFAMobileNetV3": (False, False, True),
        "SE_DP_OFAMobileNetV3": (False, True, True),
        "EE_B_OFAMobileNetV3": (True, False, False),
        "EE_D_OFAMobileNetV3": (True, True, False),
        "EE_P_OFAMobileNetV3": (True, False, True),
        "EE_DP_OFAMobileNetV3": (True, True, True),
    }
    assert all(design.name == name for name, design in DESIGNS.items())


@pytest.mark.parametrize("width", CHANNELS)
def test_channels_of_a_single_exit_design(width):
    plan = channel_plan(DESIGNS["OFAMobileNetV3"], width)
    assert (plan.stem, plan.stages, plan.heads) == (*CHANNELS[width][:2], {5: CHANNELS[width][2]})


def test_channels_of_the_exit_heads():
    assert channel_plan(DESIGNS["EE_DP_OFAMobileNetV3"], 1.0).heads == HEADS


def test_the_width_scales_the_exit_heads_once():
    plan = channel_plan(DESIGNS["EE_B_OFAMobileNetV3"], 1.2)
    assert plan.heads[1] == (192, 256)
    for exit in EXITS:
        channels = CHANNELS[1.2][1][exit - 1]
        assert plan.heads[exit] == (6 * channels, 8 * channels)


def test_the_first_block_of_a_stage_reads_the_previous_stage():
    plan = channel_plan(DESIGNS["OFAMobileNetV3"], 1.0)
    assert plan.block_inputs == (16, *(24,) * 4, *(40,) * 4, *(80,) * 4, *(112,) * 4, *(160,) * 3)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(1, 8), (11.2, 16), (11, 16), (12, 16), (19.2, 24), (20, 24), (28.8, 32), (134.4, 136)],
)
def test_rounding_never_loses_more_than_a_tenth(value, expected):
    assert make_divisible(value) == expected
