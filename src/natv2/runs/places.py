"""Files and folders that a command names are there, before anything is loaded."""

from collections.abc import Mapping
from typing import Any

from natv2.errors import UserError
from natv2.images.datasets import is_own
from natv2.runs.checking import flattened
from natv2.runs.parameters import Parameters


def refuse_missing_places(parameters: Parameters, given: Mapping[str, Any]) -> None:
    """Raise UserError where one of the parameters `given` names a place that is not there.

    Named data sets are fetched to where they are said to be; all else is only read.
    """
    read = {"init_from": parameters.init_from, "search.init_from": parameters.search.init_from}
    if is_own(parameters.dataset):
        read["data_path"] = parameters.data_path
    if is_own(parameters.source):
        read["source_path"] = parameters.source_path
    for name in flattened(given):
        place = read.get(name)
        if place is not None and not place.exists():
            raise UserError(f"parameter '{name}' cannot be '{place}': there is no such file or folder")
