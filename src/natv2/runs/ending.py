"""How a run that has gone well ends: its explorer, its numbers in MLflow, the last screen."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kedro.io import CatalogProtocol

from natv2.images.look import ImageReport
from natv2.runs.explorer_file import EXPLORER, explorer_commands, write_explorer
from natv2.runs.findings import finding
from natv2.runs.headlines import headlines
from natv2.runs.last_screen import show_last_screen
from natv2.runs.lineage import Recorder
from natv2.runs.report import report
from natv2.runs.summary import places, said
from natv2.runs.tracking import TrackedRun

_ROWS = 30  # of a description: MLflow takes 8,000 characters

logger = logging.getLogger(__name__)


def end_well(
    run_params: Mapping[str, Any],
    catalog: CatalogProtocol[Any, Any],
    saved: Mapping[str, Any],
    run: TrackedRun,
    recorder: Recorder | None,
    looks: Mapping[str, ImageReport],
) -> None:
    """Write the explorer, end the MLflow `run`, tell where everything is, show the results.

    `run_params` are Kedro's, `saved` the entries that the run has saved, `looks` those at its images.
    """
    project = Path(run_params["project_path"])
    page = _explorer(run_params, catalog, saved, recorder, looks)
    if page is not None:
        run.keep(EXPLORER, page)
        saved = {EXPLORER: None, **saved}  # the first of the places that are told
    if numbers := headlines(saved):
        run.track(numbers, 0)
    if text := _description(catalog, saved, numbers):
        run.describe(text)
    run.end("FINISHED")
    found = dict(places(catalog, saved, project))
    report(version=run_params["run_id"], tracking_run=run.id, places=found)
    show_last_screen(run_params, catalog, saved, run)


def _description(
    catalog: CatalogProtocol[Any, Any], saved: Mapping[str, Any], numbers: Mapping[str, float]
) -> str:
    """What the run's page in MLflow begins with: its sentences, and its few numbers of hundreds."""
    sentences = [text for text in (finding(saved), *said(catalog, saved)) if text]
    shown = list(numbers.items())[:_ROWS]
    rows = [f"| {name.removeprefix('result/')} | {_number(value)} |" for name, value in shown]
    table = ["\n".join(["| result | |", "|---|---|", *rows])] if rows else []
    return "\n\n".join([*sentences, *table])


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _explorer(
    run_params: Mapping[str, Any],
    catalog: CatalogProtocol[Any, Any],
    saved: Mapping[str, Any],
    recorder: Recorder | None,
    looks: Mapping[str, ImageReport],
) -> str | None:
    """The explorer's page, written. All results are saved by now: where it cannot be, that is only said."""
    if recorder is None:
        return None
    project = Path(run_params["project_path"])
    commands = explorer_commands(run_params["env"], run_params["runtime_params"] or {})
    try:
        return write_explorer(catalog, recorder, saved, project, looks.get("target"), commands)
    except Exception as error:  # tables of earlier versions may be of any shape
        logger.warning("the explorer was not written: %s: %s", type(error).__name__, error)
        return None
