"""The ranks of a run, as the run itself sees them: they start once, and stand ready until it ends."""

import atexit
import logging
import os
import secrets
import signal
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch.distributed as dist

from natv2.errors import UserError
from natv2.ranks.agent import KEY, Agent
from natv2.ranks.collectives import GroupWorld, RankLostError
from natv2.ranks.control import HERE, Address, Control
from natv2.ranks.joining import Plan, computing_modules, host_name, joined
from natv2.ranks.sameness import same_everywhere
from natv2.ranks.shipping import Parcels
from natv2.ranks.watch import Watch
from natv2.ranks.world import within

logger = logging.getLogger("natv2")

T = TypeVar("T")

_TOLD_S = 10.0  # in which an agent says who has failed
_ENDING_S = 10.0
_REPEAT = "give the same command again to resume from the last finished epoch or turn"
_TURN_S = 0.05  # between two looks at what is expected


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """So many ranks on each of `hosts`, computing on `device` with `threads` each.

    They meet at `rendezvous`; other hosts have so many seconds of `patience` to come there. A rank has at
    least so many images of a batch. Who sees the files of `folder` shares files with rank 0.
    """

    ranks: int
    device: str
    threads: int
    folder: Path
    hosts: int = 1
    rendezvous: Address = HERE
    least: int = 2
    patience: int = 300


