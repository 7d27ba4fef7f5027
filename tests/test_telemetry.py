"""Nothing is reported to anybody unless a person asks for it."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.telemetry import reported, unstopped

pytest.importorskip("onnxruntime")


def run(code: str, home: Path, **more: str) -> str:
    home.mkdir(exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-c", code], env=unstopped(home) | more, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_onnx_runtime_reports_nothing_where_natv2_is_loaded_first(tmp_path: Path) -> None:
    run("import onnxruntime", tmp_path / "alone")
    run("import natv2, onnxruntime", tmp_path / "after")
    assert reported(tmp_path / "after") == []
    if not reported(tmp_path / "alone"):
        pytest.skip("this ONNX Runtime leaves nothing to report by: the test shows nothing")


def test_who_wants_it_can_have_it(tmp_path: Path) -> None:
    code = "import natv2, os; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    assert run(code, tmp_path, ORT_DISABLE_TELEMETRY="0") == "0\n"
    assert run(code, tmp_path) == "1\n"
