"""What a file for --config may hold; everything else is one sentence, at once."""

import os
from pathlib import Path

import pytest

from natv2.errors import UserError
from natv2.runs.config_file import read_config_file

OPTIONS = ("params", "pipeline", "env")
BOMB = "a: &a [1, 2]\n" + "".join(
    f"{new}: &{new} [*{old}, *{old}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)


def read(path: Path) -> dict[str, object]:
    return read_config_file(path, "run", OPTIONS)


def test_plain_values_are_read_as_kedro_reads_them(tmp_path):
    file = tmp_path / "own.yml"
    file.write_text("run: {pipeline: aep, params: {aep.lr: 1e-3, sizes: [16, 24], device: null}}\n")
    expected = {"pipeline": "aep", "params": {"aep.lr": 1e-3, "sizes": [16, 24], "device": None}}
    assert read(file) == expected
    file.write_text('{"run": {"params": {"x": "a,b"}}}')
    assert read(file) == {"params": {"x": "a,b"}}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("run: {params: !!python/object/apply:os.system ['touch owned']}", "is no YAML of plain values"),
        ("run: 5", "a block `run:` with options is needed"),
        ("[1, 2", "is no YAML of plain values"),
        ("other: {}", "a block `run:`"),
        ("", "a block `run:`"),
        ("run: {params: [1, 2]}", "params must be a block of parameters, not [1, 2]"),
        ("run: {1: 2}", "unknown option 1; known: env, params, pipeline"),
        ("run: {pipline: aep}", "unknown option 'pipline'"),
        ("run: &a {params: *a}", "aliases"),
        (BOMB, "aliases"),
        ("[" * 200_000, "bytes, at most"),
        ("[" * 60_000, "opening brackets"),
        ("[" * 900, "is no YAML of plain values"),
        (b"\xff\xfe\x00", "cannot be read"),
        ("- a\n" * 10_000, "a block `run:`"),
    ],
)
def test_all_else_is_one_sentence(tmp_path, monkeypatch, text, said):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "own.yml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UserError) as error:
        read(file)
    message = error.value.message
    assert said in message and "\n" not in message and len(message) < 800
    assert not (tmp_path / "owned").exists()


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UserError, match="is no file"):
        read(tmp_path / "pipe")
