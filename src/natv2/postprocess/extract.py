"""Networks taken out of their adapted supernets, and put into files."""

from collections.abc import Mapping
from typing import Any

from natv2.exits.weightings import exit_weights
from natv2.finished_network import StoredNetwork
from natv2.images.batches import calibration_batches
from natv2.images.config import CalibrationConfig
from natv2.images.image_set import ImageSplits
from natv2.postprocess.methods import PostprocessPlan
from natv2.run import Run
from natv2.supernets.checkpoint import Checkpoint
from natv2.supernets.classifier import SubnetClassifier, SubnetHeader
from natv2.supernets.network import Network
from natv2.training.recalibration import calibrate


class Extraction:
    """Two adapted supernets, and the images that their networks are for."""

    def __init__(
        self,
        narrow: Checkpoint,
        wide: Checkpoint,
        images: ImageSplits,
        *,
        calibration: CalibrationConfig,
        dropout: float,
        run: Run,
    ) -> None:
        self.images, self.design, self.run = narrow.normalised(images).to(run.device), narrow.design, run
        self._source = narrow.origin.get("source")
        self._family = {c.width: c.supernet(dropout=dropout).to(run.device) for c in (narrow, wide)}
        self._calibration = calibration_batches(self.images, calibration, run.seed)

    def network(self, plan: PostprocessPlan) -> Network:
        """The network of `plan`, extracted and recalibrated."""
        supernet = self._family[plan.architecture.width]
        return supernet.subnet(plan.architecture, calibrate(supernet, plan.architecture, self._calibration))

    def stored(self, network: Network, plan: PostprocessPlan, record: Mapping[str, Any]) -> StoredNetwork:
        """What a file holds of `network`."""
        header = SubnetHeader(
            design=self.design,
            architecture=plan.architecture,
            class_names=self.images.class_names,
            mean=self.images.mean,
            std=self.images.std,
            levels=self.images.levels,
            weights=exit_weights(plan.config.exit_weighting, len(plan.architecture.exits)).output,
            record={"dataset": self.images.name, "source": self._source, **record},
        )
        return SubnetClassifier(network, header).stored()
