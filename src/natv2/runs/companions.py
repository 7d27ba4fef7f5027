"""Which versions of a pipeline's inputs belong together: the newest that do."""

import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from kedro.io import AbstractVersionedDataset, CatalogProtocol, Version
from kedro.pipeline import Pipeline

from natv2.errors import UserError
from natv2.runs.lineage import Record, contradiction, entry_name, read_record

logger = logging.getLogger(__name__)


class Companions:
    """The versioned entries that a pipeline reads from earlier runs, and which version of each it takes.

    `asked` is what this run was asked for and may differ; versions made with it come first, then the
    newest. A version that a person has chosen (--load-versions) stays, and the others follow it. `assumed`
    are facts, by entry, of those whose records do not tell them yet.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        catalog: CatalogProtocol[Any, Any],
        project: Path,
        asked: Mapping[str, Any],
        assumed: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
    ) -> None:
        self._asked, self._project = asked, project
        self._datasets: dict[str, AbstractVersionedDataset[Any, Any]] = {}
        self._candidates: dict[str, list[Record]] = {}
        for name in sorted(pipeline.inputs()):
            dataset = catalog.get(name)
            if not isinstance(dataset, AbstractVersionedDataset) or dataset._version is None:
                continue
            pinned = dataset._version.load
            versions = [pinned] if pinned else dataset.list_versions(full_path=False)
            records = [
                record.model_copy(update={"facts": {**assumed.get(name, {}), **record.facts}})
                for record in (read_record(dataset, version, project) for version in versions)
            ]
            self._datasets[name] = dataset
            self._candidates[name] = sorted(records, key=self._differences)  # stable: the newest first
        self._candidates = {name: self._as_known(records) for name, records in self._candidates.items()}
        # What can be done without follows the others, and never makes them older.
        without = [name for name, each in self._datasets.items() if getattr(each, "optional", False)]
        self._optional = {name: self._candidates.pop(name) for name in without}
        self.taken: dict[str, Record] = {}

    def take(self, known: Mapping[str, Any], commands: Mapping[str, str]) -> None:
        """Let the entries load versions that belong together and to the facts `known`.

        `commands` say what makes each entry anew. Raises UserError where nothing belongs together.
        """
        fitting = {
            name: [record for record in records if contradiction(record.facts, known) is None]
            for name, records in self._candidates.items()
        }
        found = _first_that_agree(list(fitting), fitting, {}) if all(fitting.values()) else None
        if found is None:
            raise UserError(self._what_does_not_fit(known, commands))
        facts = {
            **known,
            **{fact: value for record in found.values() for fact, value in record.facts.items()},
        }
        for name, records in self._optional.items():
            fits = [record for record in records if contradiction(record.facts, facts) is None]
            if fits:
                found[name] = fits[0]
            self._datasets[name].absent = not fits  # type: ignore[attr-defined]  # as `optional`
        for name, record in found.items():
            version = self._datasets[name]._version
            self._datasets[name]._version = Version(record.run, version.save if version else None)
        self.taken = found

    def say(self, commands: Mapping[str, str]) -> None:
        """Log which runs the entries are of, and what is no first choice or not made as asked for now."""
        by_run: dict[tuple[str, str], list[str]] = {}
        for name, records in self._optional.items():
            if name not in self.taken:
                older = f"; those of the run of {records[0].run} do not belong to the rest" if records else ""
                logger.warning("there are no %s%s. %s", name, older, commands[name])
        for name, record in self.taken.items():
            by_run.setdefault((record.run, record.pipeline), []).append(name)
            if record.run != (first := (self._candidates | self._optional)[name][0].run):
                logger.warning(
                    "%s is of the run of %s: that of %s does not belong with the others or to the images",
                    *(name, record.run, first),
                )
        for (run, made_by), names in by_run.items():
            logger.info("from %s of %s: %s", made_by or "the run", run, ", ".join(names))
        differing = {
            (what, str(value)): name
            for name, record in self.taken.items()
            for what, value in record.asked.items()
            if what in self._asked and value != self._asked[what]
        }
        for (what, value), name in differing.items():
            logger.warning(
                "%s was made with %s=%s, not with %s as asked for now", name, what, value, self._asked[what]
            )

    def _as_known(self, records: Sequence[Record]) -> list[Record]:
        """`records`, and of those that nobody kept at least what the same run has saved beside them."""
        runs = {name: {record.run for record in found} for name, found in self._candidates.items()}
        entries = {name: entry_name(dataset, self._project) for name, dataset in self._datasets.items()}
        return [
            record
            if record.pipeline
            else record.model_copy(
                update={
                    "facts": {entries[name]: record.run for name in runs if record.run in runs[name]}
                    | record.facts
                }
            )
            for record in records
        ]

    def _differences(self, record: Record) -> int:
        if not record.pipeline:  # nobody knows
            return 1
        return sum(what in self._asked and value != self._asked[what] for what, value in record.asked.items())

    def _what_does_not_fit(self, known: Mapping[str, Any], commands: Mapping[str, str]) -> str:
        preferred = {name: records[0] for name, records in self._candidates.items()}
        for name, record in preferred.items():
            if (fact := contradiction(record.facts, known)) is not None:
                was, now = _text(record.facts[fact]), _text(known[fact])
                made = f"{name}, of the run of {record.run}, was made with {_named(fact)}: {was}"
                return f"{made}; now: {now}. {commands[name]}"
        entries = {entry_name(dataset, self._project): name for name, dataset in self._datasets.items()}
        for name, other in ((a, b) for a in preferred for b in preferred if a < b):
            one, two = preferred[name], preferred[other]
            if (fact := contradiction(one.facts, two.facts)) is not None:
                what = entries.get(fact, _named(fact))
                return (
                    f"{name}, of the run of {one.run}, and {other}, of the run of {two.run}, do not belong "
                    f"together: {what} was {_text(one.facts[fact])} for the one and {_text(two.facts[fact])} "
                    f"for the other. {commands[name]}"
                )
        return f"no versions of {', '.join(preferred)} belong together. {' '.join(set(commands.values()))}"


def _named(fact: str) -> str:
    """A fact as people call it: of the images that a run reads records have the entry's name."""
    return re.sub(r"\b(source|target)_images$", r"the \1 images", fact)


def _first_that_agree(
    names: Sequence[str], candidates: Mapping[str, Sequence[Record]], facts: Mapping[str, Any]
) -> dict[str, Record] | None:
    """A record for each of `names` such that all facts agree, the first in the order of the candidates."""
    if not names:
        return {}
    first, *others = names
    for record in candidates[first]:
        if contradiction(record.facts, facts) is None:
            found = _first_that_agree(others, candidates, {**facts, **record.facts})
            if found is not None:
                return {first: record, **found}
    return None


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) or "none" if isinstance(value, list) else str(value)
