"""The explorer of a search: one page, written anew by every run that adds to what there is of it."""

import logging
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from kedro.io import AbstractVersionedDataset, CatalogProtocol, Version

from natv2.atomic import write_bytes
from natv2.errors import UserError
from natv2.explorer.gather import Searched, explored
from natv2.explorer.networks import Files, network_files
from natv2.explorer.page import explorer_page
from natv2.images.look import ImageReport
from natv2.runs.commands import command
from natv2.runs.explorer_entries import SearchEntries
from natv2.runs.lineage import Recorder

logger = logging.getLogger(__name__)

EXPLORER = "explorer"
_CHANGES = {"archive", "plain_networks", "results", "export_table"}
_TABLES = (
    *("archive", "search_history", "results", "class_results", "plain_results", "baseline_plan"),
    *("verdict", "export_table"),
)
_NETWORKS = ("finished_networks", "finished_plain_networks", "plain_networks")


def write_explorer(
    catalog: CatalogProtocol[Any, Any],
    recorder: Recorder,
    saved: Collection[str],
    project: Path,
    look: ImageReport | None,
    commands: Mapping[str, str],
) -> str | None:
    """Write the page of the search that what is `saved` belongs to, and give it; None where nothing is new.

    Its folder is called after the search: every run that goes on with it writes the same file anew. The
    catalog's entry loads this one from then on.
    """
    entry = catalog.get(EXPLORER) if EXPLORER in catalog else None
    if not isinstance(entry, AbstractVersionedDataset) or not _CHANGES & set(saved):
        return None
    entries = SearchEntries(catalog, project, recorder.records)
    if (search := entries.search) is None:
        return None
    summary, archive = entries.load("search_summary"), entries.load("archive")
    if summary is None or archive is None:
        return None
    tables = {"archive": archive, **_tables(entries)}
    searched = Searched(
        summary=summary,
        tables=tables,
        look=look,
        files={name: _files(entries, name, project) for name in _NETWORKS},
        verdict=entries.load("verdict_sentence") or "",
        detail=entries.load("tested_in_detail") or {},
        commands=commands,
        versions=entries.versions,
    )
    page = explorer_page(explored(searched))
    file = Path(str(entry._get_versioned_path(search)))
    write_bytes(file, page.encode())
    recorder.record_beside(file)
    entry._version = Version(search, search)
    return page


def explorer_commands(env: str | None, given: Mapping[str, Any]) -> dict[str, str]:
    """What a person types to finish networks of the search, with the options of this run's own command.

    {macs} stands for a network's. None where parameters were given that no command line can say.
    """

    def finish(**values: str) -> str:
        section = given.get("postprocess", {})
        options = {**given, "postprocess": {**section, **values}}
        return command(["kedro", "run", "--pipeline", "postprocess"], env, options)

    told = {
        "finish": finish(finish="{macs}"),
        "finish_front": finish(finish="front"),
        "refine": finish(method="both"),
    }
    return {} if any("--config" in text for text in told.values()) else told


def _tables(entries: SearchEntries) -> dict[str, pd.DataFrame]:
    loaded = {name: entries.load(name) for name in _TABLES if name != "archive"}
    return {name: table for name, table in loaded.items() if table is not None}


def _files(entries: SearchEntries, name: str, project: Path) -> Files:
    if (found := entries.folder(name)) is None:
        return {}
    try:
        return network_files(found[0], project, found[1])
    except UserError as error:
        logger.warning("the explorer does without %s: %s", name, error)
        return {}
