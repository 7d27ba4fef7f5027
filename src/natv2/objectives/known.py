"""What is known of networks before they are tested: what the costs among the objectives are computed from."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from natv2.costs.latency_table import LatencyTable
from natv2.costs.parts import Cost, architecture_cost
from natv2.costs.table import CostTable
from natv2.spaces.architecture import Architecture
from natv2.spaces.design import Design
from natv2.spaces.space import Codes


class KnownNetworks(Protocol):
    """N networks: what they are, parameters and MACs (N, 2), and milliseconds (N,), if measured."""

    @property
    def architectures(self) -> Sequence[Architecture]: ...  # noqa: D102
    @property
    def counted(self) -> Cost: ...  # noqa: D102
    @property
    def latency(self) -> NDArray[np.float64] | None: ...  # noqa: D102


@dataclass(frozen=True, eq=False)
class CodedNetworks:
    """Networks of a search space by their codes (N, V); each column is looked up when it is asked for."""

    codes: Codes
    counts: CostTable
    latencies: LatencyTable | None

    @cached_property
    def architectures(self) -> Sequence[Architecture]:
        """The networks themselves."""
        return [self.counts.space.decode(code) for code in self.codes]

    @cached_property
    def counted(self) -> Cost:
        """Parameters and MACs (N, 2)."""
        return self.counts(self.codes)

    @cached_property
    def latency(self) -> NDArray[np.float64] | None:
        """Expected milliseconds (N,)."""
        return None if self.latencies is None else self.latencies(self.codes)


@dataclass(frozen=True, eq=False)
class OneNetwork:
    """One network, with any number of exits, whose latency was measured itself."""

    architecture: Architecture
    design: Design
    classes: int
    milliseconds: float | None

    @property
    def architectures(self) -> Sequence[Architecture]:
        """The network itself."""
        return [self.architecture]

    @property
    def counted(self) -> Cost:
        """Parameters and MACs (1, 2)."""
        return architecture_cost(self.design, self.architecture, self.classes)[None]

    @property
    def latency(self) -> NDArray[np.float64] | None:
        """Milliseconds (1,)."""
        return None if self.milliseconds is None else np.array([self.milliseconds])
