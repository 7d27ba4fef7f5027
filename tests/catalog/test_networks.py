from pathlib import Path

import pytest
import torch
from kedro.io import DatasetError, Version

from natv2.catalog.networks import NetworksDataset
from natv2.finished_network import StoredNetwork

NETWORKS = {
    "knee_1": StoredNetwork({"weight": torch.ones(2)}, {"kind": "network", "resolution": 24}),
    "best": StoredNetwork({"weight": torch.zeros(3)}, {"kind": "network", "resolution": 32}),
}


def dataset(folder: Path, save: str = "v1") -> NetworksDataset:
    return NetworksDataset(filepath=str(folder / "networks"), version=Version(None, save))


def test_round_trip_one_file_each(tmp_path):
    data = dataset(tmp_path)
    assert not data.exists()
    data.save(NETWORKS)
    assert data.exists()
    files = {path.name for path in (tmp_path / "networks/v1/networks").iterdir()}
    assert files == {"knee_1.safetensors", "best.safetensors"}
    loaded = data.load()
    assert loaded.keys() == NETWORKS.keys()
    for name, network in NETWORKS.items():
        assert torch.equal(loaded[name].tensors["weight"], network.tensors["weight"])
        assert loaded[name].header == network.header


def test_no_network_is_a_result_too(tmp_path):
    data = dataset(tmp_path)
    data.save({})
    assert data.exists()
    assert data.load() == {}


def test_half_a_folder_is_never_the_newest(tmp_path, monkeypatch):
    dataset(tmp_path).save(NETWORKS)
    bad = StoredNetwork({"weight": torch.ones(1)}, {"not": object()})
    broken = {"good": NETWORKS["best"], "bad": bad}
    with pytest.raises(DatasetError):
        dataset(tmp_path, "v2").save(broken)
    newest = dataset(tmp_path, "v3")
    assert newest.resolve_load_version() == "v1"
    assert newest.load().keys() == NETWORKS.keys()
    assert not list((tmp_path / "networks/v2").iterdir())


def test_an_unversioned_folder_is_replaced(tmp_path):
    data = NetworksDataset(filepath=str(tmp_path / "networks"))
    data.save(NETWORKS)
    data.save({"other": NETWORKS["best"]})
    assert list(data.load()) == ["other"]
