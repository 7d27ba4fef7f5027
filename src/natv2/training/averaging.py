"""A moving average of a network's weights, kept beside it in training (Polyak and Juditsky, 1992)."""

from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


class Averaged(nn.Module):
    """A network in training and the moving average of its weights and running statistics.

    `update` belongs after each step of the optimiser. The average has no gradients.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        super().__init__()
        self.network = network
        average = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
        self.average = AveragedModel(network, multi_avg_fn=average, use_buffers=True)
        self.average.requires_grad_(False)

    def update(self) -> None:
        """Move the average towards the network; the first time it becomes the network."""
        self.average.update_parameters(self.network)

    def take_average(self) -> None:
        """Give the network its average."""
        self.network.load_state_dict(self.average.module.state_dict())
