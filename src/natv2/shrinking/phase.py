"""One phase from checkpoint to checkpoint, with its report; and the test of what the phases made."""

from collections.abc import Mapping, Sequence

import pandas as pd

from natv2.images.image_set import ImageSplits
from natv2.run import Run
from natv2.shrinking.accuracy import phase_accuracy
from natv2.shrinking.config import Training
from natv2.shrinking.identity import check_identity, identity
from natv2.shrinking.phases import steps_of
from natv2.shrinking.probes import health, probe
from natv2.shrinking.train import train_phase
from natv2.supernets.checkpoint import Checkpoint
from natv2.supernets.supernet import Supernet
from natv2.training.state_store import State, StateStore

Report = Mapping[str, pd.DataFrame]
"""What a phase says of itself: `accuracy` of what is unlocked, `probes`, `curve` with a row an epoch."""


def run_phase(
    supernet: Supernet,
    phase: str,
    images: ImageSplits,
    training: Training,
    run: Run,
    store: StateStore,
    *,
    teacher: Supernet | None = None,
    before: Sequence[float] = (),
) -> tuple[Checkpoint, Report]:
    """Train `supernet` through `phase`, then validate; `before`: the probes' top-1 after the phase before."""
    supernet = supernet.to(images.device)
    history = train_phase(
        supernet, phase, teacher=teacher, images=images, training=training, run=run, store=store
    )

    def tested() -> State:
        frame = phase_accuracy(
            supernet,
            phase,
            images=images,
            part=images.valid,
            training=training,
            run=run,
            name=store.name,
        )
        probes = probe(supernet, phase, images=images, training=training, run=run, name=store.name)
        metrics = {"mean_accuracy": frame["accuracy"].mean(), "best_accuracy": frame["accuracy"].max()}
        metrics |= health(probes["accuracy"].tolist(), probes["uncalibrated"].tolist(), before)
        store.track(metrics, training.phase(phase).epochs)
        return State(values={"accuracy": frame.to_dict("list"), "probes": probes.to_dict("list")})

    values = store.remembered("accuracy", tested).values
    report = {name: pd.DataFrame(values[name]) for name in ("accuracy", "probes")}
    curve = pd.DataFrame(history).assign(phase=phase, epoch=range(1, len(history) + 1))
    probes = report["probes"]["accuracy"].tolist()
    return phase_checkpoint(supernet, phase, images, training, run, probes), {**report, "curve": curve}


def phase_checkpoint(
    supernet: Supernet,
    phase: str,
    images: ImageSplits,
    training: Training,
    run: Run,
    probes: Sequence[float] = (),
) -> Checkpoint:
    """`supernet` with what tells its training from others, and the probes' top-1 after `phase`."""
    origin = identity(training, run, images)
    origin |= {"resolutions": list(training.resolutions), "probes": list(probes)}
    return Checkpoint.of(supernet, classes=images.class_names, phase=phase, origin=origin)


def steps_accuracy(
    checkpoints: Sequence[Checkpoint], images: ImageSplits, training: Training, run: Run, store: StateStore
) -> pd.DataFrame:
    """Test top-1 after each step, from its saved checkpoint: a row for each tested subnet (Table 5.3)."""
    for checkpoint in checkpoints:
        check_identity(checkpoint, training, run, images)
    made = {checkpoint.phase: checkpoint for checkpoint in checkpoints}
    frames = []
    for phase in steps_of(training.design, training.schedule).values():

        def tested(phase: str = phase) -> State:
            frame = phase_accuracy(
                made[phase].supernet().to(images.device),
                phase,
                images=images,
                part=images.test,
                training=training,
                run=run,
                name=f"{store.name}, {phase}",
            )
            return State(values={"accuracy": frame.to_dict("list")})

        frames.append(pd.DataFrame(store.remembered(phase, tested).values["accuracy"]))
    return pd.concat(frames, ignore_index=True)
