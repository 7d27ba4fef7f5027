"""The last screen of a run, in the order in which it is read."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kedro.framework.project import pipelines
from kedro.io import CatalogProtocol
from rich import get_console

from natv2.runs.next_steps import next_commands
from natv2.runs.summary import show_finding, show_next, show_places, show_sentences, show_tables
from natv2.runs.tracking import TrackedRun


def show_last_screen(
    run_params: Mapping[str, Any],
    catalog: CatalogProtocol[Any, Any],
    saved: Mapping[str, Any],
    run: TrackedRun,
) -> None:
    """Say what was found, where it is and what to type next; then what it is made of.

    `run_params` are Kedro's, `saved` the entries that the run has saved, in their order.
    """
    project = Path(run_params["project_path"])
    get_console().print()
    show_finding(saved)
    show_tables(catalog, saved)
    show_sentences(catalog, saved)
    tracking = f"'{run.name}' ({run.id}) in {run.uri}; `natv2 ui` shows it"
    show_places(catalog, saved, project, tracking)
    given = run_params["runtime_params"] or {}
    env = run_params["env"]
    show_next(next_commands(catalog, saved, dict(pipelines), project=project, env=env, given=given))
    show_tables(catalog, saved, details=True)
