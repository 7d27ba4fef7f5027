"""OFA's published supernets, without any: random weights in their layout."""

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from natv2.errors import UserError
from natv2.spaces.design import DESIGNS
from natv2.spaces.space import SearchSpace
from natv2.supernets import import_ofa
from natv2.supernets.checkpoint import read_checkpoint, write_checkpoint
from natv2.supernets.import_ofa import as_checkpoint, read_pair, read_published, say_what_is_new
from natv2.supernets.supernet import Supernet
from tests.supernets.ofa_layout import ofa_logits, published_state, static, write_published

BASE = DESIGNS["OFAMobileNetV3"]


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[float, Path]:
    folder = tmp_path_factory.mktemp("published")
    return {w: write_published(folder / f"w{w}", published_state(w, seed=int(10 * w))) for w in (1.0, 1.2)}


def test_the_layout_has_what_is_known_of_it():
    for width, parameters, buffers in ((1.0, 7_678_880, 41_824), (1.2, 10_715_752, 50_832)):
        state = published_state(width)
        counts = {name: tensor.numel() for name, tensor in state.items()}
        tracked = [name for name in counts if "tracked" in name]
        assert (len(state), len(tracked)) == (475, 64)
        assert sum(count for name, count in counts.items() if "running" in name) == buffers
        assert sum(counts.values()) - buffers - len(tracked) == parameters


@pytest.mark.parametrize(("width", "published"), [(1.0, True), (1.2, False)])
def test_logits_are_those_of_the_layouts_equations(tmp_path, width, published):
    """By an implementation that shares nothing with ours, at random subnets."""
    state = published_state(width, published=published)
    read = read_published(write_published(tmp_path / "file", state))
    checkpoint = as_checkpoint(read, BASE, seed=0)
    supernet = checkpoint.supernet().double()
    assert (read.width, checkpoint.width, checkpoint.new_exits) == (width, width, ())
    doubles = {n.replace("mobile_inverted_conv", "conv"): t.double() for n, t in state.items()}
    space = SearchSpace(design=BASE, resolutions=(32, 48), widths=(width,))
    codes = space.sample_architectures(2, np.random.default_rng(1))
    networks = [space.decode(code) for code in codes]
    for network in [*networks, space.largest(), space.smallest()]:
        x = torch.randn(3, 3, network.resolution, network.resolution, dtype=torch.float64)
        with torch.no_grad():
            (ours,) = supernet(x, network)
            theirs = ofa_logits(doubles, x, network.depths, network.kernels, network.expand_ratios)
        assert (ours - theirs).abs().max() <= 1e-5 * theirs.abs().max(), network


@pytest.mark.parametrize("name", ["SE_B_OFAMobileNetV3", "EE_B_OFAMobileNetV3", "EE_D_OFAMobileNetV3"])
def test_all_of_it_is_taken_and_nothing_else_is_there(files, tmp_path, name):
    read = read_published(files[1.2])
    assert len(read.weights) == 283
    checkpoint = as_checkpoint(read, DESIGNS[name], seed=3)
    assert all(torch.equal(checkpoint.weights[each], weight) for each, weight in read.weights.items())
    new = {each.split(".")[2] for each in checkpoint.weights.keys() - read.weights.keys()}
    assert new == {str(exit) for exit in checkpoint.new_exits}
    assert checkpoint.new_exits == DESIGNS[name].exits[:-1]
    write_checkpoint(tmp_path / "checkpoint", checkpoint)
    again = read_checkpoint(tmp_path / "checkpoint")
    assert replace(again, weights={}, path=None) == replace(checkpoint, weights={})
    assert checkpoint.normalisation is not None
    assert checkpoint.normalisation.mean == (0.485, 0.456, 0.406)
    assert (len(checkpoint.classes), checkpoint.classes[0]) == (1000, "n01440764")
    fresh = dict(Supernet(DESIGNS[name], 1.2, 1000, seed=3).named_parameters())
    assert all(
        torch.equal(checkpoint.weights[each], fresh[each]) for each in fresh if each not in read.weights
    )


