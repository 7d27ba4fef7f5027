"""How ranks become one group: each says who it is, and torch's process group connects them."""

import importlib
import os
import socket
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path

import psutil
import torch.distributed as dist

from natv2.ranks.collectives import GroupWorld
from natv2.ranks.control import Address, Control
from natv2.ranks.shipping import Parcels

_COMPUTING = ("natv2.images.", "natv2.supernets.", "natv2.training.", "natv2.shrinking.")
_LONG = timedelta(days=60)  # ranks that are gone are found by their silence, not by a time


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What rank 0 lets all know: device, images worth a rank, hosts and their agents, what must be the same.

    `token` is a file that those find who share files with rank 0. `modules` of this package are what it has
    loaded to compute with: the others load them while rank 0 looks at its images.
    """

    device: str
    least: int
    hosts: int
    agents: int
    token: str
    same: dict[str, str]
    modules: tuple[str, ...] = ()

    def left(self, control: Control) -> None:
        """Leave it for the others."""
        control.put("plan", asdict(self))

    def load(self) -> None:
        """Load `modules`, lest the first step waits for them."""
        for name in self.modules:
            if name.startswith(_COMPUTING):  # whoever left this plan: nobody else's code
                importlib.import_module(name)


def computing_modules() -> tuple[str, ...]:
    """What this process has loaded of the modules that ranks compute with."""
    return tuple(sorted(name for name in list(sys.modules) if name.startswith(_COMPUTING)))


def joined(
    control: Control,
    plan: Plan,
    rank: int,
    size: int,
    parcels: Parcels,
    check: Callable[[], None],
) -> GroupWorld:
    """Connect with the other ranks; returns when all `size` are there."""
    control.put(f"rank/{rank}", {"host": host_name(), "pid": os.getpid()})
    # Or gloo would listen where this host's name leads, which others may not reach, or too many do.
    if (name := _interface(own_address(control.address))) is not None:
        os.environ["GLOO_SOCKET_IFNAME"] = name
    backend = "gloo" if plan.device == "cpu" else "cpu:gloo,cuda:nccl"
    store = dist.PrefixStore("group", control.store)  # type: ignore[attr-defined]
    dist.init_process_group(backend, store=store, rank=rank, world_size=size, timeout=_LONG)
    hosts = [control.take(f"rank/{each}")["host"] for each in range(size)]
    return GroupWorld(
        rank=rank,
        size=size,
        names=tuple(f"rank {number} on {host}" for number, host in enumerate(hosts)),
        least=plan.least,
        keeps=rank == 0,
        shares=Path(plan.token).exists(),
        parcels=parcels,
        check=check,
        control=control,
    )


def host_name() -> str:
    """What this host is called."""
    return socket.gethostname()


def own_address(other: Address) -> str:
    """The address of this host by which `other` reaches it."""
    family = socket.AF_INET6 if ":" in other.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((other.host, other.port))  # a datagram socket: nothing is sent
        return str(probe.getsockname()[0])


def _interface(address: str) -> str | None:
    """The network interface that has `address`."""
    for name, addresses in psutil.net_if_addrs().items():
        if any(each.address.partition("%")[0] == address for each in addresses):
            return str(name)
    return None
