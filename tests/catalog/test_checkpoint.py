from dataclasses import replace
from pathlib import Path

import pytest
import torch
from kedro.io import DatasetError, Version

from natv2.catalog.checkpoint import CheckpointDataset
from natv2.errors import UserError
from natv2.spaces.design import DESIGNS
from natv2.supernets.checkpoint import Checkpoint

CHECKPOINT = Checkpoint(
    design=DESIGNS["SE_B_OFAMobileNetV3"],
    width=1.2,
    classes=("cat", "dog"),
    phase="kernel",
    weights={"stem.weight": torch.arange(6.0).reshape(2, 3)},
    origin={"source": "digits"},
)


def dataset(folder: Path, name: str, *, load: str | None = None, save: str = "v1") -> CheckpointDataset:
    return CheckpointDataset(filepath=str(folder / name), version=Version(load, save))


def test_round_trip(tmp_path):
    data = dataset(tmp_path, "full.safetensors")
    assert not data.exists()
    data.save(CHECKPOINT)
    assert data.exists()
    loaded = data.load()
    assert loaded.path == tmp_path / "full.safetensors/v1/full.safetensors"
    assert torch.equal(loaded.weights["stem.weight"], CHECKPOINT.weights["stem.weight"])
    assert replace(loaded, weights={}, path=None) == replace(CHECKPOINT, weights={})


def test_a_loaded_checkpoint_is_linked_and_survives_the_first_file(tmp_path):
    first = dataset(tmp_path, "full.safetensors")
    first.save(CHECKPOINT)
    second = dataset(tmp_path, "kernel.safetensors")
    second.save(first.load())
    source, link = first.load().path, second.load().path
    assert source is not None and link is not None
    assert link.samefile(source)
    source.unlink()
    assert torch.equal(second.load().weights["stem.weight"], CHECKPOINT.weights["stem.weight"])


@pytest.mark.parametrize(
    "change", [{"weights": {"stem.weight": torch.zeros(2, 3)}}, {"phase": "width_2"}, {"weights": {}}]
)
def test_what_was_made_from_a_loaded_checkpoint_is_written(tmp_path, change):
    first = dataset(tmp_path, "full.safetensors")
    first.save(CHECKPOINT)
    other = replace(first.load(), **change)
    second = dataset(tmp_path, "kernel.safetensors")
    second.save(other)
    loaded = second.load()
    assert loaded.phase == other.phase
    assert loaded.weights.keys() == other.weights.keys()
    assert all(torch.equal(loaded.weights[name], other.weights[name]) for name in loaded.weights)
    assert torch.equal(first.load().weights["stem.weight"], CHECKPOINT.weights["stem.weight"])


def test_the_header_is_of_a_file_that_is_whole(tmp_path):
    data = dataset(tmp_path, "full.safetensors")
    data.save(CHECKPOINT)
    assert data.header()["width"] == 1.2
    path = tmp_path / "full.safetensors/v1/full.safetensors"
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))  # of a weight
    with pytest.raises(UserError, match=f"{path} is damaged"):
        data.header()


def test_what_came_from_a_file_that_is_damaged_by_now_is_written(tmp_path):
    first, second = dataset(tmp_path, "full.safetensors"), dataset(tmp_path, "kernel.safetensors")
    first.save(CHECKPOINT)
    loaded = first.load()
    loaded.path.write_bytes(b"damaged")
    second.save(loaded)
    assert torch.equal(second.load().weights["stem.weight"], CHECKPOINT.weights["stem.weight"])


def test_without_hard_links_the_file_is_copied(tmp_path, monkeypatch):
    def refuse(*paths: object) -> None:
        raise OSError("no hard links here")

    monkeypatch.setattr("os.link", refuse)
    first = dataset(tmp_path, "full.safetensors")
    first.save(CHECKPOINT)
    second = dataset(tmp_path, "kernel.safetensors")
    second.save(first.load())
    assert not second.load().path.samefile(first.load().path)
    assert second.load().path.read_bytes() == first.load().path.read_bytes()


def test_half_a_checkpoint_is_never_the_newest(tmp_path, monkeypatch):
    dataset(tmp_path, "full.safetensors").save(CHECKPOINT)

    def power_cut(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("os.replace", power_cut)
    with pytest.raises(KeyboardInterrupt):
        dataset(tmp_path, "full.safetensors", save="v2").save(CHECKPOINT)
    monkeypatch.undo()
    newest = dataset(tmp_path, "full.safetensors", save="v3")
    assert newest.resolve_load_version() == "v1"
    assert newest.load().width == 1.2


def test_an_older_version_can_be_named_and_none_is_overwritten(tmp_path):
    dataset(tmp_path, "full.safetensors", save="v1").save(CHECKPOINT)
    dataset(tmp_path, "full.safetensors", save="v2").save(replace(CHECKPOINT, phase="width_2"))
    assert dataset(tmp_path, "full.safetensors").load().phase == "width_2"
    assert dataset(tmp_path, "full.safetensors", load="v1").load().phase == "kernel"
    with pytest.raises(DatasetError, match="must not exist"):
        dataset(tmp_path, "full.safetensors", save="v2").save(CHECKPOINT)
