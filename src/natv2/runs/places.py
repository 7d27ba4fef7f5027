"""Files and folders that a command names are there, before anything is loaded."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from natv2.errors import UserError
from natv2.images.datasets import is_own
from natv2.runs.checking import flattened
from natv2.runs.parameters import Parameters


def refuse_missing_places(parameters: Parameters, given: Mapping[str, Any]) -> None:
    """Raise UserError where one of the parameters `given` names a place that is not there.

    Named data sets are fetched to where they are said to be; all else is only read.
    """
    own = {"data_path": is_own(parameters.dataset), "source_path": is_own(parameters.source)}
    read = {"init_from", "search.init_from", *(name for name, is_persons in own.items() if is_persons)}
    for name, value in flattened(given).items():
        if name in read and value is not None and not Path(str(value)).expanduser().exists():
            raise UserError(f"parameter '{name}' cannot be '{value}': there is no such file or folder")
