"""What finishing and plain networks will take, before it is known which networks they are."""

import numpy as np
import pandas as pd

from natv2.baselines.config import BaselinesConfig
from natv2.baselines.plain import PlainClassifier, PlainHeader
from natv2.baselines.pretrained import likely_networks
from natv2.finished_network import Classifier
from natv2.nn.layers import initialise
from natv2.randomness import numpy_generator, torch_generator
from natv2.spaces.space import SearchSpace
from natv2.supernets.classifier import SubnetClassifier, SubnetHeader
from natv2.supernets.network import Network
from natv2.training.finishing import Finishing

_TIMED = 3  # random networks of the space
_PLAIN = "mobilenet_v3_small_050"  # stands for the others
_PLAIN_A_NETWORK = 2  # plain trainings a finished network: below, also with a teacher, above; some are shared
PLAIN_NETWORKS, PRETRAINED_NETWORKS, FINISHING = "plain networks", "pretrained networks", "finishing"


def plan_finishing(
    finishing: Finishing, space: SearchSpace, networks: int, both_starts: bool, config: BaselinesConfig
) -> pd.DataFrame:
    """A row for plain networks, pretrained ones, finishing: stage, times (trainings), epochs, hours.

    `networks` of the space will be finished, the first one by `both_starts`, without a teacher's own time.
    All pretrained networks whose weights can be had count; those nearest in cost will be trained.
    """
    own = float(np.mean([finishing.expected_seconds(each) for each in _random_networks(finishing, space)]))
    plain = _PLAIN_A_NETWORK * networks
    beside = 2 * networks * (config.random + config.scaled)
    seconds = plain * _plain_seconds(finishing, _PLAIN) + beside * own
    if config.teacher is not None and ":" not in config.teacher:
        seconds += _plain_seconds(finishing, config.teacher)
    tuned = likely_networks(config)
    rows = [
        (PLAIN_NETWORKS, plain + beside + (config.teacher is not None), seconds),
        (PRETRAINED_NETWORKS, len(tuned), sum(_plain_seconds(finishing, name) for name in tuned)),
        (FINISHING, networks + both_starts, (networks + both_starts) * own),
    ]
    # A stage that has nothing to train, as mostly pretrained ones, is none.
    table = pd.DataFrame([row for row in rows if row[1]], columns=["stage", "times", "training"])
    return table.assign(epochs=finishing.config.epochs, training=table["training"] / 3600)


def _plain_seconds(finishing: Finishing, name: str) -> float:
    images = finishing.images
    header = PlainHeader(
        network=name,
        resolution=finishing.resolution,
        class_names=images.class_names,
        mean=images.mean,
        std=images.std,
    )
    return finishing.expected_seconds(PlainClassifier.new(header, 0).to(finishing.run.device))


def _random_networks(finishing: Finishing, space: SearchSpace) -> list[Classifier]:
    """Networks as the search may find them, with new weights."""
    images, found = finishing.images, list[Classifier]()
    for code in space.sample_architectures(_TIMED, numpy_generator(0, "plan of finishing")):
        architecture = space.decode(code)
        network = Network(space.design, architecture, len(images.class_names))
        initialise(network, torch_generator(0, "plan of finishing"))
        header = SubnetHeader(
            design=space.design,
            architecture=architecture,
            class_names=images.class_names,
            mean=images.mean,
            std=images.std,
        )
        found.append(SubnetClassifier(network, header).to(finishing.run.device))
    return found
