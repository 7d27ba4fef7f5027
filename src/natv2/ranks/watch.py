"""Rank 0 watches over the others: who is silent or has failed, and what they want to be seen."""

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from natv2.bar import OF_A_BAR, is_moving
from natv2.ranks.control import Control
from natv2.ranks.tracking import Tracker
from natv2.ranks.world import is_apart

logger = logging.getLogger("natv2")

BEAT_S = 3.0  # between two signs of life of a rank
SILENCE_S = 40.0  # after which a rank is given up
_TURN_S = 0.2  # between two looks at what others have sent


@dataclass(eq=False)
class Watch:
    """Looks after the ranks of `names` but the first, in a thread of its own, until `stop`.

    `failure` is the sentence that says who is gone and why, None as long as all are there. `trackers` take
    the metrics that others send, by the numbers that stores on their way have been given.
    """

    control: Control
    names: tuple[str, ...]
    trackers: list[Tracker] = field(default_factory=list)
    failure: str | None = None

    def __post_init__(self) -> None:
        """Start to watch."""
        self._stopped, self._read, self._seen = threading.Event(), 0, set[str]()
        self._beats = {rank: (None, time.monotonic()) for rank in range(1, len(self.names))}
        self._reading = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="ranks", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Watch no longer."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        beaten = time.monotonic()
        while not self._stopped.wait(_TURN_S) and self.failure is None:
            try:
                self.read()
                if time.monotonic() - beaten >= BEAT_S:
                    beaten = time.monotonic()
                    self._look_for_silence()
                failed = self.control.look("failure")
            except RuntimeError as error:  # the store is this process's own
                failed = " ".join(str(error).split())
            if failed is not None:
                self.failure = failed

    def _look_for_silence(self) -> None:
        now = time.monotonic()
        for rank, (last, when) in self._beats.items():
            beat = self.control.look(f"beat/{rank}")
            if beat != last:
                self._beats[rank] = (beat, now)
            elif now - when > SILENCE_S:
                self.failure = f"{self.names[rank]} has not been heard of for {SILENCE_S:.0f} s"

    def read(self) -> None:
        """Hand on all that other ranks have sent so far."""
        with self._reading:
            while (sent := self.control.look(f"mail/{self._read}")) is not None:
                self.control.store.delete_key(f"mail/{self._read}")
                self._read += 1
                self._hand_on(sent)

    def _hand_on(self, sent: Mapping[str, Any]) -> None:
        if "tracker" in sent:
            self.trackers[sent["tracker"]](sent["metrics"], sent["step"])
        elif sent["level"] < logging.WARNING:
            if not (sent["of_a_bar"] and is_moving()):  # a terminal shows how rank 0 gets on
                logger.log(sent["level"], "%s", sent["text"])
        elif sent["text"] not in self._seen:  # what all ranks say is said once
            self._seen.add(sent["text"])
            logger.log(sent["level"], "%s: %s", self.names[sent["rank"]], sent["text"])


class Sender(logging.Handler):
    """Sends what a rank beside the first has to say: warnings, metrics, all lines of what it does alone."""

    def __init__(self, control: Control, rank: int) -> None:
        super().__init__(logging.INFO)
        self._control, self._rank = control, rank

    def emit(self, record: logging.LogRecord) -> None:
        """Send a log line, but none that rank 0 has too."""
        own = is_apart() and record.name.partition(".")[0] == logger.name
        if own or record.levelno >= logging.WARNING:
            moves = getattr(record, OF_A_BAR, False)
            self._send({"level": record.levelno, "text": record.getMessage(), "of_a_bar": moves})

    def track(self, tracker: int, metrics: Mapping[str, float], step: int) -> None:
        """Send metrics to a tracker of rank 0."""
        self._send({"tracker": tracker, "metrics": dict(metrics), "step": step})

    def _send(self, content: Mapping[str, Any]) -> None:
        number = self._control.count("mail")
        self._control.put(f"mail/{number}", {"rank": self._rank, **content})
