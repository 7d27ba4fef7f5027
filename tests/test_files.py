import json
import os

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from natv2.errors import UserError
from natv2.files import read_header, read_tensors, write_bytes, write_tensors
from natv2.formats import FORMAT


def test_tensors_and_header_round_trip(tmp_path):
    path = tmp_path / "new folder" / "file.safetensors"
    tensors = {
        "channels_last": torch.randn(2, 3, 4, 5).contiguous(memory_format=torch.channels_last),
        "transposed": torch.randn(3, 4).T,
        "scalar": torch.tensor(2.5, dtype=torch.float64),
        "integers": torch.arange(5),
        "empty": torch.zeros(0, 2),
    }
    header = {"kind": "test", "nested": {"list": [1, 2.5, None, "é"]}}
    write_tensors(path, tensors, header)
    read, found = read_tensors(path)
    assert found == read_header(path) == header
    assert read.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert read[name].dtype == tensor.dtype
        assert torch.equal(read[name], tensor)
    assert [p.name for p in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("broken", ["replace", "fsync"])
def test_a_failing_write_leaves_the_old_file_and_no_other(tmp_path, monkeypatch, broken):
    path = tmp_path / "file"
    write_bytes(path, b"old")

    def fail(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, broken, fail)
    with pytest.raises(KeyboardInterrupt):
        write_bytes(path, b"new")
    monkeypatch.undo()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
    write_bytes(path, b"new")
    assert path.read_bytes() == b"new"


def test_the_file_is_whole_before_it_has_its_name(tmp_path, monkeypatch):
    path = tmp_path / "file"
    replace, seen = os.replace, []

    def look(source, target):
        seen.append((os.path.getsize(source), os.path.dirname(source) == str(tmp_path), path.exists()))
        replace(source, target)

    monkeypatch.setattr(os, "replace", look)
    write_bytes(path, b"x" * 100_000)
    assert seen == [(100_000, True, False)]


@pytest.mark.parametrize("read", [read_header, read_tensors])
def test_what_natv2_did_not_write_is_refused(tmp_path, read):
    path = tmp_path / "file.safetensors"
    write_tensors(path, {"weight": torch.randn(100)}, {})
    content = path.read_bytes()
    for damaged in (
        b"",
        content[:4],
        content[:40],
        content[:-1],
        b"\x80\x02}q\x00.",
        json.dumps({}).encode(),
    ):
        path.write_bytes(damaged)
        with pytest.raises(UserError, match=f"{path} is not a whole safetensors file"):
            read(path)
    for metadata in (None, {"format": "pt"}):
        save_file({"weight": torch.zeros(1)}, path, metadata)
        with pytest.raises(UserError, match=f"{path} is a safetensors file, but not one that natv2 wrote"):
            read(path)
    with pytest.raises(UserError, match=r"missing\.safetensors does not exist"):
        read(tmp_path / "missing.safetensors")
    with pytest.raises(UserError):
        read(tmp_path)


@pytest.mark.parametrize("read", [read_header, lambda path: read_tensors(path)[1]], ids=["header", "all"])
def test_a_file_of_the_first_format_is_read_with_todays_names(tmp_path, read):
    """Such files have no number. Digests were made otherwise: theirs tell nothing."""
    path = tmp_path / "file.safetensors"
    header = {
        "phase": "whole",
        "origin": {"source": "digits", "settings": "0a1b2c3d", "probes": [0.5]},
        "record": {"weighting": "MIX", "top1": 0.9},
    }
    for phase, now in (("whole", "single_stage"), ("width_2", "width_2")):
        save_file({"weight": torch.ones(2)}, path, {"natv2": json.dumps(header | {"phase": phase})})
        assert read(path) == {
            "phase": now,
            "origin": {"source": "digits", "probes": [0.5]},
            "record": {"exit_weighting": "MIX", "top1": 0.9},
        }
    assert read_tensors(path)[0]["weight"].tolist() == [1, 1]
    save_file({"weight": torch.ones(2)}, path, {"natv2": json.dumps({"history": []})})
    assert read(path) == {"history": []}


def test_what_is_written_now_is_read_as_it_is(tmp_path):
    path = tmp_path / "file.safetensors"
    header = {"phase": "whole", "origin": {"settings": "0a1b2c3d"}, "record": {"weighting": "MIX"}}
    write_tensors(path, {}, header)
    with safe_open(path, framework="pt") as file:
        assert file.metadata()["format"] == str(FORMAT)
    assert read_header(path) == header


@pytest.mark.parametrize("read", [read_header, read_tensors])
def test_a_file_of_a_newer_format_is_refused(tmp_path, read):
    path = tmp_path / "file.safetensors"
    newer = FORMAT + 1
    save_file({"weight": torch.ones(2)}, path, {"natv2": "{}", "format": str(newer)})
    with pytest.raises(UserError) as error:
        read(path)
    told = f"was written by a newer version of natv2 (format {newer}, known: {FORMAT})"
    assert str(error.value.message) == f"{path} {told}"
