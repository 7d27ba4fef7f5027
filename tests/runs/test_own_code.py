"""What a person's own code or file changes is another run."""

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from natv2.errors import UserError
from natv2.own_network import code_digest
from natv2.runs.resume import _own_code


@pytest.fixture
def own(tmp_path, monkeypatch):
    """The file of a module that can be imported, `edited`."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "edited.py").write_text("def build(classes): return 1\n")
    yield tmp_path / "edited.py"
    sys.modules.pop("edited", None)


def parameters(network="resnet18", teacher="auto", own=(), table=None) -> Any:
    return SimpleNamespace(
        network=network,
        postprocess=SimpleNamespace(teacher=teacher),
        baselines=SimpleNamespace(own=own),
        search=SimpleNamespace(latency=SimpleNamespace(table=table)),
    )


@pytest.mark.parametrize(
    "named", [{"network": "edited:build"}, {"teacher": "edited:build"}, {"own": ("edited:build",)}]
)
def test_an_edited_function_is_another_run_wherever_it_is_named(own, named):
    before = _own_code(parameters(**named))
    assert before == {"edited:build": code_digest("edited:build")} == _own_code(parameters(**named))
    own.write_text("def build(classes): return 2\n")
    assert _own_code(parameters(**named)) != before


@pytest.mark.parametrize(("named", "name"), [("teacher", "teacher.safetensors"), ("table", "times.json")])
def test_another_file_is_another_run(tmp_path, named, name):
    file = tmp_path / name
    file.write_bytes(b"one")
    asked = parameters(**{named: str(file) if named == "teacher" else file})
    before = _own_code(asked)
    assert list(before) == [str(file)] and _own_code(asked) == before
    file.write_bytes(b"two")
    assert _own_code(asked) != before


def test_what_is_not_a_person_s_own_has_no_code():
    assert _own_code(parameters(teacher="supernet")) == {} and code_digest("resnet18") == ""


def test_what_cannot_be_imported_is_told():
    with pytest.raises(UserError, match=r"network 'nowhere:build': ModuleNotFoundError"):
        code_digest("nowhere:build")
