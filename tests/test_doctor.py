"""`natv2 doctor`: each thing that is missing or broken is named, with what to install."""

import importlib
import sys
from importlib.metadata import PackageNotFoundError, version

import pytest
import torch
from click.testing import CliRunner

from natv2.baselines.plain import PlainClassifier, PlainHeader
from natv2.doctor import checks
from natv2.doctor.command import doctor


def run(*files) -> tuple[int, str]:
    result = CliRunner().invoke(doctor, [str(file) for file in files])
    return result.exit_code, result.output


def test_what_works_is_told_a_line_each():
    code, said = run()
    assert code == 0
    lines = said.splitlines()
    assert all(line[:4].strip() in ("ok", "no") for line in lines)
    assert f"ok   Python {sys.version.split()[0]}" in said and f"torch {torch.__version__}" in said
    assert "libraries that natv2 needs load" in said and "GiB of memory" in said and "GiB free" in said
    extras = {line.split()[2].rstrip(":") for line in lines if line[5:].startswith("extra ")}
    assert {"baselines", "heif", "catboost"} <= extras and "test" not in extras


@pytest.mark.parametrize(("system", "state"), [("Darwin", "no"), ("Windows", "bad"), ("Linux", None)])
def test_other_systems_are_told_for_what_is_known_of_them(monkeypatch, system, state):
    monkeypatch.setattr(checks.platform, "system", lambda: system)
    first, *others = checks.check_python()
    assert first.state == "ok" and system in first.text
    assert [line.state for line in others] == ([state] if state else [])


def test_an_extra_that_is_not_there_is_told_with_what_installs_it(monkeypatch):
    def without(name: str) -> str:
        if name == "timm":
            raise PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(checks, "version", without)
    code, said = run()
    assert code == 0
    assert "no   extra baselines: timm is not installed; pip install 'natv2[baselines]'" in said


@pytest.mark.parametrize(("name", "module"), [("scikit-learn", "sklearn"), ("pillow-heif", "pillow_heif")])
def test_what_does_not_load_is_told_and_ends_in_exit_code_1(monkeypatch, name, module):
    def broken(asked: str) -> object:
        if asked == module:
            raise OSError("libgomp.so.1: cannot open\nshared object file")
        return importlib.import_module(asked)

    monkeypatch.setattr(checks, "import_module", broken)
    code, said = run()
    assert code == 1
    assert f"{name} {version(name)} does not load: libgomp.so.1: cannot open shared object file" in said
    assert said.splitlines()[-1] == "Error: 1 of these must be mended"


def test_a_needed_library_that_is_gone_is_no_matter_of_taste(monkeypatch):
    def without(name: str) -> str:
        if name == "lightgbm":
            raise PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(checks, "version", without)
    code, said = run()
    assert code == 1 and "bad  lightgbm is not installed" in said


def test_little_room_is_said(monkeypatch):
    monkeypatch.setattr(checks, "memory_limit", lambda: 2 << 30)
    monkeypatch.setattr(checks, "free_bytes", lambda folder: 1 << 30)
    _, said = run()
    assert "no   2.0 GiB of memory: little" in said and "no   1.0 GiB free" in said


def test_a_torch_that_does_not_compute_is_told(monkeypatch):
    monkeypatch.setattr(torch.nn, "Conv2d", lambda *a, **k: (_ for _ in ()).throw(RuntimeError("no kernel")))
    code, said = run()
    assert code == 1 and "bad  torch does not train here: no kernel" in said


def test_formats_are_told_with_what_they_need(monkeypatch):
    monkeypatch.setattr("natv2.export.formats.find_spec", lambda module: None if "onnx" in module else 1)
    code, said = run()
    assert code == 0
    assert "ok   formats of natv2 export: torch_export, python, executorch" in said
    assert "no   format onnx_int8 needs onnx, onnxruntime, onnxscript: pip install 'natv2[export]'" in said


def test_files_of_networks_are_told_by_what_they_say_of_themselves(tmp_path):
    record = {"dataset": "\x1btoys", "test_accuracy": 0.91234, "params": 12345, "macs": 6789, "run": "2026"}
    known = {"class_names": ("a", "b"), "mean": (0.5,) * 3, "std": (0.2,) * 3, "resolution": 32}
    header = PlainHeader(network="resnet20_050", record=record, **known)
    whole, damaged = tmp_path / "whole.safetensors", tmp_path / "damaged.safetensors"
    PlainClassifier.new(header, 0).stored().write(whole)
    code, said = run(whole)
    assert code == 0
    told = "test top-1 91.23 %, data set \\x1btoys, 12,345 parameters, 6,789 MACs, run 2026"
    assert said == f"ok   {whole}: a plain network, 2 classes, {told}\n"
    damaged.write_bytes(whole.read_bytes()[:-5])
    code, said = run(whole, damaged)
    assert code == 1 and said.splitlines()[1].startswith(f"bad  {damaged}")
    assert said.splitlines()[-1] == "Error: 1 of these must be mended"