class RankGroup:
    """Ranks that wait for what `run` hands them; rank 0 is this process. `close` ends them."""

    def __init__(self, wanted: Wanted) -> None:
        """Start the others; returns at once. Raises UserError where ranks cannot meet."""
        self._wanted, self._calls = wanted, 0
        self._world: GroupWorld | None = None
        self._watch: Watch | None = None
        self._parcels = Parcels(group_key(wanted.hosts))
        self._control = Control.opened(wanted.rendezvous)
        wanted.folder.mkdir(parents=True, exist_ok=True)
        descriptor, token = tempfile.mkstemp(prefix=".ranks-", dir=wanted.folder)
        os.close(descriptor)
        self._token = Path(token)
        self._plan = Plan(
            device=wanted.device,
            least=wanted.least,
            hosts=wanted.hosts,
            agents=wanted.hosts - (wanted.ranks == 1),
            token=token,
            same=same_everywhere(),
            modules=computing_modules(),
        )
        self._plan.left(self._control)
        self._agent = threading.Thread(target=self._run_agent, name="agent", daemon=True)
        if wanted.ranks > 1:
            self._agent.start()
        atexit.register(self.close)

    @property
    def address(self) -> Address:
        """Where the ranks meet."""
        return self._control.address

    def _run_agent(self) -> None:
        wanted = self._wanted
        agent = Agent(
            control=Control.joined(self._control.address),
            host=host_name(),
            ranks=wanted.ranks - 1,
            agents=self._plan.agents,
            threads=wanted.threads,
            patience=wanted.patience,
            key=self._parcels.key,
            first_gpu=1,
        )
        try:
            agent.run()
        except Exception as error:
            with suppress(RuntimeError):
                agent.control.put_first(
                    "failure", f"the ranks of {agent.host}: {' '.join(str(error).split())}"
                )

    def ready(self) -> GroupWorld:
        """All ranks, when they are there.

        Raises UserError where hosts do not come, or ranks do not start.
        """
        if self._world is None:
            world = self._joined(self._size())
            self._watch = Watch(self._control, world.names, self._parcels.trackers)
            self._world = world
            if self._wanted.hosts > 1:
                logger.info("%d ranks: %s", world.size, ", ".join(world.names))
        return self._world

    def _joined(self, size: int) -> GroupWorld:
        """Connect with the others; in a thread, for torch waits for a rank that has died meanwhile."""
        found: list[GroupWorld] = []

        def join() -> None:
            found.append(joined(self._control, self._plan, 0, size, self._parcels, self._check))

        joining = threading.Thread(target=join, name="joining", daemon=True)
        joining.start()
        while joining.is_alive():
            joining.join(_TURN_S)
            self._refuse_failure()
        if not found:
            raise UserError(f"{size} ranks could not be connected; the run has not begun")
        return found[0]

    def _refuse_failure(self) -> None:
        if (failure := self._control.look("failure")) is not None:
            raise UserError(f"{failure}; the run has not begun")

    def _size(self) -> int:
        """How many ranks all hosts have, which one of the others knows."""
        end = time.monotonic() + self._wanted.patience
        while time.monotonic() < end:
            if (size := self._control.look("size")) is not None:
                return int(size)
            self._refuse_failure()
            time.sleep(_TURN_S)
        came = [
            name for number in range(self._wanted.hosts) if (name := self._control.look(f"came/{number}"))
        ]
        raise UserError(
            f"{1 + len(came)} of {self._wanted.hosts} hosts came to {self.address} within "
            f"{self._wanted.patience} s; start on each of the others: natv2 worker "
            f"--rendezvous {self.address} --hosts {self._wanted.hosts}"
        )

    def _check(self) -> None:
        if self._watch is not None and self._watch.failure is not None:
            raise RankLostError(self._watch.failure)

    def run(self, function: Callable[..., T], *arguments: Any) -> T:
        """What `function` gives here, while all ranks do the same with copies of `arguments`.

        Raises UserError where a rank is gone, and what `function` raises; both end the group.
        """
        world = self.ready()
        try:
            self._control.put(f"call/{self._calls}", "go")
            self._calls += 1
            with within(world):
                world.shipped(self._parcels.packed((function, arguments)))
                result = function(*arguments)
                world.arrived()
            assert self._watch is not None
            self._watch.read()
        except RankLostError as error:
            why, advised = self._why(error), self._control.look("advised") is not None
            self.close(now=True)
            raise UserError(why if advised else f"{why}; {_REPEAT}") from None
        except BaseException:
            self.close(now=True)
            raise
        return result

    def _why(self, error: RankLostError) -> str:
        assert self._watch is not None
        end = time.monotonic() + _TOLD_S
        while self._watch.failure is None and time.monotonic() < end:
            time.sleep(_TURN_S)
        return self._watch.failure or f"a rank is gone ({error})"

    def close(self, *, now: bool = False) -> None:
        """End all ranks; those of this host do not outlast it. `now`: whatever they are at."""
        atexit.unregister(self.close)
        with suppress(RuntimeError):
            self._control.put(f"call/{self._calls}", "end")
        if self._watch is not None:
            self._watch.stop()
        if self._agent.is_alive() and not now:
            self._agent.join(_ENDING_S)
        self._end_those_here()
        _leave_group()
        if self._agent.is_alive():
            self._agent.join(_ENDING_S)
        self._token.unlink(missing_ok=True)

    def _end_those_here(self) -> None:
        if not self._agent.is_alive():
            return
        rank = 1
        while (known := self._control.look(f"rank/{rank}")) is not None:
            if known["host"] == host_name():
                with suppress(ProcessLookupError):
                    os.kill(known["pid"], signal.SIGKILL)
            rank += 1


def _leave_group() -> None:
    """Leave torch's process group; not waited for where a host that is gone keeps it busy."""
    if dist.is_initialized():
        leaving = threading.Thread(target=dist.destroy_process_group, daemon=True)
        leaving.start()
        leaving.join(_ENDING_S)


def group_key(hosts: int) -> bytes:
    """What ranks seal their messages with: drawn here, or known to all of several hosts.

    Raises UserError where these have none in their environment.
    """
    if hosts == 1:
        return secrets.token_bytes(32)
    try:
        key = bytes.fromhex(os.environ[KEY])
    except (KeyError, ValueError):
        key = b""
    if len(key) < 16:
        raise UserError(
            f"several hosts need {KEY} in their environment, the same on all: 32 or more hexadecimal digits, "
            "as `openssl rand -hex 32` draws them"
        )
    return key
