"""What finished networks have in common whose images may leave early, whatever network it is."""

from typing import Any

import torch
from torch import Tensor, nn

from natv2.errors import UserError
from natv2.exits.ensembles import ensemble
from natv2.exits.leaving import EarlyStopping, Stopping, stopped


def check_thresholds(thresholds: tuple[float, ...] | None, exits: int) -> None:
    """Raise ValueError where there are thresholds, but not one for each of so many exits."""
    if thresholds is not None and len(thresholds) != exits:
        raise ValueError(f"{len(thresholds)} thresholds: {exits} exits need one each")


class EarlyClassifier(nn.Module):
    """A network of several exits: their ensemble, or with thresholds what the exit says that is sure.

    `network` has the `exits` and gives their `outputs` one after the other, when they are asked for.
    """

    network: nn.Module
    header: Any

    @property
    def stops(self) -> bool:
        """Whether images leave early."""
        return self.header.thresholds is not None

    def logits(self, x: Tensor) -> Tensor:
        """Map prepared images (N, 3, R, R) to logits (N, classes)."""
        if not self.stops:
            return ensemble(self.network(x), self.header.weights)
        return self.decide(x)[0]

    def decide(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map prepared images (N, 3, R, R) to logits (N, classes) and the exits (N,), from 1, they left at.

        One after the other: what comes after the exit that an image leaves at is not computed for it. Raises
        UserError where the network has no thresholds.
        """
        stopping = self.early_stopping()
        logits, exits = zip(*(stopping.decide(image[None]) for image in x), strict=True)
        return torch.cat(logits), torch.tensor(exits) + 1

    def foreseen(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """What `decide` gives, up to rounding, from all exits of all images at once; both on the CPU."""
        said = torch.stack(tuple(self.network(x))).float().cpu()
        logits, left = stopped(said, self.header.weights, self.stopping())
        return logits, torch.from_numpy(left) + 1

    def stopping(self) -> Stopping:
        """The thresholds by which images leave early. Raises UserError where there are none."""
        if self.header.thresholds is None:
            raise UserError("this network was given no thresholds to stop by")
        return Stopping(thresholds=tuple(self.header.thresholds))

    def early_stopping(self) -> EarlyStopping:
        """The network, without what prepares its images, stopping early. Raises UserError as `stopping`."""
        return EarlyStopping(self.network, self.stopping(), self.header.weights)
