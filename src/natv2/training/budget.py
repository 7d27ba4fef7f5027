"""The time that a plan may take itself, shared by all that it times."""

import logging
import time

from natv2.bar import Bar
from natv2.ranks.together import ranks

logger = logging.getLogger("natv2")

BUDGET_S = 120.0
"""Of a plan: with what cannot be made shorter it ends within three minutes."""


class Budget:
    """Shares `seconds` among so many `parts`: what one leaves goes to those after it."""

    def __init__(self, parts: int, seconds: float = BUDGET_S) -> None:
        self.seconds, self._parts, self._start = seconds, parts, time.perf_counter()

    def begin(self, what: str) -> None:
        """Say what is timed, for how long at most, and how many ranks the times are of."""
        by = f", on {found} ranks" if (found := ranks()) > 1 else ""
        timed = "%s: %d parts are timed, within about %.0f seconds%s"
        logger.info(timed, what, self._parts, self.seconds, by)

    def share(self) -> float:
        """Seconds for the next part; few, or none, where others took longer than their share."""
        left = self.seconds - (time.perf_counter() - self._start)
        share = max(0.0, left / max(1, self._parts))
        self._parts -= 1
        return share

    def tell(self, bar: Bar, found: str) -> None:
        """What is known now."""
        bar.advance(found)
        logger.info("%s (%.0f of %.0f s)", found, time.perf_counter() - self._start, self.seconds)
