"""What a person would type next: commands that the catalog names beside what they need."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline

from natv2.runs.commands import command
from natv2.runs.findings import best_finished
from natv2.runs.shown_paths import shown_path
from natv2.runs.summary import entry_path, told

_MOST = 3


def next_commands(
    catalog: CatalogProtocol[Any, Any],
    saved: Mapping[str, Any],
    registered: Mapping[str, Pipeline],
    *,
    project: Path,
    env: str | None,
    given: Mapping[str, Any],
) -> dict[str, str]:
    """Commands with what they are for, of the newest entries first; with `env` and `given` as typed before.

    An entry's metadata `next` name a pipeline, or a command in which {file} stands for the entry's best
    network. Where one of its pipelines was part of this run, the entry names nothing that is next.
    """
    found: dict[str, str] = {}
    for name in reversed(list(saved)):
        steps = told(catalog, name).get("next", ())
        made = {step["pipeline"]: registered.get(step["pipeline"]) for step in steps if "pipeline" in step}
        if any(pipeline is not None and pipeline.all_outputs() & saved.keys() for pipeline in made.values()):
            continue
        for step in steps:
            if (pipeline := step.get("pipeline")) is None:
                file = shlex.quote(shown_path(_file(catalog, name, saved, project), project))
                found.setdefault(step["command"].format(file=file), step["for"])
            elif pipeline in registered:
                words = ["kedro", "run", *(["--pipeline", pipeline] if pipeline != "__default__" else [])]
                found.setdefault(command(words, env, given), step["for"])
    return dict(list(found.items())[:_MOST])


def _file(catalog: CatalogProtocol[Any, Any], name: str, saved: Mapping[str, Any], project: Path) -> Path:
    """The file of the best network of the entry `name`: by its table, by its metadata, or the first."""
    folder = Path(entry_path(catalog, name, project))
    if name == "finished_networks" and "results" in saved:
        return folder / f"{best_finished(saved['results'])['name']}.safetensors"
    best = folder / f"{told(catalog, name).get('best', '')}.safetensors"
    if (project / best).exists():
        return best
    return folder / min(path.name for path in (project / folder).iterdir() if path.suffix == ".safetensors")
