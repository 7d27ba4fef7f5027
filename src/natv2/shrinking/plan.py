"""What a training will take, from a few timed steps of each of its phases."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from natv2.bar import Bar, progress_bar
from natv2.costs.parts import MACS, architecture_cost
from natv2.images.batches import Epochs, steps_per_epoch
from natv2.images.image_set import ImageSplits
from natv2.randomness import numpy_generator
from natv2.ranks.side_by_side import fill_ranks, side_by_side
from natv2.run import Run
from natv2.shrinking.accuracy import tested_networks
from natv2.shrinking.config import Training
from natv2.shrinking.needs import phase_disk, training_memory
from natv2.shrinking.phases import choices, sample, steps_of
from natv2.shrinking.probes import probe_subnets
from natv2.shrinking.train import phase_step
from natv2.spaces.architecture import Architecture
from natv2.supernets.supernet import Supernet
from natv2.training.budget import BUDGET_S, Budget
from natv2.training.evaluation_time import EvaluationTime, evaluation_time
from natv2.training.passing_hours import AT_ONCE
from natv2.training.supernet_needs import SupernetSize
from natv2.training.timing import StepTime, step_time, timed_with

_CALIBRATING = 8  # images, of the teachers that are timed: their statistics take no part in it
_DRAWN = 30  # networks of a phase, for the mean of its steps


def plan(
    supernets: Sequence[Supernet],
    *,
    images: ImageSplits,
    training: Training,
    run: Run,
    steps: int,
    budget_s: float = BUDGET_S,
) -> pd.DataFrame:
    """What each phase of training `supernets` is expected to take on their device; their weights stay.

    A row a phase: width, phase, epochs, steps (of all epochs), step_ms (the mean of `steps`); training,
    evaluation and test in hours; memory (a peak) and disk, in bytes, as they are computed before a run; what
    was `timed` where the time of a plan was too short for all; how many supernets are trained `at_once`.
    """
    each = sorted(supernets, key=lambda supernet: supernet.width)
    at_once = len(each) if fill_ranks(len(each), run) else 1
    groups = [[supernet] for supernet in each] if at_once > 1 else [each]
    jobs = [(group, images, training, run, steps, budget_s) for group in groups]
    # As the run will be: where each rank trains a supernet, all are busy while its steps are timed.
    tables = side_by_side(_rows, jobs)
    return pd.DataFrame([row for rows in tables for row in rows]).assign(**{AT_ONCE: at_once})


def _rows(
    supernets: Sequence[Supernet],
    images: ImageSplits,
    training: Training,
    run: Run,
    steps: int,
    budget_s: float,
) -> list[dict[str, Any]]:
    """Those of `supernets`, one after the other."""
    budget = Budget(len(supernets) * (1 + 2 * len(training.phases)), budget_s)
    budget.begin("the plan of width " + " and ".join(f"{each.width:g}" for each in supernets))
    known = _Known()
    with progress_bar("plan", len(supernets) * len(training.phases)) as bar:
        return [
            row
            for supernet in supernets
            for row in _Planned(supernet, images, training, run, budget, bar, known).rows(steps)
        ]


@dataclass
class _Known:
    """What was timed last: it tells the rest where there is no time left."""

    step: StepTime | None = None
    step_macs: float = 1.0
    tested: EvaluationTime | None = None


@dataclass(frozen=True)
class _Planned:
    """One of the supernets whose training is planned."""

    supernet: Supernet
    images: ImageSplits
    training: Training
    run: Run
    budget: Budget
    bar: Bar
    known: _Known

    def rows(self, steps: int) -> Iterator[dict[str, Any]]:
        """A row a phase, each told as soon as it is known."""
        last = set(steps_of(self.training.design, self.training.schedule).values())
        probing = self._tested(probe_subnets(self.supernet, self.training, self.run))
        for phase in self.training.phases:
            step = self._step(phase, steps)
            networks = tested_networks(self.supernet, phase, self.training)
            tested = self._tested(networks)
            row = self._row(phase, step, tested, probing)
            if phase not in last:
                row["test"] = 0.0
            row["timed"] = timed_with(step, tested, len(networks))
            self.budget.tell(
                self.bar,
                f"width {self.supernet.width:g}, {phase}: {row['training']:.2f} h of training, "
                f"{row['evaluation'] + row['test']:.2f} h of evaluation ({row['timed']})",
            )
            yield row

    def _row(
        self, phase: str, step: StepTime, tested: EvaluationTime, probing: EvaluationTime
    ) -> dict[str, Any]:
        images, training = self.images, self.training
        calibrated = min(training.eps.calibration.images, len(images.train))
        valid, test = (len(part) + calibrated for part in (images.valid, images.test))
        epochs = training.phase(phase).epochs
        every = epochs * steps_per_epoch(images.train, training.eps.batch_size)
        # The probes are tested twice, the second time without a calibration of their own.
        evaluation = tested.seconds * valid + probing.seconds * (valid + len(images.valid))
        size = SupernetSize(self.supernet.design, self.supernet.width, self.supernet.classes)
        return {
            "width": self.supernet.width,
            "phase": phase,
            "epochs": epochs,
            "steps": every,
            "step_ms": 1000 * step.seconds,
            "training": step.seconds * every / 3600,
            "evaluation": evaluation / 3600,
            "test": tested.seconds * test / 3600,
            "memory": training_memory(size, phase, images, training, self.run).most,
            "disk": phase_disk(size, phase, training).most,
        }

    def _step(self, phase: str, steps: int) -> StepTime:
        share, macs, known = self.budget.share(), self._macs(phase), self.known
        if share == 0 and known.step is not None:
            return replace(known.step, seconds=known.step.seconds * macs / known.step_macs, images=0)
        eps = self.training.eps
        few = eps.calibration.model_copy(update={"images": _CALIBRATING, "batch_size": _CALIBRATING})
        quick = self.training.model_copy(update={"eps": eps.model_copy(update={"calibration": few})})
        teacher = None if phase == "full" else self.supernet
        known.step = step_time(
            self.supernet,
            phase_step(self.supernet, phase, teacher, self.images, quick, self.run, "plan"),
            Epochs(self.images, self.images.train, eps.batch_size, self.run.seed, f"plan {phase}"),
            optimiser=eps,
            precision=self.run.precision,
            steps=steps,
            seconds=share,
        )
        known.step_macs = macs
        return known.step

    def _macs(self, phase: str) -> float:
        """Multiply-accumulates of an image in a step of `phase`, on average: a backward pass takes two."""
        design, training, subnets = self.supernet.design, self.training, self.training.phase(phase).subnets
        resolution = training.resolutions[len(training.resolutions) // 2]
        drawn = sample(
            design,
            choices(design, phase, training.schedule),
            _DRAWN,
            resolution=resolution,
            width=self.supernet.width,
            generator=numpy_generator(self.run.seed, "plan", phase),
        )
        largest, *others = (
            float(architecture_cost(design, network, self.supernet.classes)[MACS])
            for network in (self.supernet.largest(resolution), *drawn)
        )
        trained = 3 * max(0, subnets - (training.schedule == "sandwich")) * sum(others) / len(others)
        if phase == "full" or training.schedule == "sandwich":
            return 3 * largest + trained
        return trained + (largest if training.taught_by != "none" else 0)

    def _tested(self, networks: Sequence[Architecture]) -> EvaluationTime:
        family, weights = {self.supernet.width: self.supernet}, self.training.exit_weights.output
        share, known = self.budget.share(), self.known
        known.tested = evaluation_time(
            family, networks, self.images, weights, seconds=share, known=known.tested
        )
        return known.tested
