"""What ranks tell each other while they compute, over torch's process group."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from natv2.ranks.control import Control
from natv2.ranks.shipping import Parcels
from natv2.ranks.world import World

_LOOK = timedelta(seconds=2)  # between two looks whether those who are waited for are still there


class RankLostError(RuntimeError):
    """Those who compute together are not all there any more."""


@dataclass(frozen=True, kw_only=True)
class GroupWorld(World):
    """Ranks of one process group.

    `shares`: this rank sees the files of rank 0. `control` numbers the jobs that ranks take.
    """

    shares: bool
    parcels: Parcels
    control: Control

    def sum(self, tensor: Tensor) -> Tensor:
        """See World."""
        self._wait(dist.all_reduce(tensor, async_op=True))
        return tensor

    def agreed(self, value: float) -> float:
        """See World."""
        told = torch.tensor([value], dtype=torch.float64)
        self._wait(dist.broadcast(told, src=0, async_op=True))
        return float(told)

    def shipped(self, payload: bytes | None, source: int = 0) -> bytes:
        """The bytes that the rank `source` has, on all ranks."""
        count = torch.tensor([0 if payload is None else len(payload)], dtype=torch.int64)
        self._wait(dist.broadcast(count, src=source, async_op=True))
        if payload is None:
            content = torch.empty(int(count), dtype=torch.uint8)
        else:
            content = torch.frombuffer(bytearray(payload), dtype=torch.uint8)
        self._wait(dist.broadcast(content, src=source, async_op=True))
        return content.numpy().tobytes() if payload is None else payload

    def gathered(self, value: Any) -> list[Any]:
        """See World."""
        values = [value]
        for rank in range(1, self.size):
            # Not sent to rank 0 alone: a send that is waited for with a time-out breaks all connections.
            own = self.parcels.packed(value) if rank == self.rank else None
            parcel = self.shipped(own, rank)
            if self.rank == 0:
                values.append(self.parcels.unpacked(parcel))
        return values if self.rank == 0 else []

    def arrived(self) -> None:
        """Wait until all ranks have come here: what they had to say has been sent."""
        self.sum(torch.zeros(1))

    def next_job(self, work: str) -> int:
        """The number of the next job of `work` that no rank has taken, from 0 on."""
        return self.control.count(f"jobs/{work}")

    def _wait(self, work: Any) -> None:
        """Return when `work` is done; look now and then whether it still can be."""
        while True:
            try:
                work.wait(_LOOK)
            except RuntimeError as error:
                self.check()
                if "timed out" in str(error).lower():
                    continue
                raise RankLostError(" ".join(str(error).split())) from None
            return