def test_two_files_come_in_either_order(files):
    for paths in ([files[1.0], files[1.2]], [files[1.2], files[1.0]]):
        assert [each.width for each in read_pair(paths)] == [1.0, 1.2]
    with pytest.raises(UserError, match=r"both of width 1.0.*the other one is ofa_mbv3_d234_e346_k357_w1\.2"):
        read_pair([files[1.0], files[1.0]])


PROXYLESS = {
    "first_conv.conv.weight": torch.zeros(40, 3, 3, 3),
    "feature_mix_layer.conv.weight": torch.zeros(1664, 416, 1, 1),
    "feature_mix_layer.bn.weight": torch.zeros(1664),
}
RESNET = {"input_stem.0.conv.weight": torch.zeros(32, 3, 3, 3), "blocks.0.conv1.conv.weight": torch.zeros(1)}


def changed(**tensors: torch.Tensor | None) -> dict[str, torch.Tensor]:
    """A whole state with some entries added or exchanged, or (None) left out."""
    state = published_state() | {name: tensor for name, tensor in tensors.items() if tensor is not None}
    return {
        name: tensor for name, tensor in state.items() if name not in tensors or tensors[name] is not None
    }


def assert_refused(path: Path, told: str) -> None:
    with pytest.raises(UserError) as raised:
        read_published(path)
    assert raised.value.message.startswith(f"{path} cannot be imported: ")
    assert told in raised.value.message and "\n" not in raised.value.message


@pytest.mark.parametrize(
    ("state", "told"),
    [
        (PROXYLESS, "OFA's ProxylessNAS supernet: MobileNetV3's are needed, ofa_mbv3"),
        (RESNET, "OFA's ResNet-50 supernet: MobileNetV3's are needed"),
        ({"weight": torch.zeros(1)}, "no first_conv.conv.weight"),
        ({"first_conv.conv.weight": torch.zeros(40, 3, 3, 3)}, "40 channels, not 16 (width 1.0) or 24"),
    ],
    ids=["proxyless", "resnet", "another", "another width"],
)
def test_another_network_is_named_in_a_sentence(tmp_path, state, told):
    assert_refused(write_published(tmp_path / "file", state), told)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"final_expand_layer.bn.running_var": None}, "final_expand_layer.bn.running_var is missing"),
        (
            {"blocks.3.mobile_inverted_conv.depth_conv.conv.7to5_matrix": None},
            "blocks.3.conv.depth_conv.conv.7to5_matrix is missing",
        ),
        ({"more": torch.zeros(1)}, "more is not one of its tensors"),
        (
            {"classifier.linear.bias": torch.zeros(10)},
            "classifier.linear.bias is float32 10, not float32 1000",
        ),
        (
            {"blocks.1.conv.depth_conv.bn.bn.bias": torch.zeros(96)},
            "it has blocks.1.conv.depth_conv.bn.bias in two spellings",
        ),
        (
            {"feature_mix_layer.conv.weight": torch.full((1280, 960, 1, 1), torch.nan)},
            "feature_mix_layer.conv.weight has values that are no numbers",
        ),
    ],
    ids=["missing", "missing matrix", "too many", "other shape", "two spellings", "no numbers"],
)
def test_what_is_wrong_in_a_file_is_named_in_a_sentence(tmp_path, changes, told):
    assert_refused(write_published(tmp_path / "file", changed(**changes)), told)


