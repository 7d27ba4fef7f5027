"""Paths as a person can type them: seen from the folder in which the command was given."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

_TYPED_IN: ContextVar[Path | None] = ContextVar("typed_in", default=None)


@contextmanager
def typed_here() -> Iterator[None]:
    """Within it paths are seen from here, wherever the process goes; an outer one counts."""
    if _TYPED_IN.get() is not None:
        yield
        return
    token = _TYPED_IN.set(Path.cwd())
    try:
        yield
    finally:
        _TYPED_IN.reset(token)


def shown_path(path: Path, project: Path) -> str:
    """`path`, relative to where the command was given, if that is in `project` or above it; else whole."""
    here = _TYPED_IN.get() or Path.cwd()
    whole = (project / path).absolute()
    near = here.is_relative_to(project) or project.is_relative_to(here)
    return os.path.relpath(whole, here) if near else str(whole)
