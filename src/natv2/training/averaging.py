"""A moving average of a network's weights, kept beside it in training (Polyak and Juditsky, 1992)."""

from collections.abc import Iterable

from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn, update_bn


class Averaged(nn.Module):
    """A network in training and the moving average of its weights.

    `update` belongs after each step of the optimiser. The average has no gradients.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        super().__init__()
        self.network = network
        average = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
        self.average = AveragedModel(network, multi_avg_fn=average)
        self.average.requires_grad_(False)

    def update(self) -> None:
        """Move the average towards the network; the first time it becomes the network."""
        self.average.update_parameters(self.network)

    def take_average(self, images: Iterable[Tensor]) -> None:
        """Give the network its average, and batch norms what it makes of `images`, batches (N, 3, R, R).

        An average of the statistics on the way would be those of no network: with 0.999 it costs tens of
        points (docs/results.md).
        """
        self.network.load_state_dict(self.average.module.state_dict())
        update_bn(images, self.network)
