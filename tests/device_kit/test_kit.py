"""What is in a kit, and the command that writes it."""

import json
import logging
import os
import subprocess
import sys
from hashlib import sha256
from zipfile import ZipFile

import pytest
from click.testing import CliRunner
from onnx import ModelProto

from natv2.device_kit import kit as kits
from natv2.device_kit.command import device_kit
from natv2.device_kit.kit import expected_size, write_kit
from natv2.export import formats
from natv2.search.kit_contents import NOTHING, KitContents
from natv2.supernets.checkpoint import Checkpoint, write_checkpoint
from natv2.supernets.supernet import Supernet
from tests.conftest import REPOSITORY
from tests.device_kit.kits import CLASSES, SMALL

NAMED = (
    "--supernet",
    "EE_B_OFAMobileNetV3",
    "--widths",
    "0.1,0.2",
    "--resolutions",
    "16,32",
    "--classes",
    "4",
)


def command(*words) -> tuple[int, str]:
    result = CliRunner().invoke(device_kit, [str(word) for word in words])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def test_it_has_a_file_for_each_part_and_network_and_a_manifest_of_them(kit, contents):
    with ZipFile(kit) as files:
        content = {name: files.read(name) for name in files.namelist()}
        packed = sum(each.compress_size for each in files.infolist())
    manifest = json.loads(content.pop("manifest.json"))
    del content["__main__.py"]
    assert {name: sha256(each).hexdigest() for name, each in content.items()} == manifest["files"]
    parts = {f"parts/{name}.onnx" for name in {*contents.parts.names, NOTHING.partition("@")[0]}}
    assert set(content) == parts | {f"networks/network_{number:02}.onnx" for number in range(1, 46)}
    assert manifest["space"] == {
        "design": SMALL.design.to_dict(),
        "widths": [0.1],
        "resolutions": [16, 32],
        "classes": CLASSES,
    }
    assert manifest["digest"] == contents.digest
    entries = manifest["entries"]
    assert sorted(entry["name"] for entry in entries) == sorted(contents.entries)
    assert {entry["file"] for entry in entries} == set(content)
    # One file serves several sizes.
    assert len(entries) > len(content)
    assert entries[0]["name"].startswith("network_")
    size = expected_size(contents)
    assert size.files == len(content) + 2
    unpacked = sum(map(len, content.values()))
    assert unpacked / 2 < size.unpacked < unpacked * 2
    assert packed < unpacked / 3


def test_a_files_weights_are_those_of_its_part(kit, contents):
    with ZipFile(kit) as files:
        for name, module in zip(contents.parts.names, contents.parts.modules, strict=True):
            graph = ModelProto.FromString(files.read(f"parts/{name}.onnx")).graph
            weights = sorted(tuple(w.dims) for w in graph.initializer if len(w.dims) == 4)
            of_module = [tuple(p.shape) for p in module.parameters() if p.dim() == 4]
            assert weights == sorted(of_module), name
            assert {d.dim_param for d in graph.input[0].type.tensor_type.shape.dim} == {"", "images", "side"}


def test_the_same_space_gives_the_same_bytes_and_another_a_different_digest(
    kit, contents, tmp_path, monkeypatch
):
    with ZipFile(kit) as files:
        graphs = {
            name: ModelProto.FromString(files.read(name))
            for name in files.namelist()
            if name.endswith(".onnx")
        }
    monkeypatch.setattr(kits, "_graphs", lambda contents: iter(graphs.items()))
    write_kit(tmp_path / "again.zip", KitContents.of(SMALL, CLASSES))
    assert (tmp_path / "again.zip").read_bytes() == kit.read_bytes()
    assert KitContents.of(SMALL, CLASSES + 1).digest != contents.digest


@pytest.fixture
def written(monkeypatch):
    """What would be written, and after which words."""
    calls = []
    monkeypatch.setattr(kits, "write_kit", lambda path, contents: calls.append((path, contents)))
    return calls


