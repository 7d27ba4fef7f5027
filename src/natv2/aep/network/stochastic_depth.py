"""torchvision's stochastic depth, with draws of its thread's own."""

from torch import Tensor
from torchvision.ops import StochasticDepth

from natv2.nn.dropout import drop


class ThreadStochasticDepth(StochasticDepth):  # type: ignore[misc]
    """Drops whole images of a block's output, or all of them at once ("batch")."""

    def forward(self, x: Tensor) -> Tensor:
        """Map a tensor to one of the same shape, images along its first dimension."""
        images = len(x) if self.mode == "row" else 1
        return drop(x, self.p, (images, *[1] * (x.ndim - 1))) if self.training else x
