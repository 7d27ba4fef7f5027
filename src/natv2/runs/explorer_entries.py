"""The entries of the catalog that belong to one search, whichever runs made them."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kedro.io import AbstractVersionedDataset, CatalogProtocol, DatasetError, Version
from kedro.io.core import VersionNotFoundError

from natv2.errors import UserError
from natv2.runs.lineage import Record, contradiction, entry_name, read_record

logger = logging.getLogger(__name__)


class SearchEntries:
    """Entries beside the archive that a run has made or read, in the versions that belong to it.

    `known` are the records of what the run has saved and read.
    """

    def __init__(
        self, catalog: CatalogProtocol[Any, Any], project: Path, known: Mapping[str, Record]
    ) -> None:
        self._catalog, self._project = catalog, project
        self._facts: dict[str, Any] = {}
        for record in known.values():
            self._facts |= record.facts
        self._known = known
        self.versions: dict[str, str] = {}

    @property
    def search(self) -> str | None:
        """The version of the archive: what the search is called."""
        archive = self._dataset("archive")
        return None if archive is None else self._facts.get(entry_name(archive, self._project))

    def load(self, name: str) -> Any:
        """The entry `name` of the search; None where there is none, or, which is logged, a damaged one."""
        with self._at_its_version(name) as dataset:
            if dataset is None:
                return None
            try:
                return dataset.load()
            except (UserError, DatasetError) as error:
                logger.warning("the explorer does without %s: %s", name, error)
                return None

    def folder(self, name: str) -> tuple[Path, Mapping[str, str]] | None:
        """Where the files of the entry `name` are, and the SHA-256 of each that its record has."""
        with self._at_its_version(name) as dataset:
            if dataset is None:
                return None
            record = read_record(dataset, self.versions[name], self._project)
            return Path(str(dataset._get_load_path())), record.sha256

    @contextmanager
    def _at_its_version(self, name: str) -> Iterator[AbstractVersionedDataset[Any, Any] | None]:
        dataset = self._dataset(name)
        version = None if dataset is None else self._version(name, dataset)
        if dataset is None or version is None:
            yield None
            return
        self.versions[name], before = version, dataset._version
        dataset._version = Version(version, before.save if before else None)
        try:
            yield dataset
        finally:
            dataset._version = before

    def _version(self, name: str, dataset: AbstractVersionedDataset[Any, Any]) -> str | None:
        """What the run has saved or read; else the newest that was made of the same search."""
        if name in self._known:
            return self._known[name].run
        try:
            versions = dataset.list_versions(full_path=False)
        except VersionNotFoundError:
            return None
        records = (read_record(dataset, version, self._project) for version in versions)
        return next((record.run for record in records if self._is_of_search(record)), None)

    def _is_of_search(self, record: Record) -> bool:
        archive = self._dataset("archive")
        named = archive is not None and entry_name(archive, self._project) in record.facts
        return named and contradiction(record.facts, self._facts) is None

    def _dataset(self, name: str) -> AbstractVersionedDataset[Any, Any] | None:
        dataset = self._catalog.get(name) if name in self._catalog else None
        return dataset if isinstance(dataset, AbstractVersionedDataset) and dataset._version else None
