"""The project's command line: `kedro run` with everything checked before a run starts.

Errors meant for people end the command with one message and exit code 1.
"""

import os
import signal
from collections.abc import Mapping
from copy import copy
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import Any

import click

# Kedro's telemetry asks when a command starts, and settings.py is read later.
os.environ.setdefault("DO_NOT_TRACK", "true")

from kedro.config import MissingConfigException
from kedro.framework import project as kedro_project
from kedro.framework.cli.project import run as kedro_run
from kedro.framework.cli.utils import CONTEXT_SETTINGS
from kedro.framework.project import pipelines, settings, validate_settings
from kedro.io import DatasetNotFoundError
from kedro.io.core import VersionNotFoundError
from kedro.pipeline import Pipeline
from kedro.utils import find_kedro_project
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from natv2.clean.command import clean
from natv2.commands import ALONE
from natv2.disk import what_to_do
from natv2.errors import UserError
from natv2.runs.asked import AskedParameters
from natv2.runs.config_file import read_config_file
from natv2.runs.lazy_hooks import LazyHooks
from natv2.runs.log_lines import use_lines_without_terminal
from natv2.runs.places import refuse_missing_places
from natv2.runs.shown_paths import typed_here
from natv2.runs.ui import ui
from natv2.settings import CONFIG_LOADER_ARGS
from natv2.supernets.published import OFA_IMAGENET
from natv2.sweep.command import sweep

# Errors of Kedro that a person can mend; their own text says what is wrong.
_MENDABLE = (
    MissingConfigException,
    YAMLError,
    OmegaConfBaseException,
    DatasetNotFoundError,
    VersionNotFoundError,
)

_RUNNER = "SequentialRunner"
_SHOWN = 10


@click.group(context_settings=CONTEXT_SETTINGS, name=__file__)
def cli() -> None:
    """NATv2: the best small networks for your images."""


def run(**options: Any) -> Any:
    """Check the command, then run the pipeline as `kedro run` does."""
    # Kedro lets --params take the place of all parameters in a file for --config: both count here.
    given = (click.get_current_context().default_map or {}).get("params")
    if isinstance(given, Mapping):
        options["params"] = OmegaConf.to_container(OmegaConf.merge(given, options["params"]))
    if options["pipeline"] and not options["pipelines"]:
        # Kedro deprecates the singular in favour of the plural, with a warning at every run.
        options |= {"pipeline": None, "pipelines": [options["pipeline"]]}
    if options["conf_source"]:
        options["conf_source"] = str(Path(options["conf_source"]).resolve())
    use_lines_without_terminal()
    # A scheduler's polite end is treated as Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with typed_here():
            os.chdir(_project())  # paths are relative to the project, wherever the command is given
            _check(options)
            return kedro_run.callback(**options)  # type: ignore[misc]  # a command has a callback
    except KeyboardInterrupt:
        _stop_hooks()
        raise
    except Exception as error:
        meant_for_people = _meant_for_people(error)
        if meant_for_people is None:
            raise
        raise meant_for_people from None


def _params() -> list[click.Parameter]:
    """Kedro's, but for those whose values may be wrong in ways that it does not tell in one sentence."""
    callbacks = {"params": _split, "load_versions": _split, "config": _read_config}
    found: list[click.Parameter] = []
    for parameter in kedro_run.params:
        if parameter.name in callbacks:
            parameter = copy(parameter)
            parameter.callback = callbacks[parameter.name]
        found.append(parameter)
    return found


