"""What supernets need on a disk and in memory, for training and for the tests of their subnets."""

from dataclasses import dataclass
from functools import cache, cached_property

from natv2.costs.parts import stage_sizes
from natv2.spaces.architecture import constant
from natv2.spaces.channels import channel_plan
from natv2.spaces.design import INVERTED_BOTTLENECK, STAGES, Design
from natv2.supernets.network import Network
from natv2.training.config import OptimiserConfig
from natv2.training.evaluation import PIXELS
from natv2.training.needs import (
    Activations,
    activations,
    optimiser_bytes,
    parameter_bytes,
    stored_bytes,
)

_FLOAT = 4


@dataclass(frozen=True)
class SupernetSize:
    """The bytes of a supernet of `design` at a width, for so many classes; nothing of it is built."""

    design: Design
    width: float
    classes: int

    def network(self, *, smallest: bool = False) -> Network:
        """Its largest network with all exits, or its smallest with the first, on the meta device."""
        design, at = self.design, 0 if smallest else -1
        return Network(
            design,
            constant(
                design,
                resolution=1,
                width=self.width,
                exits=design.exits[:1] if smallest else design.exits,
                depth=design.depths[at],
                kernel=design.kernels[at],
                expand_ratio=design.expand_ratios[at],
                mask=min(design.masks, key=_cost) if smallest else design.full_mask,
            ),
            self.classes,
        )

    @cached_property
    def parameters(self) -> int:
        """All that is trained: what a checkpoint holds."""
        matrices = sum(kernel**4 for kernel in self.design.kernels[:-1])
        return parameter_bytes(self.network()) + _FLOAT * self.design.levels * matrices

    @cached_property
    def tensors(self) -> int:
        """With the buffers of its batch norms, which a state to resume from holds too."""
        network = self.network()
        return self.parameters + stored_bytes(network) - parameter_bytes(network)

    def state(self, optimiser: OptimiserConfig) -> int:
        """A state to resume its training from."""
        return self.tensors + optimiser_bytes(self.parameters, optimiser)

    def tested(self, resolution: int, *, calibrating: int, testing: int, batch: int) -> int:
        """What shared-prefix evaluation has at once of so many calibrating and testing images, at most.

        Outputs of every level of a path wait for the paths that branch off it.
        """
        together = calibrating + min(testing, max(batch, PIXELS // resolution**2))
        plan, sizes = channel_plan(self.design, self.width), stage_sizes(resolution)
        numbers = 3 * resolution**2 + 2 * plan.stem * sizes[0] ** 2
        for stage in range(len(STAGES)):
            level = plan.stages[stage] * sizes[stage + 1] ** 2
            # Dense skips make a sum beside a level's own output.
            numbers += self.design.depths[-1] * level * (2 if self.design.dense else 1)
        return _FLOAT * numbers * together


def _cost(mask: int) -> tuple[int, int]:
    """What orders level masks by what they keep: fewer blocks, those without an expansion first."""
    return mask.bit_count(), mask & INVERTED_BOTTLENECK


@cache
def network_activations(size: SupernetSize, batch: int, resolution: int, smallest: bool) -> Activations:
    """What training keeps of a batch in the largest or the smallest network."""
    return activations(size.network(smallest=smallest), batch, resolution)
