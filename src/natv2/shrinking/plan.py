"""What a training will take, from a few timed steps of each of its phases."""

import pandas as pd

from natv2.images.batches import steps_per_epoch
from natv2.images.image_set import ImageSplits
from natv2.shrinking.accuracy import tested_networks
from natv2.shrinking.config import ShrinkingConfig
from natv2.shrinking.phases import phases_of, steps_of
from natv2.shrinking.probes import probe_subnets
from natv2.shrinking.train import phase_step
from natv2.supernets.supernet import Supernet
from natv2.training.timing import STATES, peak_memory, seconds_an_image, step_seconds, weight_bytes


def plan(supernet: Supernet, *, images: ImageSplits, config: ShrinkingConfig, steps: int) -> pd.DataFrame:
    """What each phase of training `supernet` is expected to take on its device; its weights stay as they are.

    A row a phase: width, phase, epochs, steps (of all epochs), step_ms (the mean of `steps`); training,
    evaluation and test in hours; memory (peak of the process or of the GPU so far) and disk (bytes).
    """
    last = set(steps_of(supernet.design, config.schedule).values())
    calibrated = min(config.calibration_images, len(images.train))
    valid, test = (len(part) + calibrated for part in (images.valid, images.test))
    family, weights = {supernet.width: supernet}, config.output_weights(supernet.design)
    probing = seconds_an_image(family, probe_subnets(supernet, config), images, weights)
    rows = []
    for phase in phases_of(supernet.design, config.schedule):
        optimiser = config.phases[phase].optimiser
        every = optimiser.epochs * steps_per_epoch(images.train, config.batch_size)
        seconds = step_seconds(
            supernet,
            phase_step(supernet, phase, None if phase == "full" else supernet, images, config, "plan"),
            images=images,
            batch_size=config.batch_size,
            optimiser=optimiser,
            seed=config.seed,
            steps=steps,
            name=f"plan {phase}",
        )
        testing = seconds_an_image(family, tested_networks(supernet, phase, config), images, weights)
        # The probes are tested twice, the second time without a calibration of their own.
        evaluation = testing * valid + probing * (valid + len(images.valid))
        rows.append(
            {
                "width": supernet.width,
                "phase": phase,
                "epochs": optimiser.epochs,
                "steps": every,
                "step_ms": 1000 * seconds,
                "training": seconds * every / 3600,
                "evaluation": evaluation / 3600,
                "test": testing * test / 3600 if phase in last else 0.0,
                "memory": peak_memory(supernet),
                "disk": weight_bytes(supernet) * (1 + STATES),
            }
        )
    return pd.DataFrame(rows)