def test_the_number_of_files_and_their_size_are_said_before_they_are_made(tmp_path, written, caplog):
    caplog.set_level(logging.INFO, logger="natv2")
    assert command(tmp_path / "kit.zip", *NAMED)[0] == 0
    ((path, contents),) = written
    assert path == tmp_path / "kit.zip"
    assert (contents.space.widths, contents.space.resolutions, contents.classes) == ((0.1, 0.2), (16, 32), 4)
    files = expected_size(contents).files
    assert (
        f"EE_B_OFAMobileNetV3, widths 0.1, 0.2, resolutions 16, 32, 4 classes: {files} files, about"
        in caplog.text
    )


def adapted(folder, width, resolutions=(16, 32), version="2026"):
    supernet = Supernet(SMALL.design, width, CLASSES)
    path = folder / f"at_{width}/adapted_supernet.safetensors/{version}/adapted_supernet.safetensors"
    origin = {"search": {"resolutions": list(resolutions)}}
    write_checkpoint(path, Checkpoint.of(supernet, classes=tuple("abcd"), phase="adaptation", origin=origin))


def test_it_can_be_like_a_search(tmp_path, written):
    adapted(tmp_path, 0.2)
    adapted(tmp_path, 0.1)
    assert command(tmp_path / "kit.zip", "--like", tmp_path)[0] == 0
    ((_, contents),) = written
    assert contents.space.design == SMALL.design and contents.classes == CLASSES
    assert (contents.space.widths, contents.space.resolutions) == ((0.1, 0.2), (16, 32))
    adapted(tmp_path, 0.2, (24,), "2027")
    code, output = command(tmp_path / "kit.zip", "--like", tmp_path)
    assert code == 1 and "its supernets are of different searches" in output


def without(*names) -> list[str]:
    pairs = zip(NAMED[::2], NAMED[1::2], strict=True)
    return [word for name, value in pairs if name not in names for word in (name, value)]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (without("--classes", "--widths"), "--widths, --classes missing: name the whole space"),
        (
            (*without("--supernet"), "--supernet", "Nope"),
            "--supernet cannot be 'Nope': known: OFAMobileNetV3",
        ),
        ((*without("--widths"), "--widths", "0.2,0.1"), "widths must ascend, none twice"),
        (
            (*without("--widths"), "--widths", "9"),
            "--widths cannot be 9.0: it should be less than or equal to 4",
        ),
        (
            (*without("--widths"), "--widths", "a"),
            "--widths cannot be 'a': numbers joined by commas are needed",
        ),
        ((*without("--resolutions"), "--resolutions", "16.5"), "--resolutions cannot be 16.5: it should be"),
        ((*without("--resolutions"), "--resolutions", "4,16"), "--resolutions cannot be 4: it should be"),
        ((*without("--classes"), "--classes", "1"), "--classes cannot be 1: it should be greater than"),
        ((*NAMED, "--like", "run"), "--like says all that --supernet says: give one of them"),
        (("--like", "{empty}"), "there is no adapted supernet in it"),
    ],
    ids=str,
)
def test_what_is_wrong_is_one_sentence(tmp_path, written, words, told):
    code, output = command(tmp_path / "kit.zip", *(word.format(empty=tmp_path) for word in words))
    assert code == 1 and told in output and output.startswith("Error: ") and output.count("\n") == 1
    assert not written


def test_a_kit_is_a_zip_and_needs_the_extra(tmp_path, written, monkeypatch):
    code, output = command(tmp_path / "kit.tar", *NAMED)
    assert code == 1 and "give the name of a file that ends in .zip" in output
    row = formats.Format(module="onnx_float", needs=("a_library_that_is_not_there",))
    monkeypatch.setattr(formats, "FORMATS", {"onnx": row})
    code, output = command(tmp_path / "kit.zip", *NAMED)
    assert code == 1 and "pip install 'natv2[export]'" in output and not written


def test_it_needs_no_project_and_refuses_before_torch_is_loaded(tmp_path):
    script = """
import sys
from natv2.__main__ import main

sys.argv = ["natv2", "device-kit", "kit.zip", "--supernet", "Nope"]
try:
    main()
except SystemExit as stop:
    print(stop.code, sorted({"torch", "onnx", "onnxruntime", "mlflow", "pandas"} & set(sys.modules)))
"""
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "src")}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.stdout == "1 []\n", done.stderr