def test_a_file_that_is_not_whole_is_refused(files, tmp_path):
    content, path = files[1.0].read_bytes(), tmp_path / "file"
    for part in (content[: len(content) // 2], content[:1000], b"", b"weights"):
        path.write_bytes(part)
        with pytest.raises(UserError, match="it is not a whole file of torch's with weights alone"):
            read_published(path)
    with pytest.raises(UserError, match="does not exist: MobileNetV3's are needed"):
        read_published(tmp_path / "nothing")
    with pytest.raises(UserError, match="is not a file: "):
        read_published(tmp_path)


class Called:
    """What unpickling would call."""

    happened = False

    def __reduce__(self):
        return (Called.call, ())

    @staticmethod
    def call() -> None:
        Called.happened = True


def test_nothing_in_a_file_is_called(tmp_path):
    torch.save({"state_dict": Called()}, tmp_path / "file", _use_new_zipfile_serialization=False)
    with pytest.raises(UserError, match="not a whole file of torch's with weights alone"):
        read_published(tmp_path / "file")
    assert not Called.happened


def test_a_published_file_is_recognised_by_its_bytes(files, monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    read = read_published(files[1.0])
    say_what_is_new([read], BASE)
    assert (
        "is none of the published files by its hash; it is laid out as a supernet of width 1" in caplog.text
    )
    source, *_ = files_of = import_ofa.SOURCE.files
    monkeypatch.setattr(
        import_ofa,
        "SOURCE",
        replace(import_ofa.SOURCE, files=(replace(source, blob=read.blob), *files_of[1:])),
    )
    caplog.clear()
    say_what_is_new([read_published(files[1.0])], BASE)
    assert "is ofa_mbv3_d234_e346_k357_w1.0 as it was published" in caplog.text
    monkeypatch.setattr(import_ofa, "OTHER_BLOBS", {read.blob: "ofa_proxyless_d234_e346_k357_w1.3"})
    with pytest.raises(UserError, match=r"is ofa_proxyless_d234_e346_k357_w1\.3: MobileNetV3's are needed"):
        read_published(files[1.0])


def test_gits_name_for_bytes():
    """As `git hash-object` gives it for a file with the one line "natv2"."""
    assert import_ofa.blob_of(b"natv2\n") == "f14a27337df24531b61a7a56df7815ce59b8742e"


def test_a_static_network_begins_with_the_centres_of_its_kernels(tmp_path, caplog):
    read = read_published(write_published(tmp_path / "file", static(published_state())))
    say_what_is_new([read], BASE)
    assert "has no matrices for smaller kernels" in caplog.text
    checkpoint = as_checkpoint(read, BASE, seed=0)
    assert torch.equal(checkpoint.weights["transforms.19.0"], torch.eye(25))
    assert len(read.weights) == 243


@pytest.mark.parametrize(
    ("design", "said"),
    [
        ("EE_DP_OFAMobileNetV3", "the blocks pointwise, light are new"),
        ("SE_D_OFAMobileNetV3", "dense skips sum what OFA's weights were trained to keep apart"),
        ("EE_B_OFAMobileNetV3", "the heads of exits 1, 2, 3, 4 are new"),
    ],
)
def test_what_is_new_is_said(files, caplog, design, said):
    caplog.set_level(logging.INFO)
    say_what_is_new([read_published(files[1.0])], DESIGNS[design])
    assert said in caplog.text


@pytest.mark.parametrize(
    ("design", "told"),
    [
        (
            replace(BASE, kernels=(3, 5)),
            "elastic.kernels cannot be [3, 5] for OFA's weights: allowed are [3, 5, 7]",
        ),
        (replace(BASE, depths=(2, 3)), "elastic.depths"),
        (replace(BASE, expand_ratios=(2, 4, 6)), "elastic.expand_ratios"),
        (replace(BASE, blocks=("pointwise", "light")), "has no inverted bottlenecks"),
    ],
    ids=["kernels", "depths", "ratios", "blocks"],
)
def test_designs_that_the_weights_do_not_fit(files, design, told):
    with pytest.raises(UserError) as raised:
        as_checkpoint(read_published(files[1.0]), design, seed=0)
    assert told in raised.value.message
