"""What recipes and the README say to type is what the project takes.

Every command of their blocks is parsed by its own click command, and the parameters of every `kedro run` are
checked as the project checks them before it starts anything; nothing of these is run. The pages' YAML files
are read by what reads them, and the predictor that a page adds is fitted. Truly run, on the journey that all
tests share, are only those in `test_what_is_cheap_runs`: with --env test, on digits, with its files. That
journey is the README's `kedro run --env demo`, with --env test.
"""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np
import pytest
import yaml
from click.testing import CliRunner
from PIL import Image

from natv2.runs.asked import AskedParameters
from natv2.runs.config_file import read_config_file
from natv2.settings import CONFIG_LOADER_ARGS
from natv2.sweep.config import read_sweep
from natv2.sweep.plan import planned
from tests.conftest import REPOSITORY
from tests.pipelines.conftest import Journey

PAGES = [
    REPOSITORY / "README.md",
    *(REPOSITORY / "docs" / name for name in ("index.md", "photographs.md", "using.md", "records.md")),
    *sorted((REPOSITORY / "docs/recipes").glob("*.md")),
]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
OURS = ("kedro run", "natv2 ")


class Typed(NamedTuple):
    page: str
    line: str


def blocks(page: Path, kind: str) -> list[str]:
    return [text for found, text in BLOCK.findall(page.read_text(encoding="utf-8")) if found == kind]


def commands() -> Iterator[Typed]:
    """Lines that begin with a command of ours, without comments."""
    for page in PAGES:
        for text in blocks(page, "bash"):
            for line in text.replace("\\\n", " ").splitlines():
                for part in line.split(" && "):
                    bare = part.strip().removeprefix(".venv/bin/")
                    if bare.startswith(OURS):
                        yield Typed(page.stem, " ".join(shlex.split(bare, comments=True)))


COMMANDS = sorted(set(commands()))


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with what commands name, the YAML files of the pages among it."""
    monkeypatch.chdir(tmp_path)
    for name in ("photos", "more"):
        (tmp_path / name).mkdir()
    for name in ("FILE", "network_01.safetensors", "times.json", "more/1.jpg"):
        (tmp_path / name).touch()
    return tmp_path


def yaml_file(page: str, folder: Path) -> None:
    """Write the page's YAML blocks where its commands look for them."""
    for path in PAGES:
        if path.stem == page and (texts := blocks(path, "yaml")):
            for name in re.findall(r"`([a-z]+\.yml)`", path.read_text(encoding="utf-8")):
                (folder / name).write_text(texts[0], encoding="utf-8")


@pytest.mark.parametrize("typed", COMMANDS, ids=lambda typed: f"{typed.page}: {typed.line}")
def test_a_command_is_taken(typed: Typed, files: Path) -> None:
    from natv2.cli import cli
    from natv2.runs.run_kinds import KINDS

    yaml_file(typed.page, files)
    program, name, *given = typed.line.split()
    command = cli.commands[name]
    with command.make_context(name, given) as context:  # as click parses it, files and values checked
        options = dict(context.params)
        config = (context.default_map or {}).get("params", {})
    if name != "run":
        assert program == "natv2"
        return
    asked = AskedParameters(REPOSITORY / "conf", options["env"], CONFIG_LOADER_ARGS)
    asked.checked({**config, **options["params"]})
    if options["pipeline"]:
        assert options["pipeline"] in KINDS


def test_there_are_commands_on_every_page_of_recipes() -> None:
    having = {typed.page for typed in COMMANDS}
    assert {page.stem for page in PAGES} - having == {"index"} - having
    assert len(COMMANDS) > 30


def test_a_wrong_command_is_not_taken(files: Path) -> None:
    """What the test above would find."""
    for line in ("kedro run --params search.turn=3", "kedro run --evn test", "natv2 sweep"):
        with pytest.raises((click.ClickException, KeyError)):
            test_a_command_is_taken(Typed("x", line), files)


@pytest.mark.parametrize(
    ("page", "runs"), [("several_gpus", 8), ("compare_supernets", 12)], ids=lambda value: str(value)
)
def test_a_sweep_is_planned(page: str, runs: int, files: Path) -> None:
    yaml_file(page, files)
    config = read_sweep(files / "sweep.yml")
    asked = AskedParameters(REPOSITORY / "conf", config.env, CONFIG_LOADER_ARGS)
    plan = planned(config, asked, Path("sweep.yml"))
    assert len([run for run in plan if not run.pipeline.endswith("_compare")]) == runs


def test_the_predictor_of_the_page_orders_architectures() -> None:
    from natv2.search.predictors.regressor import Regressor

    names: dict[str, Any] = {}
    (code,) = blocks(REPOSITORY / "docs/recipes/add_a_predictor.md", "python")
    exec(compile(code, "add_a_predictor", "exec"), names)
    rows = np.random.default_rng(0).uniform(size=(200, 5))
    errors = rows @ np.arange(5)
    fitted = Regressor(make=names["extra_trees"]).fit(rows[:150], errors[:150], seed=0)
    assert np.corrcoef(fitted.predict(rows[150:]), errors[150:])[0, 1] > 0.8


def test_the_config_file_of_the_page_is_read(files: Path) -> None:
    yaml_file("raspberry_pi", files)
    given = read_config_file(files / "pi.yml", "run", ["params"])
    assert given["params"] == yaml.safe_load((files / "pi.yml").read_text())["run"]["params"]


def test_what_is_cheap_runs(journey: Journey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`natv2 doctor FILE`, `predict` and `clean`, as the pages have them, on a network of the journey."""
    from natv2.cli import cli

    network = journey.project.newest("finished_networks") / "network_01.safetensors"
    photos = tmp_path / "photos/0"
    photos.mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(photos / "1.png")
    monkeypatch.chdir(tmp_path)
    runs = {
        f"doctor {network}": "test top-1",
        f"predict {network} photos/ --top 3": "1.png",
    }
    for line, told in runs.items():
        name, *given = line.split()
        result = CliRunner().invoke(cli.commands[name], given)
        assert result.exit_code == 0, result.output
        assert told in result.output
    monkeypatch.chdir(journey.project.root)
    assert CliRunner().invoke(cli.commands["clean"], []).exit_code == 0
