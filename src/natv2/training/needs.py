"""What a training needs, computed from the shapes of its layers: room on a disk, and memory."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor, nn

from natv2.run import Precision
from natv2.training.config import OptimiserConfig

_MEMORIES: Mapping[str, int] = {"sgd": 1, "adam": 2, "adamw": 2, "ranger": 3}
"""Tensors of a parameter's size that an optimiser remembers: a momentum, squares, Ranger's slow weights."""


@dataclass(frozen=True, kw_only=True)
class Disk:
    """Bytes that are written: what is `kept`, `states` to resume from, which go when a run has ended.

    The largest state is there twice while it is written anew: `replaced` bytes.
    """

    kept: int = 0
    states: int = 0
    replaced: int = 0

    def __add__(self, other: "Disk") -> "Disk":
        """What both write, one after the other."""
        return Disk(
            kept=self.kept + other.kept,
            states=self.states + other.states,
            replaced=max(self.replaced, other.replaced),
        )

    @classmethod
    def of(cls, *, kept: int, state: int, states: int = 1) -> Self:
        """That of a loop, or of several with states as large."""
        return cls(kept=kept, states=states * state, replaced=state)

    @property
    def most(self) -> int:
        """All that is there at once."""
        return self.kept + self.states + self.replaced


@dataclass(frozen=True, kw_only=True)
class Memory:
    """Bytes that a training takes beside what its process has: no fewer than `least`, up to `most`.

    `what` trains and what would make it smaller (`change`) are for people.
    """

    least: int
    most: int
    what: str
    change: str

    def times(self, count: int) -> "Memory":
        """That of so many at the same time."""
        return replace(self, least=count * self.least, most=count * self.most)


@dataclass(frozen=True)
class Activations:
    """Bytes that a forward pass keeps for its backward pass, and those of the largest tensor among them."""

    kept: int
    largest: int

    def within(self, precision: Precision) -> "Activations":
        """The same in `precision`: in bf16 numbers have half the bytes."""
        return Activations(self.kept // 2, self.largest // 2) if precision == "bf16" else self

    @property
    def most(self) -> int:
        """With what a backward pass has beside them: gradients, copies, what an allocator cannot use again.

        By measurement (docs/performance.md, Memory).
        """
        return self.kept * 5 // 4 + 2 * self.largest


def parameter_bytes(module: nn.Module) -> int:
    """Bytes of the parameters of `module`."""
    return _bytes(module.parameters())


def stored_bytes(module: nn.Module) -> int:
    """Bytes of all tensors of `module` that a file holds."""
    return _bytes(module.state_dict().values())


def optimiser_bytes(parameters: int, optimiser: OptimiserConfig) -> int:
    """Bytes that `optimiser` remembers of parameters of so many bytes."""
    remembers = optimiser.optimizer != "sgd" or optimiser.momentum > 0
    return _MEMORIES[optimiser.optimizer] * parameters if remembers else 0


def activations(network: nn.Module, batch: int, resolution: int) -> Activations:
    """What a training step of `network`, on the meta device, keeps of so many images, in fp32.

    Raises RuntimeError where the network cannot be run without values.
    """
    own = {_place(tensor) for tensor in (*network.parameters(), *network.buffers())}
    kept: dict[int, torch.UntypedStorage] = {}

    def keep(tensor: Tensor) -> Tensor:
        if _place(tensor) not in own:
            kept[_place(tensor)] = tensor.untyped_storage()
        return tensor

    network.train()
    for module in network.modules():
        if "drop" in type(module).__name__.lower():
            module.eval()  # draws need values; what is kept of them is little
    images = torch.empty(batch, 3, resolution, resolution, device="meta")
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        network(images.to(memory_format=torch.channels_last))
    sizes = [storage.nbytes() for storage in kept.values()]
    return Activations(sum(sizes), max(sizes, default=0))


def _bytes(tensors: Iterable[Tensor]) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def _place(tensor: Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)
