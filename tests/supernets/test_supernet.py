from collections.abc import Sequence

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from natv2.spaces.architecture import Architecture, constant
from natv2.supernets.network import head
from natv2.supernets.supernet import Supernet
from tests.designs import DESIGNS
from tests.strategies import architectures, few
from tests.tiny import images_of, new_supernet, shared_supernet

ALL = pytest.mark.parametrize("name", DESIGNS)
FORMATS = st.sampled_from([torch.channels_last, torch.contiguous_format])


def statistics_of(supernet: Supernet, architecture: Architecture, seed: int = 1) -> dict[str, Tensor]:
    statistics: dict[str, Tensor] = {}
    images = images_of(8, 3, architecture.resolution, architecture.resolution, seed=seed)
    supernet.record(images, architecture, statistics)
    return statistics


def same(a: Sequence[Tensor], b: Sequence[Tensor]) -> bool:
    return len(a) == len(b) and all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize("offset", [0, 10])
def test_a_head_s_statistics_are_the_same_without_running_it(offset):
    supernet = shared_supernet("OFAMobileNetV3")
    recording, observing = (supernet.part(head(5)) for _ in range(2))
    channels = supernet.network.heads["5"].expand.conv.in_channels
    batches = [images_of(images, channels, 2, 2, seed=images) + offset for images in (8, 5)]
    recording.record(batches)
    observing(batches)  # leaves their module in evaluation
    observing.observe(batches)
    torch.testing.assert_close(observing(batches), recording(batches), rtol=1e-3, atol=1e-5)
    assert not same(observing(batches), supernet.part(head(5))(batches))


@ALL
@few
@given(data=st.data())
def test_a_subnet_gives_the_supernet_s_numbers_bit_for_bit(name, data):
    width = data.draw(st.sampled_from([0.1, 0.25]))
    supernet = shared_supernet(name, width)
    architecture = data.draw(architectures(supernet.design, widths=(width,), several_exits=True))
    size = architecture.resolution
    images = images_of(4, 3, size, size, memory_format=data.draw(FORMATS))
    statistics = statistics_of(supernet, architecture)
    subnet = supernet.subnet(architecture, statistics)
    with torch.no_grad():
        evaluated, trained = supernet(images, architecture, statistics), supernet(images, architecture)
        assert same(subnet(images), evaluated)
        assert same(subnet.train()(images), trained)
    assert len(evaluated) == len(architecture.exits)
    assert all(logits.shape == (4, supernet.classes) and logits.isfinite().all() for logits in evaluated)
    assert not same(evaluated, trained)


@pytest.mark.parametrize("name", ["OFAMobileNetV3", "EE_DP_OFAMobileNetV3"])
@few
@given(data=st.data())
def test_a_subnet_learns_as_the_supernet_does(name, data):
    supernet = shared_supernet(name)
    architecture = data.draw(architectures(supernet.design, resolutions=(16, 17)))
    images = images_of(4, 3, architecture.resolution, architecture.resolution)
    subnet = supernet.subnet(architecture).train()
    subnet(images)[0].square().sum().backward()
    supernet.zero_grad()
    supernet(images, architecture)[0].square().sum().backward()
    whole = {key: parameter.grad for key, parameter in supernet.network.named_parameters()}
    for key, parameter in subnet.named_parameters():
        if whole[key].shape[2:] == parameter.shape[2:]:  # the first channels; the rest learn nothing
            part = whole[key][tuple(slice(size) for size in parameter.shape)]
            assert torch.equal(part, parameter.grad)
            assert whole[key].count_nonzero() == part.count_nonzero()


def test_which_subnet_ran_leaves_no_trace():
    supernet = shared_supernet("EE_DP_OFAMobileNetV3")
    small = constant(
        supernet.design, resolution=16, width=0.1, exits=(3,), depth=2, kernel=3, expand_ratio=3, mask=5
    )
    large = supernet.largest(32)
    before = {name: tensor.clone() for name, tensor in supernet.state_dict().items()}
    statistics = statistics_of(supernet, small)
    kept = {name: tensor.clone() for name, tensor in statistics.items()}
    first = supernet(images_of(4, 3, 16, 16), small, statistics)
    supernet(images_of(4, 3, 32, 32), large)
    statistics_of(supernet, large)
    assert same(supernet(images_of(4, 3, 16, 16), small, statistics), first)
    assert all(torch.equal(tensor, before[name]) for name, tensor in supernet.state_dict().items())
    assert all(torch.equal(tensor, kept[name]) for name, tensor in statistics.items())


