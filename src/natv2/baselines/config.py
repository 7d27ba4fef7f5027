"""Which plain networks are trained beside those of a search."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from natv2.baselines.names import check_plain
from natv2.config import Config, Count


def _parsed(value: object) -> object:
    return tuple(name.strip() for name in value.split("+")) if isinstance(value, str) else value


def _each_once(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if names.count(check_plain(name)) > 1:
            raise ValueError(f"{name} stands there twice")
    return names


PlainNames = Annotated[
    tuple[str, ...], Field(strict=False), BeforeValidator(_parsed), AfterValidator(_each_once)
]


class BaselinesConfig(Config):
    """`networks` are trained whatever they cost; None: of each cost the nearest to every chosen network.

    `teacher` is trained too, to teach. `random` architectures of the search's own space at the MACs of each
    chosen network, and with `scaled` one that is the same throughout, need no search.

    `pretrained` networks are fine-tuned from published weights: those whose weights are on this machine
    (auto), those that can be fetched too (download), or none, at `pretrained_lr` times the rate of finishing.
    """

    networks: PlainNames | None
    teacher: Annotated[str, AfterValidator(check_plain)] | None
    scaled: bool
    random: Count
    pretrained: Literal["auto", "download", "none"]
    pretrained_lr: Annotated[float, Field(gt=0, le=1)]

    @property
    def own(self) -> tuple[str, ...]:
        """Those of a person's own, by the names of their functions."""
        return tuple(name for name in (*(self.networks or ()), self.teacher or "") if ":" in name)
