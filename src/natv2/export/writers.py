"""What writes and opens each format: a module each, loaded when it is asked for."""

from importlib import import_module
from typing import Protocol, cast

from natv2.export.comparison import Comparison
from natv2.export.deployable import Deployable
from natv2.export.formats import FORMATS, ExportedFiles
from natv2.export.opened import Opened


class Writer(Protocol):
    """What the module of a format must have."""

    def write(self, deployed: Deployable, name: str, calibration: Comparison) -> ExportedFiles:
        """Files, by their names, of the network called `name`; the first is what people run."""
        ...

    def opened(self, files: ExportedFiles, deployed: Deployable) -> Opened:
        """What `write` gave, in the runtime that it is for."""
        ...


def writer_of(name: str) -> Writer:
    """The module of the format called `name`."""
    return cast(Writer, import_module(f"natv2.export.{FORMATS[name].module}"))
