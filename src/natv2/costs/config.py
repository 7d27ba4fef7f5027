"""How latency is measured."""

from typing import Annotated

from pydantic import PositiveInt

from natv2.config import NO_DIGEST, Config, Count, Place


class LatencyConfig(Config):
    """Rounds that count, after some that do not; `threads` are torch's on a CPU, None: those of the run."""

    threads: PositiveInt | None
    warm_up: Count
    repetitions: PositiveInt


class BatchLatencyConfig(LatencyConfig):
    """The same for `batch` images at once; `force`: rely on a table that is not true enough.

    `table`: what a device kit's script has written on another device, instead of measuring here. Its device
    and checksum have their own place in a search's summary and settings.
    """

    batch: PositiveInt
    force: bool
    table: Annotated[Place | None, NO_DIGEST] = None
