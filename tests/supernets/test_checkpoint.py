from dataclasses import replace

import pytest
import torch

from natv2.errors import UserError
from natv2.files import write_tensors
from natv2.spaces.design import DESIGNS
from natv2.supernets.checkpoint import (
    Checkpoint,
    read_checkpoint,
    read_checkpoint_header,
    write_checkpoint,
)
from tests.tiny import images_of, new_supernet

CLASSES = ("ant", "bee", "cat", "dog")


def checkpoint(name: str = "EE_DP_OFAMobileNetV3", width: float = 0.1) -> Checkpoint:
    supernet = new_supernet(name, width)
    return Checkpoint.of(supernet, classes=CLASSES, phase="kernel", origin={"seed": 3})


@pytest.mark.parametrize("name", ["OFAMobileNetV3", "EE_DP_OFAMobileNetV3", "ranges", "four_blocks"])
def test_a_file_gives_the_same_supernet(tmp_path, name):
    supernet = new_supernet(name, 0.25)
    path = tmp_path / "supernet.safetensors"
    saved = Checkpoint.of(supernet, classes=CLASSES, phase="width_2", origin={"source": "digits"})
    write_checkpoint(path, saved)
    read = read_checkpoint(path)
    assert (read.design, read.width, read.classes) == (supernet.design, 0.25, CLASSES)
    assert (read.phase, read.origin, read.path) == ("width_2", {"source": "digits"}, path)
    loaded = read.supernet(dropout=0.2)
    assert loaded.dropout == 0.2
    weights = dict(loaded.named_parameters())
    assert weights.keys() == dict(supernet.named_parameters()).keys()
    assert all(torch.equal(weights[key], weight) for key, weight in supernet.named_parameters())
    images, largest = images_of(4, 3, 16, 16), supernet.largest(16)
    with torch.no_grad():
        pairs = zip(read.supernet()(images, largest), supernet(images, largest), strict=True)
        assert all(torch.equal(a, b) for a, b in pairs)


def test_a_checkpoint_is_a_copy_both_ways():
    supernet = new_supernet("OFAMobileNetV3")
    taken = Checkpoint.of(supernet, classes=CLASSES, phase="full", origin={})
    kept = {key: weight.clone() for key, weight in taken.weights.items()}
    for module in (supernet, taken.supernet()):
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.zero_()
        assert all(torch.equal(weight, kept[key]) for key, weight in taken.weights.items())


def test_weights_of_another_shape_are_refused():
    whole = checkpoint()
    key = "network.stem.conv.weight"
    for weights in (
        {**whole.weights, key: torch.zeros(3, 3)},
        {k: w for k, w in whole.weights.items() if k != key},
        {**whole.weights, key + "_2": torch.zeros(1)},
    ):
        with pytest.raises(
            UserError, match=r"do not fit EE_DP_OFAMobileNetV3 at width 0.1: network\.stem\.conv"
        ):
            replace(whole, weights=weights).supernet()


@pytest.mark.parametrize(
    "change", [{"width": 0.25}, {"design": DESIGNS["OFAMobileNetV3"]}, {"classes": CLASSES[:2]}], ids=str
)
def test_a_header_that_does_not_fit_the_weights_is_refused(tmp_path, change):
    path = tmp_path / "supernet.safetensors"
    write_checkpoint(path, replace(checkpoint(), **change))
    with pytest.raises(UserError, match=f"{path} do not fit"):
        read_checkpoint(path).supernet()


def test_a_file_that_names_a_row_of_table_5_1_is_read(tmp_path):
    path, whole = tmp_path / "supernet.safetensors", checkpoint()
    header = {"kind": "supernet", "design": whole.design.name, "width": whole.width}
    rest = {"classes": list(whole.classes), "phase": "full", "origin": {}}
    write_tensors(path, whole.weights, {**header, **rest})
    assert read_checkpoint(path).design == whole.design


def test_a_file_of_another_kind_is_refused(tmp_path):
    path = tmp_path / "network.safetensors"
    for header, found in (({"kind": "network"}, "a network"), ({}, "nameless")):
        write_tensors(path, {"weight": torch.zeros(1)}, header)
        with pytest.raises(UserError, match=f"{found}.*not a supernet"):
            read_checkpoint(path)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"design": None}, "design: Input should be an object"),
        ({"design": "EE_X_OFAMobileNetV3"}, "design: Input should be an object"),
        ({"width": 5.0}, "width: Input should be less than or equal to 4"),
        ({"width": "1.0"}, "width: Input should be a valid number"),
        ({"classes": []}, "classes: "),
        ({"classes": "abcd"}, "classes: "),
        ({"phase": 3}, "phase: "),
        ({"origin": []}, "origin: "),
        ({"more": 1}, "more: "),
    ],
    ids=str,
)
def test_a_header_whose_values_cannot_be_is_refused_in_one_line(tmp_path, changes, told):
    path, whole = tmp_path / "supernet.safetensors", checkpoint("OFAMobileNetV3")
    header = {"kind": "supernet", "design": whole.design.to_dict(), "width": 0.1, "classes": list(CLASSES)}
    header |= {"phase": "full", "origin": {}}
    for read in (read_checkpoint, read_checkpoint_header):
        write_tensors(path, {}, header)
        assert read(path)
        write_tensors(path, {}, header | changes)
        with pytest.raises(UserError) as raised:
            read(path)
        assert raised.value.message.startswith(f"{path}: its header cannot be used: {told}")
        assert "\n" not in raised.value.message
        for name in header.keys() - {"kind"}:
            write_tensors(path, {}, {other: value for other, value in header.items() if other != name})
            with pytest.raises(UserError, match=f"cannot be used: {name}: "):
                read(path)


def test_a_header_of_much_takes_no_memory_that_the_file_has_not(monkeypatch):
    """Weights are compared before a supernet is made for them."""
    whole = checkpoint("OFAMobileNetV3")
    monkeypatch.setattr("natv2.supernets.checkpoint.Supernet", None)
    with pytest.raises(UserError, match="do not fit"):
        replace(whole, width=4.0, classes=tuple(map(str, range(100_000)))).supernet()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused(value):
    whole = checkpoint("OFAMobileNetV3")
    key = "network.stem.conv.weight"
    weights = {**whole.weights, key: torch.full_like(whole.weights[key], value)}
    with pytest.raises(UserError, match=f"{key} has values that are no numbers"):
        replace(whole, weights=weights).supernet()


def test_a_damaged_file_is_refused(tmp_path):
    path = tmp_path / "supernet.safetensors"
    write_checkpoint(path, checkpoint())
    content = path.read_bytes()
    for damaged in (content[: len(content) // 2], content[:100], b"", b"not a checkpoint at all"):
        path.write_bytes(damaged)
        with pytest.raises(UserError, match="not a whole safetensors file"):
            read_checkpoint(path)
    with pytest.raises(UserError, match="does not exist"):
        read_checkpoint(tmp_path / "other.safetensors")
