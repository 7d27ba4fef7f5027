import hashlib
import json
import logging
import os
from contextlib import suppress

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from natv2.atomic import write_bytes
from natv2.errors import UserError
from natv2.files import misfit, read_header, read_tensors, write_tensors
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


def metadata(path) -> dict[str, str]:
    with safe_open(path, framework="pt") as file:
        return file.metadata()


def test_the_checksum_is_a_sha256_over_header_and_tensors(tmp_path):
    path = tmp_path / "file.safetensors"
    tensors = {"b": torch.tensor([[1.5, -2.0]]), "a": torch.tensor(7, dtype=torch.int16)}
    write_tensors(path, tensors, {"kind": "test"})
    said = [FORMAT, '{"kind": "test"}', [["a", "int16 scalar"], ["b", "float32 1 x 2"]]]
    by_hand = json.dumps(said).encode() + tensors["a"].numpy().tobytes() + tensors["b"].numpy().tobytes()
    assert metadata(path)["sha256"] == hashlib.sha256(by_hand).hexdigest()


def test_a_file_from_before_checksums_is_read_with_a_warning(tmp_path, caplog):
    path = tmp_path / "file.safetensors"
    for texts in ({"natv2": "{}"}, {"natv2": "{}", "format": "2"}):
        caplog.clear()
        save_file({"weight": torch.ones(2)}, path, texts)
        assert read_tensors(path)[0]["weight"].tolist() == [1, 1]
        ((_, level, told),) = caplog.record_tuples
        assert level == logging.WARNING and told.startswith(f"{path} has no checksum")
    save_file({"weight": torch.ones(2)}, path, {"natv2": "{}", "format": "3"})
    with pytest.raises(UserError, match=f"{path} is damaged"):
        read_tensors(path)


def test_a_flipped_bit_is_seen_wherever_it_is(tmp_path):
    path = tmp_path / "file.safetensors"
    write_tensors(
        path, {"a": torch.arange(3.0), "flag": torch.tensor([True])}, {"kind": "test", "width": 1.0}
    )
    content = path.read_bytes()
    for place in range(0, 8 * len(content), 17):
        changed = bytearray(content)
        changed[place // 8] ^= 1 << place % 8
        path.write_bytes(changed)
        with pytest.raises(UserError) as raised:
            read_tensors(path)
        assert "\n" not in raised.value.message
        with suppress(UserError):  # the header alone may be whole
            read_header(path)


@pytest.mark.parametrize("text", ["[]", "7", "null", "{", "[" * 100_000, '{"a": ' + "9" * 5000 + "}"])
def test_a_header_that_is_no_object_is_refused(tmp_path, text):
    path = tmp_path / "file.safetensors"
    save_file({"weight": torch.ones(2)}, path, {"natv2": text})
    with pytest.raises(UserError, match=f"{path} is damaged"):
        read_tensors(path)


@pytest.mark.parametrize("version", ["0", "-1", "1.0", "", "two", "9" * 5000, "٣"])
def test_a_format_that_is_no_number_is_refused(tmp_path, version):
    path = tmp_path / "file.safetensors"
    save_file({"weight": torch.ones(2)}, path, {"natv2": "{}", "format": version})
    with pytest.raises(UserError, match=f"{path} is damaged"):
        read_tensors(path)


@pytest.mark.parametrize(
    "values", [{"phase": []}, {"origin": [1]}, {"record": "weighting"}, {"record": None}]
)
def test_an_old_header_with_values_of_other_types_is_left_to_those_who_check_it(tmp_path, values):
    path = tmp_path / "file.safetensors"
    save_file({"weight": torch.ones(2)}, path, {"natv2": json.dumps(values)})
    assert read_header(path) == values


def test_what_is_no_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for place, told in (("pipe", "is not a file"), ("", "is not a file"), ("nul\0", "does not exist")):
        with pytest.raises(UserError, match=told):
            read_tensors(tmp_path / place)


def test_what_was_read_is_not_the_file(tmp_path):
    path = tmp_path / "file.safetensors"
    write_tensors(path, {"odd": torch.zeros(3, dtype=torch.uint8), "weight": torch.arange(1000.0)}, {})
    read, _ = read_tensors(path)
    size = path.stat().st_size
    with path.open("r+b") as file:  # in place, as a copy onto it does
        file.write(bytes(size))
    assert torch.equal(read["weight"], torch.arange(1000.0))
    path.write_bytes(b"")
    assert torch.equal(read["weight"], torch.arange(1000.0))
    assert all(tensor.data_ptr() % 64 == 0 for tensor in read.values())


def test_tensors_that_are_not_as_expected_are_named():
    expected = {"a": torch.zeros(2, 3, device="meta"), "b": torch.zeros((), dtype=torch.int64)}
    right = {"a": torch.ones(2, 3), "b": torch.tensor(1)}
    assert misfit(expected, right) is None
    for change, told in (
        ({"a": torch.ones(3, 2)}, "a is float32 3 x 2, not float32 2 x 3"),
        ({"a": torch.ones(2, 3, dtype=torch.float16)}, "a is float16 2 x 3, not float32 2 x 3"),
        ({"b": torch.ones(())}, "b is float32 scalar, not int64 scalar"),
        ({"a": torch.full((2, 3), float("nan"))}, "a has values that are no numbers"),
        ({"c": torch.ones(1)}, "c is not one of its tensors"),
    ):
        assert misfit(expected, right | change) == told
    assert misfit(expected, {"b": torch.tensor(1)}) == "a is missing"