def test_a_subnet_holds_copies_in_evaluation_mode():
    supernet = new_supernet("SE_P_OFAMobileNetV3")
    architecture = supernet.largest(16)
    subnet = supernet.subnet(architecture, statistics_of(supernet, architecture))
    assert not any(module.training for module in subnet.modules())
    before = subnet(images_of(2, 3, 16, 16))
    with torch.no_grad():
        for parameter in supernet.parameters():
            parameter.zero_()
    assert same(subnet(images_of(2, 3, 16, 16)), before)
    assert all(p.requires_grad and p.is_leaf for p in subnet.parameters())


@ALL
@few
@given(data=st.data())
def test_matrices_aside_weights_are_the_first_channels(name, data):
    supernet = shared_supernet(name)
    architecture = data.draw(architectures(supernet.design, several_exits=True))
    largest = dict(supernet.network.named_parameters())
    for key, weight in supernet.subnet(architecture).named_parameters():
        if weight.shape[2:] == largest[key].shape[2:]:
            assert torch.equal(weight, largest[key][tuple(slice(size) for size in weight.shape)])


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("OFAMobileNetV3", {"width": 0.25}, "width 0.25: this supernet has 0.1"),
        ("OFAMobileNetV3", {"exits": (4,)}, r"exits \[4\]: OFAMobileNetV3 has \(5,\)"),
        ("EE_D_OFAMobileNetV3", {"mask": 7}, r"level masks \[7\]: EE_D_OFAMobileNetV3 has \(4,\)"),
        ("ranges", {"kernel": 5}, r"kernels \[5\]: ranges has \(3, 7\)"),
        ("fixed", {"depth": 1, "kernel": 5, "expand_ratio": 4}, r"depths \[1\]: fixed has \(2,\)"),
        ("OFAMobileNetV3", {"expand_ratio": 2}, r"expand ratios \[2\]: OFAMobileNetV3 has \(3, 4, 6\)"),
    ],
)
def test_another_supernet_s_architecture_is_refused(name, change, message):
    values = {
        "resolution": 16,
        "width": 0.1,
        "exits": (5,),
        "depth": 2,
        "kernel": 3,
        "expand_ratio": 3,
        "mask": 4,
    }
    design = shared_supernet(name).design
    architecture = constant(design, **{**values, **change})
    with pytest.raises(ValueError, match=message):
        shared_supernet(name)(images_of(2, 3, 16, 16), architecture)
    with pytest.raises(ValueError, match=message):
        shared_supernet(name).subnet(architecture)


@ALL
def test_the_largest_network_has_all_its_exits(name):
    design, largest = DESIGNS[name], shared_supernet(name).largest(24)
    levels = 5 * max(design.depths)
    assert largest.depths == (max(design.depths),) * 5
    assert largest.masks == (max(design.masks),) * levels
    elastic = (max(design.kernels), max(design.expand_ratios)) if name != "bare" else (0, 0)
    assert (largest.kernels, largest.expand_ratios) == tuple((value,) * levels for value in elastic)
    assert largest.exits == ((1, 2, 3, 4, 5) if design.early_exits else (5,))


@pytest.mark.parametrize("name", ["OFAMobileNetV3", "EE_DP_OFAMobileNetV3"])
def test_new_classifiers_keep_all_other_weights(name):
    supernet = new_supernet(name, dropout=0.3)
    before = {key: weight.detach().clone() for key, weight in supernet.named_parameters()}
    other = supernet.replace_classifiers(7, seed=5)
    assert (other.design, other.width, other.classes, other.dropout) == (supernet.design, 0.1, 7, 0.3)
    after = dict(other.named_parameters())
    assert after.keys() == before.keys()
    for key, weight in before.items():
        if ".classifier." in key:
            assert after[key].shape == (7, *weight.shape[1:])
        else:
            assert torch.equal(after[key], weight)
            assert after[key].data_ptr() != dict(supernet.named_parameters())[key].data_ptr()
    assert all(torch.equal(w, before[k]) for k, w in supernet.named_parameters())
    again = dict(supernet.replace_classifiers(7, seed=5).named_parameters())
    different = dict(supernet.replace_classifiers(7, seed=6).named_parameters())
    key = "network.heads.5.classifier.weight"
    assert torch.equal(after[key], again[key])
    assert not torch.equal(after[key], different[key])


def test_initial_weights_follow_the_seed():
    first, again, other = (
        Supernet(DESIGNS["EE_P_OFAMobileNetV3"], 0.25, 4, seed=seed).state_dict() for seed in (1, 1, 2)
    )
    assert all(torch.equal(first[key], again[key]) for key in first)
    weight = "network.stem.conv.weight"
    assert not torch.equal(first[weight], other[weight])
