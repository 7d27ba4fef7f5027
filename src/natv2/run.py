"""What a run computes on and with: resolved once, before its first step, and given to all of them."""

from typing import Annotated, Literal

from pydantic import PositiveInt

from natv2.config import NO_DIGEST, Config, Count

Precision = Literal["auto", "fp32", "bf16"]
"""What a training step computes in. Weights, gradients and the optimiser's memory are fp32 in all of them."""


class Run(Config):
    """The seed of every draw, the device, the precision of training steps, torch's threads, the ranks.

    `auto` stands in the parameters only; `natv2.devices.resolve` and `natv2.ranks.sizing.with_ranks` say what
    it is here. Threads are those of each rank; None: torch's own. `workers` ranks compute together on each of
    `hosts`, which meet at `rendezvous`, HOST:PORT.
    """

    seed: Count = 0
    device: Annotated[Literal["auto", "cpu", "cuda"], NO_DIGEST] = "auto"
    precision: Precision = "auto"
    threads: Annotated[PositiveInt | None, NO_DIGEST] = None
    workers: Annotated[PositiveInt | Literal["auto"], NO_DIGEST] = 1
    hosts: Annotated[PositiveInt | Literal["slurm"], NO_DIGEST] = 1
    rendezvous: Annotated[str | None, NO_DIGEST] = None
