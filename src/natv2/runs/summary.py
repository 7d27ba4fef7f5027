"""What a run says at its end: what was found, the table, places, what to type next; then other tables.

Of the entries whose metadata in the catalog ask for it.
"""

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from kedro.io import AbstractVersionedDataset, CatalogProtocol
from rich import get_console
from rich.text import Text

from natv2.printable import printable
from natv2.reporting.tables import fitted_text
from natv2.runs.findings import finding
from natv2.runs.shown_paths import shown_path
from natv2.runs.table_shapes import shaped

_FILE_WIDTH = 120  # of tables where there is no terminal


def told(catalog: CatalogProtocol[Any, Any], name: str) -> Mapping[str, Any]:
    """What the catalog's metadata say of the entry `name`, for people."""
    dataset = catalog.get(name) if name in catalog else None
    return getattr(dataset, "metadata", None) or {}


def show_finding(saved: Mapping[str, Any]) -> None:
    """Say in one sentence what the run has found."""
    if (text := finding(saved)) is not None:
        _tell(f"{printable(text)}\n")


def show_tables(
    catalog: CatalogProtocol[Any, Any], saved: Mapping[str, Any], *, details: bool = False
) -> None:
    """Show the saved tables that have a title in the catalog; those of one title together.

    The `details` are those that it says are details; they alone, or all others. A table that says no more
    than another (`unless`) is left out where that is saved too.
    """
    titled: dict[str, list[pd.DataFrame]] = {}
    for name, data in saved.items():
        about = told(catalog, name)
        title = about.get("table")
        if title is not None and about.get("details", False) == details and about.get("unless") not in saved:
            titled.setdefault(title, []).append(shaped(name, data))
    for title, frames in titled.items():
        table = pd.concat(frames).dropna(axis="columns", how="all")
        text = fitted_text(table, _width())
        _say(f"{title}\n\n{text}\n" if title else f"{text}\n")


def places(
    catalog: CatalogProtocol[Any, Any], saved: Collection[str], project: Path
) -> list[tuple[str, str]]:
    """Titles and paths, relative to the project, of the saved entries that have a place in the catalog.

    One that another says more of (`unless`) is left out where that is saved too.
    """
    entries = [name for name in saved if told(catalog, name).get("unless") not in saved]
    named = ((told(catalog, name).get("place"), name) for name in entries)
    return [(place, entry_path(catalog, name, project)) for place, name in named if place is not None]


def show_places(
    catalog: CatalogProtocol[Any, Any], saved: Collection[str], project: Path, tracking: str
) -> None:
    """Say where the saved entries that have a place in the catalog are, and where the MLflow run is.

    Where the screen is too narrow a path has a line of its own, which holds nothing else.
    """
    named = places(catalog, saved, project)
    lines = [(title, shown_path(Path(place), project), Path(place)) for title, place in named]
    wide = all(26 + len(text) <= _width() for _, text, _ in lines)
    for title, text, place in lines:
        # Terminals that know links open the path, however they break it.
        link = Text(text, style=f"link {(project / place).absolute().as_uri()}")
        _say(Text.assemble(f"{title + ':':<26}" if wide else f"{title}:\n", link))
    _say(f"{'MLflow run:':<26}{tracking}\n" if wide else f"MLflow run:\n{tracking}\n")


def show_sentences(catalog: CatalogProtocol[Any, Any], saved: Mapping[str, Any]) -> None:
    """Show the saved texts that the catalog says are to be said."""
    for text in said(catalog, saved):
        _tell(f"{text}\n")


def said(catalog: CatalogProtocol[Any, Any], saved: Mapping[str, Any]) -> list[str]:
    """The saved texts that the catalog says are to be said."""
    return [str(text) for name, text in saved.items() if told(catalog, name).get("said")]


def show_next(commands: Mapping[str, str]) -> None:
    """Say what to type next: `commands`, each with what it is for."""
    if not commands:
        return
    _say("What to type next:")
    for typed, purpose in commands.items():
        _say(f"  {purpose}:\n    {typed}")
    _say("")


def entry_path(catalog: CatalogProtocol[Any, Any], name: str, project: Path) -> str:
    """Where the newest version of the entry `name` is, relative to the project."""
    dataset = catalog.get(name)
    if not isinstance(dataset, AbstractVersionedDataset):
        return name
    path = Path(str(dataset._get_load_path()))  # Kedro's data sets have no public name for it
    return str(path.relative_to(project)) if path.is_relative_to(project) else str(path)


def _tell(text: str) -> None:
    """Print words: on a terminal in lines that break between them, elsewhere in one."""
    console = get_console()
    console.print(text, markup=False, highlight=False, soft_wrap=not console.is_terminal)


def _say(text: str | Text) -> None:
    """Print lines that nobody may break: paths, commands and tables."""
    get_console().print(text, markup=False, highlight=False, soft_wrap=True)


def _width() -> int:
    """How wide tables may be: as the terminal is, or as COLUMNS says; rich takes a file for a narrow one."""
    console = get_console()
    return console.width if console.is_terminal or "COLUMNS" in os.environ else _FILE_WIDTH
