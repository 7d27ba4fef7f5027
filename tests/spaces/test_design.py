import json
from dataclasses import replace

import pytest

from natv2.costs.parts import BLOCK_COSTS
from natv2.nn.blocks import BLOCKS
from natv2.spaces.channels import channel_plan, make_divisible
from natv2.spaces.design import BLOCK_BITS, EXITS, Design
from natv2.spaces.design import DESIGNS as NINE
from tests.designs import DESIGNS

# facts, section 1
CHANNELS = {1.0: (16, (24, 40, 80, 112, 160), (960, 1280)), 1.2: (24, (32, 48, 96, 136, 192), (1152, 1536))}
# facts, section 4
HEADS = {1: (144, 192), 2: (240, 320), 3: (480, 640), 4: (672, 896), 5: (960, 1280)}


def test_the_nine_supernets():
    flags = {n: (d.early_exits, d.dense, d.parallel) for n, d in NINE.items()}
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
    assert all(design.name == name for name, design in NINE.items())


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
    inputs = tuple(plan.level(stage, level).inputs for stage in range(5) for level in range(4))
    assert inputs == (16, *(24,) * 4, *(40,) * 4, *(80,) * 4, *(112,) * 4, *(160,) * 3)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(1, 8), (11.2, 16), (11, 16), (12, 16), (19.2, 24), (20, 24), (28.8, 32), (134.4, 136)],
)
def test_rounding_never_loses_more_than_a_tenth(value, expected):
    assert make_divisible(value) == expected


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kernels": (5, 3)}, r"kernels \[5, 3\]: allowed are numbers from 3, ascending"),
        ({"kernels": (3, 4)}, r"kernels \[3, 4\]: allowed are odd numbers"),
        ({"kernels": (1, 3)}, r"kernels \[1, 3\]: allowed are numbers from 3"),
        ({"kernels": ()}, r"kernels \[\]"),
        ({"expand_ratios": (0, 1)}, r"expand_ratios \[0, 1\]: allowed are numbers from 1"),
        ({"depths": (2, 2)}, r"depths \[2, 2\]: allowed .* none twice"),
        ({"kernels": (3, 33)}, r"kernels \[3, 33\]: allowed .* up to 31"),
        ({"depths": tuple(range(1, 18))}, r"depths .* up to 16"),
        ({"expand_ratios": (33,)}, r"up to 32"),
        ({"depths": (2, 4)}, r"depths \[2, 4\]: none between"),
        ({"blocks": ()}, r"blocks \[\]: allowed are some of \['inverted_bottleneck'"),
        ({"blocks": ("light", "heavy")}, r"blocks \['light', 'heavy'\]: allowed are some of"),
        ({"blocks": ("light", "light")}, "each once"),
    ],
    ids=str,
)
def test_what_cannot_be_built_is_refused_with_what_is_allowed(change, message):
    with pytest.raises(ValueError, match=message):
        Design(name="other", **change)


@pytest.mark.parametrize("name", DESIGNS)
def test_a_design_comes_back_from_json(name):
    assert Design.from_dict(json.loads(json.dumps(DESIGNS[name].to_dict()))) == DESIGNS[name]


def test_a_name_alone_stands_for_the_row_of_table_5_1():
    assert Design.from_dict("EE_DP_OFAMobileNetV3") == NINE["EE_DP_OFAMobileNetV3"]


def test_the_label_says_what_differs_from_table_5_1():
    usual = NINE["SE_P_OFAMobileNetV3"]
    assert usual.label == "SE_P_OFAMobileNetV3"
    other = replace(usual, kernels=(3, 5), blocks=("separable", "inverted_bottleneck"))
    assert other.label == "SE_P_OFAMobileNetV3, blocks inverted_bottleneck separable, kernels 3 5"


def test_blocks_stand_in_one_order_and_their_masks_ascend():
    four = DESIGNS["four_blocks"]
    assert four.blocks == ("inverted_bottleneck", "pointwise", "light", "separable")
    assert four.masks == tuple(range(1, 16))
    assert DESIGNS["bare"].masks == (1, 8, 9)
    assert (DESIGNS["bare"].kernels, DESIGNS["bare"].expand_ratios) == ((7,), (6,))


def test_every_block_can_be_built_and_counted():
    assert BLOCKS.keys() == BLOCK_COSTS.keys() == BLOCK_BITS.keys()
    assert sum(BLOCK_BITS.values()) == 2 ** len(BLOCK_BITS) - 1