def _split(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
    split = next(each for each in kedro_run.params if each.name == parameter.name).callback
    try:
        return split(context, parameter, value) if split else value
    except click.ClickException as error:
        hint = " A value with a comma, such as a list, goes into a file: --config FILE"
        raise UserError(f"{_one_line(error)}{hint if parameter.name == 'params' else ''}") from None


def _read_config(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
    if value:
        options = [str(each.name) for each in kedro_run.params]
        given = read_config_file(Path(value), "run", options)
        context.default_map = {**(context.default_map or {}), **given}
    return value


cli.add_command(click.Command("run", params=_params(), callback=run, help=kedro_run.help))


def import_ofa(files: tuple[str, ...], env: str | None, params: Mapping[str, Any]) -> None:
    """Make OFA's published supernets, in two FILES of either order, those of source=ofa_imagenet.

    A search then starts from them: kedro run --pipeline natv2_search --params source=ofa_imagenet,dataset=...
    Without FILES they are looked for in data/01_raw/ofa_imagenet; relative paths are relative to the project.
    """
    if files and len(files) != 2:
        raise UserError(
            f"{len(files)} files: a search needs both widths, so two are to be imported, or none named"
        )
    places = {"import_ofa": dict(zip(("narrow", "wide"), files, strict=True))} if files else {}
    command, context = cli.commands["run"], click.get_current_context()
    options = ["--pipeline", "import_ofa", *(["--env", env] if env else [])]
    with command.make_context("run", options, parent=context) as run_context:
        run_context.params["params"] = {**params, **places, "source": OFA_IMAGENET}
        command.invoke(run_context)


cli.add_command(
    click.Command(
        "import-ofa",
        params=[
            click.Argument(["files"], nargs=-1, metavar="FILE FILE"),
            *(parameter for parameter in _params() if parameter.name in ("env", "params")),
        ],
        callback=import_ofa,
        help=import_ofa.__doc__,
    )
)

for _command in (clean, sweep, ui, *ALONE.values()):
    cli.add_command(_command)


def _check(options: dict[str, Any]) -> None:
    """Raise UserError if the environment, a parameter, a pipeline or a node does not exist or is wrong.

    Parameters come first: nothing of torch, torchvision and pymoo is loaded for a mistyped name.
    """
    runner = options["runner"] or _RUNNER
    if runner.rpartition(".")[2] != _RUNNER:
        raise UserError(
            f"runner '{runner}' cannot be used: nodes share the device and its threads; allowed: {_RUNNER}"
        )
    source = options["conf_source"] or _project() / "conf"
    env = options["env"] or os.environ.get("KEDRO_ENV")
    asked = AskedParameters(source, env, CONFIG_LOADER_ARGS).checked(options["params"])
    refuse_missing_places(asked, options["params"])
    validate_settings()  # an error while settings.py is imported would pass in silence
    _check_pipelines(options)


def _check_pipelines(options: dict[str, Any]) -> None:
    names = options["pipelines"] or ["__default__"]
    # Of a registry that says its names, before all that they are made of is loaded.
    known = getattr(import_module(f"{kedro_project.PACKAGE_NAME}.pipeline_registry"), "NAMES", names)
    for name in names:
        if name not in known:
            raise UserError(f"unknown pipeline '{name}'; known: {', '.join(known)}")
    for name in names:
        if name not in pipelines:
            raise UserError(f"unknown pipeline '{name}'; known: {', '.join(pipelines)}")
    whole = sum((pipelines[name] for name in names), start=Pipeline([]))
    _check_nodes(whole, options)
    try:
        whole.filter(
            tags=options["tags"],
            from_nodes=options["from_nodes"],
            to_nodes=options["to_nodes"],
            node_names=options["node_names"],
            from_inputs=options["from_inputs"],
            to_outputs=options["to_outputs"],
            node_namespaces=options["namespaces"],
        )
    except ValueError as error:
        raise UserError(_one_line(error)) from None


def _check_nodes(pipeline: Pipeline, options: Mapping[str, Any]) -> None:
    """Raise UserError where a node, a namespace or a tag that is named is not there, with those that are."""
    nodes = pipeline.nodes
    known = {
        "node": {node.name for node in nodes},
        "namespace": {node.namespace for node in nodes if node.namespace},
        "tag": {tag for node in nodes for tag in node.tags},
    }
    named = {
        "node": [*options["from_nodes"], *options["to_nodes"], *options["node_names"]],
        "namespace": options["namespaces"],
        "tag": options["tags"],
    }
    for kind, names in named.items():
        for name in names or ():
            if name not in known[kind]:
                near = get_close_matches(name, known[kind], _SHOWN) or sorted(known[kind])
                more = ", ..." if len(near) > _SHOWN else ""
                told = ", ".join(near[:_SHOWN]) + more if near else "none"
                raise UserError(f"unknown {kind} '{name}'; known: {told}")


def _project() -> Path:
    return find_kedro_project(Path.cwd()) or Path.cwd()


def _stop_hooks() -> None:
    for hook in settings.HOOKS:
        if isinstance(hook, LazyHooks):
            hook.hooks.stop("KILLED")


def _meant_for_people(error: BaseException) -> click.ClickException | None:
    """The error in the chain that is meant for people: Kedro wraps what a data set raises."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, click.ClickException):
            return cause
        if isinstance(cause, _MENDABLE):
            return UserError(_one_line(cause))
        if isinstance(cause, OSError) and (told := what_to_do(cause)) is not None:
            return UserError(told)
        cause = cause.__cause__ or cause.__context__
    return None


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())
