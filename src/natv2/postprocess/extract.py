"""Networks taken out of their adapted supernets, and put into files."""

import json
from collections.abc import Mapping
from typing import Any

from natv2.exits.weightings import ExitWeighting, exit_weights
from natv2.images.batches import calibration_batches, evaluation_batches
from natv2.images.config import CalibrationConfig
from natv2.images.image_set import ImageSplits
from natv2.nn.layers import initialise
from natv2.objectives.metric import Metric, said
from natv2.postprocess.exits import ExitsCalibration, calibrate_exits
from natv2.postprocess.methods import PostprocessPlan
from natv2.randomness import torch_generator
from natv2.run import Run
from natv2.supernets.checkpoint import Checkpoint
from natv2.supernets.classifier import SubnetClassifier, SubnetHeader
from natv2.supernets.network import Network
from natv2.training.config import FullConfig
from natv2.training.finishing import Finishing
from natv2.training.recalibration import calibrate
from natv2.training.state_store import StateStore


class Extraction:
    """Two adapted supernets, and the images that their networks are for; accuracies are by `metric`."""

    def __init__(
        self,
        narrow: Checkpoint,
        wide: Checkpoint,
        images: ImageSplits,
        *,
        calibration: CalibrationConfig,
        dropout: float,
        run: Run,
        metric: Metric = "top1",
    ) -> None:
        self.images, self.design, self.run = narrow.normalised(images).to(run.device), narrow.design, run
        self.metric = metric
        self._source = narrow.origin.get("source")
        self._family = {c.width: c.supernet(dropout=dropout).to(run.device) for c in (narrow, wide)}
        self._dropout = dropout
        self._calibration = calibration_batches(self.images, calibration, run.seed)

    def network(self, plan: PostprocessPlan) -> Network:
        """The network of `plan`, extracted and recalibrated."""
        supernet = self._family[plan.architecture.width]
        return supernet.subnet(plan.architecture, calibrate(supernet, plan.architecture, self._calibration))

    def new_network(self, plan: PostprocessPlan) -> Network:
        """The network of `plan` with new weights, drawn for the run's seed and its architecture."""
        network = Network(self.design, plan.architecture, len(self.images.class_names), self._dropout)
        told = json.dumps(plan.architecture.to_dict())
        initialise(network, torch_generator(self.run.seed, "new weights", told))
        return network.to(self.run.device)

    def largest(self, exit_weighting: ExitWeighting, resolution: int) -> SubnetClassifier:
        """The largest network of the wider supernet, as an ensemble of all its exits."""
        supernet = self._family[max(self._family)]
        plan = PostprocessPlan.as_it_is(supernet.largest(resolution), exit_weighting)
        return self.classifier(self.network(plan), plan, {})

    def finishing(
        self, config: FullConfig, resolution: int, evaluation_batch_size: int, kept: StateStore
    ) -> Finishing:
        """What finishes networks of these images by `config`, without a teacher yet.

        `resolution` is that of networks which have none of their own; labels of teachers go into `kept`.
        """
        return Finishing(
            images=self.images,
            config=config,
            run=self.run,
            resolution=resolution,
            evaluation_batch_size=evaluation_batch_size,
            labels=kept.child("labels"),
            metric=self.metric,
        )

    def exits_of(
        self, classifier: SubnetClassifier, plan: PostprocessPlan, batch_size: int
    ) -> ExitsCalibration:
        """What the validation images say of the exits of `classifier`, which were found used in a way.

        Weights of outputs are searched anew where it was trained.
        """
        assert plan.way is not None
        batches = evaluation_batches(self.images, self.images.valid, batch_size)
        trained = plan.config is not None
        return calibrate_exits(
            classifier, batches, plan.way.leaving, search_weights=trained, metric=self.metric
        )

    def classifier(
        self, network: Network, plan: PostprocessPlan, record: Mapping[str, Any], temperature: float = 1.0
    ) -> SubnetClassifier:
        """`network` as a file will have it."""
        header = SubnetHeader(
            design=self.design,
            architecture=plan.architecture,
            class_names=self.images.class_names,
            mean=self.images.mean,
            std=self.images.std,
            levels=self.images.levels,
            weights=exit_weights(plan.exit_weighting, len(plan.architecture.exits)).output,
            temperature=temperature,
            record={"dataset": self.images.name, "source": self._source, **said(self.metric), **record},
        )
        return SubnetClassifier(network, header)
