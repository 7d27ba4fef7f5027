"""What a run computes on and with: resolved once, before its first step, and given to all of them."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, PositiveInt

from natv2.config import NO_DIGEST, Config, Count

Precision = Literal["auto", "fp32", "bf16"]
"""What a training step computes in. Weights, gradients and the optimiser's memory are fp32 in all of them."""


def _number_or(word: str) -> BeforeValidator:
    """A check that a value is a number from 1 on, or `word`."""

    def check(value: object) -> object:
        number = isinstance(value, int) and not isinstance(value, bool) and value >= 1
        if not number and value != word:
            raise ValueError(f"allowed: {word} and whole numbers from 1")
        return value

    return BeforeValidator(check)


def _no_apple_gpu(value: object) -> object:
    if value == "mps":
        raise ValueError(
            "Apple's GPU is not used, since torch's batch norms have given wrong gradients on it without an "
            "error (docs/platforms.md); allowed: auto, cpu, cuda"
        )
    return value


Device = Annotated[Literal["auto", "cpu", "cuda"], BeforeValidator(_no_apple_gpu), NO_DIGEST]


class Run(Config):
    """The seed of every draw, the device, the precision of training steps, torch's threads, the ranks.

    `auto` stands in the parameters only; `natv2.devices.resolve` and `natv2.ranks.sizing.with_ranks` say what
    it is here. Threads are those of each rank; None: torch's own. `workers` ranks compute together on each of
    `hosts`, which meet at `rendezvous`, HOST:PORT.
    """

    seed: Count = 0
    device: Device = "auto"
    precision: Precision = "auto"
    threads: Annotated[PositiveInt | None, NO_DIGEST] = None
    workers: Annotated[int | Literal["auto"], _number_or("auto"), NO_DIGEST] = 1
    hosts: Annotated[int | Literal["slurm"], _number_or("slurm"), NO_DIGEST] = 1
    rendezvous: Annotated[str | None, NO_DIGEST] = None
