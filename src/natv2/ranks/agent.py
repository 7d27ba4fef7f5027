"""Starts the ranks of a host, and says who of them has ended badly: torch's elastic agent."""

import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from torch.distributed.elastic.multiprocessing import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from natv2.ranks.control import Control
from natv2.ranks.joining import own_address

KEY = "NATV2_GROUP_KEY"
_MONITOR_S = 0.2
_GRACE_S = 10  # in which ranks that are told to end do so


@dataclass(frozen=True, kw_only=True)
class Agent:
    """The agent of this host among so many `agents`: it starts `ranks` of them.

    `host` names this one. Ranks that it starts compute with `threads` each; where they have GPUs, the first
    has the one of the number `first_gpu`.
    """

    control: Control
    host: str
    ranks: int
    agents: int
    threads: int
    patience: int
    key: bytes
    first_gpu: int = 0

    def run(self) -> bool:
        """Start the ranks, and return when they have ended: whether all did well.

        What did not is left as `failure`.
        """
        address = self.control.address
        config = LaunchConfig(
            min_nodes=self.agents,
            max_nodes=self.agents,
            nproc_per_node=self.ranks,
            run_id="natv2",
            rdzv_backend="c10d",
            rdzv_endpoint=f"[{address.host}]:{address.port}" if ":" in address.host else str(address),
            rdzv_configs={"is_host": "false", "timeout": self.patience},
            local_addr=own_address(address),
            max_restarts=0,  # the same command resumes, with as many ranks as are asked for then
            monitor_interval=_MONITOR_S,
            shutdown_timeout=_GRACE_S,
        )
        with self._environment():
            try:
                elastic_launch(config, sys.executable)("-m", "natv2.ranks.worker")
            except ChildFailedError as error:
                rank, first = min(error.failures.items(), key=lambda each: each[1].timestamp)
                with suppress(RuntimeError):  # rank 0 is gone
                    self.control.put_first("failure", self._told(rank + 1, first.exitcode))
                return False
            except SignalException:
                with suppress(RuntimeError):
                    self.control.put_first("failure", f"host {self.host} was told to stop")
                return False
        return True

    def _told(self, rank: int, code: int) -> str:
        how = f"was ended by {_signal_name(-code)}" if code < 0 else f"ended with exit code {code}"
        memory = ", as by a system that is out of memory" if code == -signal.SIGKILL else ""
        return f"rank {rank} on {self.host} {how}{memory}"

    @contextmanager
    def _environment(self) -> Iterator[None]:
        """What ranks find in their environment, and torch's agent in its own."""
        wanted = {
            # Or each host would open a port of its own, at all of its addresses.
            "TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1",
            "NATV2_RENDEZVOUS": str(self.control.address),
            "NATV2_FIRST_GPU": str(self.first_gpu),
            "OMP_NUM_THREADS": str(self.threads),
            KEY: self.key.hex(),
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            "TORCH_CPP_LOG_LEVEL": "FATAL",  # of what is told in a sentence
        }
        before = {name: os.environ.get(name) for name in wanted}
        os.environ.update(wanted)
        elastic = logging.getLogger("torch.distributed.elastic")
        level = elastic.level
        elastic.setLevel(logging.CRITICAL)  # what it finds is told in a sentence too
        try:
            yield
        finally:
            elastic.setLevel(level)
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
