"""What ranks leave for each other beside their computing: who is there, who failed, what others should see.

A small key-value store of torch's that rank 0 keeps open at one address, and at no other.
"""

import json
import socket
import time
from dataclasses import dataclass
from datetime import timedelta
from os import strerror
from typing import Any

from torch.distributed import Store, TCPStore  # type: ignore[attr-defined]

from natv2.errors import UserError

_LONG = timedelta(days=60)  # of a wait that ends when something comes, or when rank 0 is gone
_PATIENCE = timedelta(seconds=60)  # of all other questions
_LOOK_S = 0.05  # between two looks for what is expected


@dataclass(frozen=True)
class Address:
    """Where ranks meet. Raises ValueError on what is no HOST:PORT."""

    host: str
    port: int

    @classmethod
    def of(cls, text: str) -> "Address":
        """The address that `text` is, HOST:PORT or [HOST]:PORT."""
        host, _, port = text.rpartition(":")
        if not host or not port.isdecimal() or not 0 <= int(port) < 1 << 16:
            raise ValueError(f"'{text}' is not HOST:PORT, such as 192.168.1.20:29400")
        return cls(host.strip("[]"), int(port))

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


HERE = Address("127.0.0.1", 0)
"""Where ranks of one host meet: at a free port."""


@dataclass(frozen=True)
class Control:
    """The store, as one rank reaches it."""

    store: Store
    address: Address

    @classmethod
    def opened(cls, address: Address) -> "Control":
        """A new store that listens at `address` alone; port 0 stands for a free one.

        Raises UserError where the port is taken or the address is not this host's.
        """
        try:
            listening = socket.create_server((address.host, address.port), family=_family(address.host))
        except OSError as error:
            raise UserError(
                f"rendezvous={address} cannot be listened at ({strerror(error.errno or 0)}); allowed: an "
                "address of this host with a free port"
            ) from None
        here = Address(address.host, listening.getsockname()[1])
        store = TCPStore(
            here.host,
            here.port,
            is_master=True,
            wait_for_workers=False,
            timeout=_PATIENCE,
            master_listen_fd=listening.detach(),
        )
        return cls(store, here)

    @classmethod
    def joined(cls, address: Address, patience: timedelta = _PATIENCE) -> "Control":
        """The store at `address`. Raises UserError where there is none within `patience`."""
        try:
            store = TCPStore(address.host, address.port, is_master=False, timeout=patience)
        except RuntimeError:  # of torch; of many kinds
            raise UserError(
                f"nobody answers at {address} within {patience.total_seconds():.0f} s; start the run there "
                f"first: kedro run ... --params hosts=H,rendezvous={address}"
            ) from None
        store.set_timeout(_PATIENCE)
        return cls(store, address)

    def put(self, key: str, value: Any) -> None:
        """Leave `value`, that JSON can hold, as `key`."""
        self.store.set(key, json.dumps(value))

    def put_first(self, key: str, value: Any) -> None:
        """The same, if nothing was left as `key` before."""
        self.store.compare_set(key, "", json.dumps(value))

    def take(self, key: str) -> Any:
        """What was left as `key`, when it is there. Raises RuntimeError where rank 0 is gone."""
        self.store.wait([key], _LONG)
        return json.loads(self.store.get(key))

    def expect(self, key: str, seconds: float) -> Any:
        """What was left as `key`, None where nothing is there after so many `seconds`."""
        end = time.monotonic() + seconds
        while (found := self.look(key)) is None and time.monotonic() < end:
            time.sleep(_LOOK_S)
        return found

    def look(self, key: str) -> Any:
        """What was left as `key`, None where there is nothing."""
        return json.loads(self.store.get(key)) if self.store.check([key]) else None

    def count(self, key: str) -> int:
        """How often this was asked of `key` before, by whichever rank."""
        return int(self.store.add(key, 1)) - 1


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
