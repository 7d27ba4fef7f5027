"""How finished networks are exported by a run."""

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, PositiveInt

from natv2.config import Config, Count
from natv2.export.formats import FORMATS


def _parsed(value: object) -> object:
    return tuple(name.strip() for name in value.split("+")) if isinstance(value, str) else value


def _known(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if name not in FORMATS or names.count(name) > 1:
            raise ValueError(f"{name!r}: allowed are {', '.join(FORMATS)}, each once")
    return names


FormatNames = Annotated[
    tuple[str, ...], Field(strict=False, min_length=1), BeforeValidator(_parsed), AfterValidator(_known)
]


class ExportConfig(Config):
    """The `formats`; how often each file is timed after some times that do not count."""

    formats: FormatNames
    warm_up: Count
    repetitions: PositiveInt
