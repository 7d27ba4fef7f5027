"""Metrics on their way to MLflow: written beside the training, and again where they were not taken."""

from collections.abc import Callable, Sequence
from threading import Condition, Thread

from mlflow.entities import Metric

_A_REQUEST = 1000  # MLflow's limit
_AGAIN_S = 5.0  # until what was not taken is written once more


class MetricsWriter:
    """Sends metrics in a thread of its own, in their order.

    MLflow has one too, which forgets what a database did not take because others had locked it for long.
    """

    def __init__(self, send: Callable[[list[Metric]], object]) -> None:
        self._send = send
        self._waiting: list[Metric] = []
        self._closed = False
        self._changed = Condition()
        self._error: Exception | None = None
        self._thread: Thread | None = None

    def put(self, metrics: Sequence[Metric]) -> None:
        """Have `metrics` sent; returns at once."""
        with self._changed:
            self._waiting += metrics
            self._changed.notify()
            if self._thread is None:
                self._thread = Thread(target=self._work, name="metrics", daemon=True)
                self._thread.start()

    def close(self) -> tuple[int, Exception | None]:
        """Wait until all are sent, or once more were not taken: how many are lost, and why."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()
        return len(self._waiting), self._error if self._waiting else None

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closed)
                some, last = self._waiting[:_A_REQUEST], self._closed
            if not some:
                return
            try:
                self._send(some)
            except Exception as error:  # whatever a store raises: a lock, a server that is away
                self._error = error
                if last:
                    return
                with self._changed:
                    self._changed.wait_for(lambda: self._closed, _AGAIN_S)
            else:
                with self._changed:
                    del self._waiting[: len(some)]
