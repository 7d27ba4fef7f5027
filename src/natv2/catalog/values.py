"""Values in JSON files."""

from pathlib import Path
from typing import Any

from kedro_datasets.json import JSONDataset

from natv2.errors import UserError
from natv2.files import one_line
from natv2.recorded import check_recorded


class ValuesDataset(JSONDataset):  # type: ignore[misc]  # Kedro's data sets have no types
    """json.JSONDataset whose file cannot change unseen."""

    # Kedro wraps this method of every class; what it wrapped is called here.

    def load(self) -> Any:
        """The values as they were saved. Raises UserError on a changed or damaged file."""
        path = Path(self._get_load_path())
        check_recorded(path)
        try:
            return JSONDataset.load.__wrapped__(self)
        except (ValueError, RecursionError) as error:
            raise UserError(f"{path} is no JSON file ({one_line(error)}); delete it or restore it") from None
