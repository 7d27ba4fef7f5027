"""What a training will take, from a few timed steps of each of its phases."""

import pandas as pd

from natv2.images.batches import Epochs
from natv2.images.image_set import ImageSplits
from natv2.run import Run
from natv2.shrinking.accuracy import tested_networks
from natv2.shrinking.config import Training
from natv2.shrinking.phases import steps_of
from natv2.shrinking.probes import probe_subnets
from natv2.shrinking.train import phase_step
from natv2.supernets.supernet import Supernet
from natv2.training.timing import STATES, peak_memory, seconds_an_image, step_seconds, weight_bytes


def plan(
    supernet: Supernet, *, images: ImageSplits, training: Training, run: Run, steps: int
) -> pd.DataFrame:
    """What each phase of training `supernet` is expected to take on its device; its weights stay as they are.

    A row a phase: width, phase, epochs, steps (of all epochs), step_ms (the mean of `steps`); training,
    evaluation and test in hours; memory (peak of the process or of the GPU so far) and disk (bytes).
    """
    last = set(steps_of(training.design, training.schedule).values())
    eps, weights = training.eps, training.exit_weights.output
    calibrated = min(eps.calibration.images, len(images.train))
    valid, test = (len(part) + calibrated for part in (images.valid, images.test))
    family = {supernet.width: supernet}
    probing = seconds_an_image(family, probe_subnets(supernet, training, run), images, weights)
    rows = []
    for phase in training.phases:
        teacher = None if phase == "full" else supernet
        epochs = Epochs(images, images.train, eps.batch_size, run.seed, f"plan {phase}")
        seconds = step_seconds(
            supernet,
            phase_step(supernet, phase, teacher, images, training, run, "plan"),
            epochs,
            optimiser=eps,
            precision=run.precision,
            steps=steps,
        )
        every = training.phase(phase).epochs * epochs.steps
        testing = seconds_an_image(family, tested_networks(supernet, phase, training), images, weights)
        # The probes are tested twice, the second time without a calibration of their own.
        evaluation = testing * valid + probing * (valid + len(images.valid))
        rows.append(
            {
                "width": supernet.width,
                "phase": phase,
                "epochs": training.phase(phase).epochs,
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
