"""A kit's script, as it runs on a device: in a process of its own, without natv2, on one core."""

import ast
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from zipfile import ZipFile

import pytest

from natv2.costs.config import BatchLatencyConfig
from natv2.errors import UserError
from natv2.search.device_table import device_latency_table
from natv2.search.device_times import checksum, read_times
from natv2.search.kit_contents import NOTHING
from tests.device_kit.kits import CLASSES, SMALL
from tests.telemetry import unstopped

FAST = ("--warm-up", "1", "--repetitions", "3")
CONFIG = BatchLatencyConfig(threads=None, batch=1, warm_up=0, repetitions=1, force=True)


def command(kit, *words) -> list[str]:
    pinned = ["taskset", "-c", str(min(os.sched_getaffinity(0)))]
    return [*pinned, sys.executable, str(kit), *map(str, words)]


def ran(kit, *words, cwd):
    environment = {name: value for name, value in unstopped(cwd).items() if name != "PYTHONPATH"}
    return subprocess.run(command(kit, *words), cwd=cwd, env=environment, capture_output=True, text=True)


@pytest.fixture
def unpacked(kit, tmp_path):
    with ZipFile(kit) as files:
        files.extractall(tmp_path / "kit")
    return tmp_path / "kit"


def test_it_times_all_that_a_search_needs(kit, contents, tmp_path):
    done = ran(kit, *FAST, "--device", "a board", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "a board, onnxruntime" in done.stdout and "min" in done.stdout and " left" in done.stdout
    assert "times.json is complete: a search takes it as search.latency.table" in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["times.json"]  # nor what would report home
    times = read_times(tmp_path / "times.json")
    assert set(times.file.times) == set(contents.entries)
    assert times.file.settings.model_dump() == {
        **{"threads": 1, "batch": 1, "warm_up": 1, "repetitions": 3, "provider": "CPUExecutionProvider"}
    }
    assert all(median > 0 and spread >= 0 for median, spread in times.file.times.values())
    assert times.file.times[NOTHING][0] < min(times.medians(contents.network_entries))
    table, check = device_latency_table(tmp_path / "times.json", SMALL, CLASSES, CONFIG)
    assert len(check) == 30 and (table["milliseconds"].notna()).all()


def test_it_can_be_stopped_and_goes_on(kit, contents, tmp_path):
    words, path = ("--repetitions", "300"), tmp_path / "times.json"
    with subprocess.Popen(
        command(kit, *words), cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        give_up = time.monotonic() + 120
        while not (path.exists() and len(json.loads(path.read_text())["times"]) > 2):
            assert process.poll() is None and time.monotonic() < give_up
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate()
    assert process.returncode == 130 and said == "stopped; the same command goes on\n"
    first = json.loads(path.read_text())
    assert 2 < len(first["times"]) < len(contents.entries) and first["ended"] is None
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(UserError, match=r"is not complete, \d+ files are timed: give the script's command"):
        read_times(path)
    other = ran(kit, "--threads", "2", *words, cwd=tmp_path)
    assert other.returncode == 1 and "was begun with --threads 1, not 2: delete it" in other.stderr
    assert json.loads(path.read_text()) == first
    done = ran(kit, *words, cwd=tmp_path)
    assert done.returncode == 0 and f"{len(first['times'])} of {len(contents.entries)} files" in done.stdout
    second = json.loads(path.read_text())
    assert second["begun"] == first["begun"]
    assert {name: second["times"][name] for name in first["times"]} == first["times"]
    assert read_times(path).file.ended is not None
    again = ran(kit, *words, cwd=tmp_path)  # nothing is left to do
    assert again.returncode == 0 and json.loads(path.read_text()) == second


def edited(name, change):
    def edit(folder):
        path = folder / name
        path.write_bytes(change(path.read_bytes()))

    return edit


def another(folder):
    shutil.copy(folder / f"parts/{NOTHING.partition('@')[0]}.onnx", folder / "parts/another.onnx")


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (
            edited("parts/nothing.onnx", lambda content: content + b"\0"),
            "is not the manifest's (another SHA-256)",
        ),
        (lambda folder: (folder / "parts/nothing.onnx").unlink(), "parts/nothing.onnx is missing"),
        (another, "parts/another.onnx in"),
        (edited("manifest.json", lambda content: content[:-9]), "manifest.json in"),
        (edited("manifest.json", lambda content: b"[]"), "is damaged: copy the kit anew"),
        (
            edited("manifest.json", lambda content: content.replace(b'"format": 1', b'"format": 2')),
            "is of format 2, not 1",
        ),
        (lambda folder: (folder / "manifest.json").unlink(), "cannot be read"),
    ],
)
def test_files_that_are_not_the_manifest_s_are_refused(unpacked, edit, told, tmp_path):
    edit(unpacked)
    done = ran(unpacked, *FAST, cwd=tmp_path)
    assert done.returncode == 1 and told in done.stderr, done.stderr
    assert done.stderr.startswith("Error: ") and done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{", "is damaged, or no results of a kit: delete it, or name another file with --out"),
        ("{}", "is damaged, or no results of a kit"),
        ({"kit": "another"}, "has times of another kit"),
    ],
)
def test_results_that_are_not_its_own_are_left_as_they_are(kit, content, told, tmp_path):
    path = tmp_path / "times.json"
    if isinstance(content, dict):
        content = json.dumps(content | {"checksum": checksum(content)})
    path.write_text(content)
    done = ran(kit, *FAST, cwd=tmp_path)
    assert done.returncode == 1 and told in done.stderr and done.stderr.count("\n") == 1
    assert path.read_text() == content


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("--provider", "MoonProvider"), 1, "no provider MoonProvider here: there are "),
        (("--out", "absent/times.json"), 1, "absent/times.json cannot be written"),
        (("--threads", "0"), 2, "argument --threads: invalid positive value: '0'"),
    ],
)
def test_what_it_cannot_do_is_said(kit, words, code, told, tmp_path):
    done = ran(kit, *words, cwd=tmp_path)
    assert done.returncode == code and told in done.stderr and not list(tmp_path.iterdir())


def test_it_is_of_python_3_8_and_needs_numpy_and_onnxruntime_alone(kit):
    with ZipFile(kit) as files:
        tree = ast.parse(files.read("__main__.py"), feature_version=(3, 8))
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(str(node.module).partition(".")[0])
    assert names - sys.stdlib_module_names == {"numpy", "onnxruntime"}


def test_without_onnxruntime_it_says_what_to_install(kit, tmp_path):
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(Path(kit))], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 1 and "pip install numpy onnxruntime" in done.stderr
