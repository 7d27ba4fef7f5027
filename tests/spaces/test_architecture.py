import json
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from natv2.spaces.architecture import Architecture, constant
from natv2.spaces.design import STAGES
from natv2.supernets.network import Network
from tests.designs import DESIGNS
from tests.strategies import architectures, few, fields, some

SMALL = {"resolution": 32, "width": 1.0, "depth": 2, "kernel": 3, "expand_ratio": 3, "mask": 4}


def structure(name: str, architecture: Architecture) -> tuple[object, ...]:
    """All that tells a built network from another, and its input size."""
    network = Network(DESIGNS[name], architecture, 10)
    tensors = [(key, tuple(tensor.shape)) for key, tensor in network.state_dict().items()]
    convolutions = [
        (key, m.kernel_size, m.stride, m.padding, m.groups)
        for key, m in network.named_modules()
        if isinstance(m, torch.nn.Conv2d)
    ]
    return architecture.resolution, tensors, convolutions, repr(network)


@pytest.mark.parametrize("name", DESIGNS)
@few
@given(data=st.data())
def test_architectures_are_equal_exactly_when_their_networks_are(name, data):
    design = DESIGNS[name]
    values = data.draw(fields(design, widths=(0.1, 0.25)))
    other = {**values}
    level = data.draw(st.integers(0, design.levels - 1))
    allowed = {
        "kernels": design.kernels,
        "expand_ratios": design.expand_ratios,
        "masks": design.masks,
        "depths": design.depths,
    }
    field = data.draw(st.sampled_from(sorted(allowed)))
    place = level if field != "depths" else level // design.levels_per_stage
    changed = list(values[field])
    changed[place] = data.draw(st.sampled_from(allowed[field]))
    other[field] = tuple(changed)
    a, b = Architecture(**values), Architecture(**other)
    assert (a == b) == (structure(name, a) == structure(name, b))
    assert a != b or hash(a) == hash(b)


@pytest.mark.parametrize(
    "change", [{"resolution": 24}, {"width": 0.25}, {"exits": (4,)}, {"exits": (4, 5)}], ids=str
)
def test_resolution_width_and_exits_tell_networks_apart(change):
    a = constant(DESIGNS["EE_B_OFAMobileNetV3"], **{**SMALL, "width": 0.1}, exits=(5,))
    b = replace(a, **change)
    name = "EE_B_OFAMobileNetV3"
    assert a != b
    assert structure(name, a) != structure(name, b)


def test_what_no_layer_uses_is_cleared():
    architecture = Architecture(
        resolution=32,
        width=1.0,
        exits=(2,),
        depths=(2, 3, 4, 4, 4),
        kernels=(7,) * 20,
        expand_ratios=(6,) * 20,
        masks=(4, 3, *(7,) * 18),
    )
    assert architecture.depths == (2, 3, 0, 0, 0)
    assert architecture.masks == (4, 3, 0, 0, 7, 7, 7, *(0,) * 13)
    assert architecture.kernels == (7, 0, 0, 0, 7, 7, 7, *(0,) * 13)
    assert architecture.expand_ratios == (6, 0, 0, 0, 6, 6, 6, *(0,) * 13)
    assert [b for b in range(20) if architecture.is_active(b)] == [0, 1, 4, 5, 6]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"resolution": 0}, "resolution 0"),
        ({"width": 0.0}, "width 0.0"),
        ({"exits": ()}, "exits"),
        ({"exits": (6,)}, "exits .6,.*allowed.*1, 2, 3, 4, 5"),
        ({"exits": (5, 4)}, "ascending"),
        ({"depth": 5}, "depth 5: allowed are 1 to 4"),
        ({"depth": 0}, "depth 0: allowed are 1 to 4"),
        ({"kernel": 4}, "kernel 4: allowed are odd numbers from 3"),
        ({"expand_ratio": 0}, "expand ratio 0: allowed are numbers from 1"),
        ({"mask": 16}, "mask 16: allowed are 1 to 15"),
    ],
    ids=str,
)
def test_a_value_that_no_supernet_has_is_named_with_the_allowed_ones(values, message):
    with pytest.raises(ValueError, match=message):
        constant(DESIGNS["OFAMobileNetV3"], **{**SMALL, "exits": (5,), **values})


@pytest.mark.parametrize("name", ["depths", "kernels", "expand_ratios", "masks"])
def test_a_list_of_another_length_is_refused(name):
    architecture = constant(DESIGNS["OFAMobileNetV3"], **SMALL, exits=(5,))
    with pytest.raises(ValueError, match=f"{len(STAGES) if name == 'depths' else 20}"):
        replace(architecture, **{name: getattr(architecture, name)[:-1]})


@some
@given(architecture=architectures(DESIGNS["EE_DP_OFAMobileNetV3"], several_exits=True))
def test_json_round_trip(architecture):
    assert Architecture.from_dict(json.loads(json.dumps(architecture.to_dict()))) == architecture
