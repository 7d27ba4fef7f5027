"""A whole network as one torch module, from pixels to probabilities, that exporters can write."""

import torch
from torch import Tensor, nn

from natv2.export.deployable import Deployable, FromPrepared


class Prepare(nn.Module):
    """Antialiased bicubic resizing as two matrix products, and normalisation: as in training.

    `mean` and `std` (3,) are those of pixels in 0..1.
    """

    scale: Tensor
    shift: Tensor

    def __init__(self, side: int, mean: Tensor, std: Tensor) -> None:
        super().__init__()
        self.side = side
        std = torch.where(std == 0, 1.0, std)  # a channel that never varies stays 0
        self.register_buffer("scale", (1 / (255 * std)).view(1, 3, 1, 1))
        self.register_buffer("shift", (-mean / std).view(1, 3, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        """Map uint8 images (N, 3, H, W) to prepared ones, float32 (N, 3, R, R)."""
        height, width = images.shape[2:]
        pixels = self.weights(height) @ (images.float() @ self.weights(width).T)
        return pixels.clamp(0, 255) * self.scale + self.shift

    def weights(self, size: int) -> Tensor:
        """The weights (R, size) with which so many pixels make each of R samples."""
        scale = torch.full((), size) * 1.0 / self.side
        centres = (torch.arange(self.side) + 0.5) * scale - 0.5
        distance = ((torch.arange(size) - centres[:, None]) / scale.clamp(min=1)).abs()
        far, near = (2 - distance).relu(), (1 - distance).relu()
        weights = far * far * (far - 1) / 2 + near * near * (1 - 2 * near)
        return weights / weights.sum(dim=1, keepdim=True)


class WholeModule(nn.Module):
    """Preparation, the network, and probabilities."""

    def __init__(self, prepare: Prepare, network: FromPrepared, temperature: float) -> None:
        super().__init__()
        self.prepare, self.network, self.temperature = prepare, network, temperature

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Map uint8 images (N, 3, H, W) to logits and probabilities, (N, classes) each."""
        logits = self.network(self.prepare(images))
        return {"logits": logits, "probabilities": (logits / self.temperature).softmax(dim=1)}


def whole_module(deployed: Deployable) -> WholeModule:
    """The whole network that is exported, in evaluation mode."""
    temperature = deployed.classifier.header.temperature
    return WholeModule(preparation_of(deployed), deployed.network, temperature).eval()


def preparation_of(deployed: Deployable) -> Prepare:
    """What prepares images for the network."""
    header = deployed.classifier.header
    mean, std = (torch.tensor(values, dtype=torch.float64) for values in (header.mean, header.std))
    return Prepare(deployed.resolution, mean, std).float()
