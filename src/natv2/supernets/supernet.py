"""A supernet: one set of weights, from which every network of a design takes its own."""

from collections.abc import Mapping
from functools import lru_cache

import torch
from torch import Tensor, nn

from natv2.nn.layers import initialise
from natv2.randomness import torch_generator
from natv2.spaces.architecture import Architecture, check_member, constant
from natv2.spaces.channels import channel_plan
from natv2.spaces.design import Design
from natv2.supernets.network import Network, Part, Parts, build, parts_in
from natv2.supernets.part import SupernetPart
from natv2.supernets.slots import Slots

Statistics = Mapping[str, Tensor]
"""Means and variances of the batch norms a network uses, by the names of its buffers."""

_ELASTIC_KERNEL = ".inverted_bottleneck.depthwise.conv.weight"


@lru_cache(maxsize=32)
def parts_of(design: Design, width: float, classes: int, dropout: float) -> Parts:
    """What the subnets of such supernets have been built of: to build it takes longer than to run it once.

    It holds no tensors, so that all supernets of a run can share it, the teacher and the taught alike; one
    thread at a time.
    """
    return {}


class Supernet(nn.Module):
    """The largest network with all its exits, and matrices that turn its kernels into smaller ones.

    A subnet's tensors are the first channels of the supernet's; only its depthwise kernels are
    computed (OFA, section 3.2.2: 7 → 5 → 3, one matrix a step for all channels of a level). It
    runs them through the modules of the static network, so there is one definition of each layer
    and a subnet gives the same numbers inside the supernet and outside.

    No hidden state: which subnet runs, and with which batch-norm statistics, are arguments.
    """

    def __init__(
        self, design: Design, width: float, classes: int, *, dropout: float = 0.0, seed: int = 0
    ) -> None:
        super().__init__()
        self.design, self.width, self.classes, self.dropout = design, width, classes, dropout
        self.network = Network(design, self.largest(resolution=1), classes, dropout)
        initialise(self.network, torch_generator(seed, "weights", design.name, str(width)))
        sizes = [size * size for size in reversed(design.kernels[:-1])]
        self.transforms = nn.ParameterList(
            nn.ParameterList(torch.eye(size) for size in sizes) for _ in range(design.levels)
        )
        self._named = dict(self.network.named_parameters())
        self._parts = parts_of(design, width, classes, dropout)

    def largest(self, resolution: int) -> Architecture:
        """The maximal network of section 5.1.2: everything at its largest, all exits active."""
        design = self.design
        return constant(
            design,
            resolution=resolution,
            width=self.width,
            exits=design.exits,
            depth=design.depths[-1],
            kernel=design.kernels[-1],
            expand_ratio=design.expand_ratios[-1],
            mask=design.full_mask,
        )

    def forward(
        self, x: Tensor, architecture: Architecture, statistics: Statistics | None = None
    ) -> tuple[Tensor, ...]:
        """Map images (N, 3, R, R), R being the architecture's, to logits (N, classes) of each exit.

        Without `statistics` the batch's own are used, as in training.
        """
        return self._run(x, architecture, statistics or {}, training=statistics is None, recording=False)

    def record(self, x: Tensor, architecture: Architecture, statistics: dict[str, Tensor]) -> None:
        """Run `x` with its own statistics and average them into `statistics`, empty at first."""
        if not statistics:
            buffers = self._skeleton(architecture).named_buffers()
            statistics |= {name: torch.zeros_like(b, device=x.device) for name, b in buffers}
        self._run(x, architecture, statistics, training=True, recording=True)

    def _run(
        self,
        x: Tensor,
        architecture: Architecture,
        statistics: Statistics,
        *,
        training: bool,
        recording: bool,
    ) -> tuple[Tensor, ...]:
        network = self._skeleton(architecture)
        pieces = [(f"{part.place}.", self._parts[part]) for part in parts_in(architecture)]
        try:
            for place, slots in pieces:
                tensors = self._tensors(place, slots.shapes)
                if statistics:
                    tensors |= {name: statistics[place + name] for name in slots.buffers}
                slots.fill(tensors, training=training, recording=recording)
            logits: tuple[Tensor, ...] = network(x)
            return logits
        finally:
            for _, slots in pieces:
                slots.empty()

    def first_channels(self, statistics: Statistics, architecture: Architecture) -> Statistics:
        """What `statistics` of the largest network hold of `architecture`'s batch norms."""
        wanted = self._skeleton(architecture).named_buffers()
        return {name: statistics[name][: b.shape[0]] if b.dim() else statistics[name] for name, b in wanted}

    def weights(self, network: Network) -> dict[str, Tensor]:
        """The tensors of `network`, by its parameters' names; gradients flow back through them."""
        return self._tensors("", {name: weight.shape for name, weight in network.named_parameters()})

    def _tensors(self, place: str, shapes: Mapping[str, torch.Size]) -> dict[str, Tensor]:
        """Those of a piece of a network by their names in it; in the network `place` stands before these."""
        result: dict[str, Tensor] = {}
        for name, shape in shapes.items():
            full = place + name
            weight: Tensor = self._named[full]
            if full.endswith(_ELASTIC_KERNEL):
                weight = self._kernel(full, weight[: shape[0]], shape[-1])
            elif weight.shape != shape:
                for dimension, size in enumerate(shape):
                    weight = weight.narrow(dimension, 0, size)
            result[name] = weight
        return result

    def part(self, part: Part) -> SupernetPart:
        """One piece of this supernet's networks, to be run by itself."""
        if part not in self._parts:
            plan = channel_plan(self.design, self.width)
            self._parts[part] = Slots(build(part, plan, self.classes, self.dropout))
        slots = self._parts[part]
        tensors = self._tensors(f"{part.place}.", slots.shapes)
        device = next(self.parameters()).device
        buffers = {name: torch.zeros_like(b, device=device) for name, b in slots.buffers.items()}
        return SupernetPart(slots, {**tensors, **buffers})

    def _kernel(self, name: str, weight: Tensor, size: int) -> Tensor:
        """The `size` x `size` version of depthwise kernels (C, 1, K, K), through the sizes between."""
        _, stage, _, position, *_ = name.split(".")
        level = int(stage) * self.design.levels_per_stage + int(position)
        smaller = [k for k in reversed(self.design.kernels[:-1]) if k >= size]
        for kernel, matrix in zip(smaller, self.transforms[level], strict=False):
            margin = (weight.shape[-1] - kernel) // 2
            centre = weight[:, :, margin : margin + kernel, margin : margin + kernel]
            weight = (centre.reshape(-1, kernel * kernel) @ matrix.T).view(-1, 1, kernel, kernel)
        return weight

    def _skeleton(self, architecture: Architecture) -> Network:
        self._check(architecture)
        return Network(self.design, architecture, self.classes, self.dropout, self._parts)

    def _check(self, architecture: Architecture) -> None:
        """Raise ValueError where `architecture` is of another width or design."""
        if architecture.width != self.width:
            raise ValueError(f"width {architecture.width}: this supernet has {self.width}")
        check_member(architecture, self.design)

    @torch.no_grad()
    def subnet(self, architecture: Architecture, statistics: Statistics | None = None) -> Network:
        """The network of `architecture` by itself, with copies of its weights, in evaluation mode.

        Without `statistics` its batch norms have those of a new network: it is to be trained first.
        """
        self._check(architecture)
        network = Network(self.design, architecture, self.classes, self.dropout)
        weights = {name: _copy(weight) for name, weight in self.weights(network).items()}
        device = next(self.parameters()).device
        fresh = {
            name: torch.full_like(buffer, name.endswith("running_var"), device=device)
            for name, buffer in network.named_buffers()
        }
        buffers = fresh | {name: value.clone() for name, value in (statistics or {}).items()}
        network.load_state_dict({**weights, **buffers}, assign=True)
        for parameter in network.parameters():
            parameter.requires_grad_()
        return network.eval()

    def replace_classifiers(self, classes: int, seed: int) -> "Supernet":
        """A supernet with these weights and new classifiers for `classes` classes."""
        result = Supernet(self.design, self.width, classes, dropout=self.dropout, seed=seed)
        kept = {n: w for n, w in self.state_dict().items() if ".classifier." not in n}
        result.load_state_dict(kept, strict=False)
        return result.to(next(self.parameters()).device)


def _copy(weight: Tensor) -> Tensor:
    copy = weight.detach().clone()
    return copy.contiguous(memory_format=torch.channels_last) if copy.dim() == 4 else copy.contiguous()
