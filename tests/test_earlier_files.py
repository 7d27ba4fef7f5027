"""What earlier versions wrote, without a checksum, loads with a warning, and its values are checked too."""

import json
import logging

import pytest
import torch
from safetensors.torch import save_file

import natv2
from natv2.errors import UserError
from natv2.files import read_tensors
from natv2.supernets.checkpoint import read_checkpoint
from tests.aep.tiny import TinyNetwork
from tests.mutated import CLASSES, KINDS, PIXELS


def earlier(folder, kind: str, version: int, **changes):
    """A file of `kind` as `version` wrote it, with some values of its header changed."""
    KINDS[kind](folder)
    tensors, header = read_tensors(folder / "whole")
    if version == 1 and "record" in header:
        header["record"] = {**header["record"], "weighting": "MIX"}
    header.pop("levels", None)
    texts = {"natv2": json.dumps(header | changes)} | ({"format": str(version)} if version > 1 else {})
    save_file(tensors, folder / "earlier", texts)
    return folder / "earlier"


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize(
    ("kind", "build"), [("network", None), ("multi_exit", TinyNetwork), ("early_stopping", TinyNetwork)]
)
def test_a_finished_network_of_an_earlier_version(tmp_path, caplog, version, kind, build):
    path = earlier(tmp_path, kind, version)
    loaded = natv2.load_network(path, build)
    ((_, level, told),) = caplog.record_tuples
    assert level == logging.WARNING and told.startswith(f"{path} has no checksum")
    with torch.inference_mode():
        assert torch.equal(loaded(PIXELS), natv2.load_network(tmp_path / "whole", build)(PIXELS))
    assert (loaded.header.record.get("exit_weighting") == "MIX") == (version == 1)


@pytest.mark.parametrize("version", [1, 2])
def test_a_supernet_of_an_earlier_version(tmp_path, caplog, version):
    path = earlier(tmp_path, "supernet", version, phase="whole" if version == 1 else "single_stage")
    read, now = read_checkpoint(path), read_checkpoint(tmp_path / "whole")
    assert "has no checksum" in caplog.text
    assert (read.design, read.phase, read.classes) == (now.design, "single_stage", CLASSES)
    assert all(torch.equal(read.weights[name], weight) for name, weight in now.weights.items())
    read.supernet()


@pytest.mark.parametrize("version", [1, 2])
def test_its_values_are_checked_too(tmp_path, version):
    path = earlier(tmp_path, "network", version, weights=[1.0])
    with pytest.raises(UserError, match="1 weights: one for each of 2 exits is needed"):
        natv2.load_network(path)
    path = earlier(tmp_path, "multi_exit", version, network="os:_exit")
    with pytest.raises(UserError, match="never imported"):
        natv2.load_network(path)
