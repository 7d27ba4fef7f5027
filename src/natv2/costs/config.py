"""How latency is measured."""

from pydantic import PositiveInt

from natv2.config import Config, Count


class LatencyConfig(Config):
    """Rounds that count, after some that do not; `threads` are torch's on a CPU, None: those of the run."""

    threads: PositiveInt | None
    warm_up: Count
    repetitions: PositiveInt


class BatchLatencyConfig(LatencyConfig):
    """The same for `batch` images at once; `force`: rely on a table that is not true enough."""

    batch: PositiveInt
    force: bool
