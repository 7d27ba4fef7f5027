"""What a search will take, from a few timed steps and evaluations of each of its stages."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from torch import nn

from natv2.bar import Bar, progress_bar
from natv2.objectives.costs import CostsOf
from natv2.objectives.goal import Goal
from natv2.search.adaptation.subnets import extreme_networks, offered_paths
from natv2.search.adaptation.training import TargetSupernets, frozen_trunk, largest_step, sampled_step
from natv2.search.candidates import SAMPLERS
from natv2.search.latency_time import table_seconds
from natv2.search.needs import search_memory, turns_disk, warm_up_disk, warm_up_of_both_disk
from natv2.search.turn_time import turn_seconds
from natv2.training.budget import BUDGET_S, Budget
from natv2.training.evaluation import Evaluator
from natv2.training.evaluation_time import EvaluationTime, evaluation_time
from natv2.training.exit_evaluation import way_scores
from natv2.training.loop import Step
from natv2.training.needs import Disk
from natv2.training.schedule import SubnetSchedule
from natv2.training.supernet_needs import SupernetSize
from natv2.training.timing import StepTime, step_time, timed_with

_NETWORKS = 60  # that an evaluation is timed with: fewer would share less than an archive does
_CALIBRATING = 8  # images, of the teacher that is timed: its statistics take no part in it
_HOUR = 3600
_HOURS = ("training", "evaluation", "search")  # what a stage's time is made of


def plan_search(
    supernets: TargetSupernets,
    costs_of: CostsOf,
    goal: Goal,
    *,
    steps: int,
    new_exits: Sequence[int] = (),
    budget_s: float = BUDGET_S,
) -> pd.DataFrame:
    """What each stage of a search over `supernets` is expected to take; their weights stay as they are.

    A row a stage: stage, times (how often), epochs and steps (each time), step_ms, networks (evaluated each
    time); training, evaluation and search (predictor, evolution, choice) in hours, of all times together;
    memory (a peak) and disk, in bytes, as computed before a run; what was `timed` where the time of a
    plan was too short for all. Heads of `new_exits` are trained first.
    """
    measures = goal.needs_latency and supernets.config.latency.table is None
    stages = len(supernets.family) * (2 if new_exits else 1) + 3 + measures
    budget = Budget(stages + 1, budget_s)
    budget.begin("the plan")
    with progress_bar("plan", stages) as bar:
        return pd.DataFrame(list(_Planned(supernets, costs_of, goal, steps, new_exits, budget, bar).rows()))


@dataclass(frozen=True)
class _Planned:
    """A search that is planned."""

    supernets: TargetSupernets
    costs_of: CostsOf
    goal: Goal
    steps: int
    new_exits: Sequence[int]
    budget: Budget
    bar: Bar

    def rows(self) -> Iterator[dict[str, Any]]:
        """A row a stage, each told as soon as it is known."""
        config, space = self.supernets.config, self.supernets.space
        warm_up, sizes = config.warm_up, self._sizes()
        if self.goal.needs_latency and config.latency.table is None:
            seconds, timed = table_seconds(
                space, sizes[0].classes, config.latency, self.supernets.run, seconds=self.budget.share()
            )
            yield self._row("latency table", search=seconds, timed=timed)
        tested = self._tested()
        name, heads = "warm-up of the largest network", "warm-up of new heads"
        for size, (width, supernet) in zip(sizes, self.supernets.family.items(), strict=True):
            largest, disk = largest_step(self.supernets, supernet), warm_up_disk(size, config)
            if self.new_exits:
                with frozen_trunk(supernet, self.new_exits):
                    step = self._step(supernet, largest, heads)
                yield self._row(
                    f"{heads}, width {width:g}", step=step, epochs=warm_up.heads_epochs, disk=disk
                )
            step = self._step(supernet, largest, name)
            yield self._row(f"{name}, width {width:g}", step=step, epochs=warm_up.largest_epochs, disk=disk)
        yield self._row(
            "warm-up of both supernets",
            step=self._sampled(warm_up.supernets, "warm-up"),
            epochs=warm_up.supernet_epochs,
            disk=warm_up_of_both_disk(sizes, config),
        )
        yield self._row("first archive", tested=tested, networks=config.archive_size * config.pre_processing)
        step = self._sampled(config.adaptation.over(config.turns), "adaptation")
        seconds, timed = turn_seconds(self.supernets, self.costs_of, self.goal, self.budget.share())
        yield self._row(
            "turns",
            times=config.turns,
            step=step,
            epochs=config.adaptation.epochs,
            tested=tested,
            networks=_evaluated_a_turn(self.supernets),
            search=seconds,
            timed=timed,
            disk=turns_disk(sizes, space, config),
        )

    def _sizes(self) -> list[SupernetSize]:
        family = self.supernets.family.values()
        return [SupernetSize(each.design, each.width, each.classes) for each in family]

    def _row(
        self,
        stage: str,
        *,
        times: int = 1,
        step: StepTime | None = None,
        epochs: int = 0,
        tested: EvaluationTime | None = None,
        networks: int = 0,
        search: float = 0.0,
        timed: str = "",
        disk: Disk = Disk(),  # noqa: B008  # it is frozen
    ) -> dict[str, Any]:
        supernets, images, config = self.supernets, self.supernets.images, self.supernets.config
        batches, seconds = supernets.epochs("plan").steps, step.seconds if step else 0.0
        seen = len(images.valid) + min(config.calibration.images, len(images.train))
        a_network = tested.seconds * seen / self._sampled_networks if tested else 0.0
        told = timed_with(step, tested, self._sampled_networks)
        row = {
            "stage": stage,
            "times": times,
            "epochs": epochs,
            "steps": epochs * batches,
            "step_ms": 1000 * seconds,
            "networks": networks,
            "training": times * epochs * batches * seconds / _HOUR,
            "evaluation": times * networks * a_network / _HOUR,
            "search": times * search / _HOUR,
            "memory": search_memory(self._sizes(), images, config, supernets.run).most,
            "disk": disk.most,
            "timed": ", ".join(each for each in (told, timed) if each and each != "all") or "all",
        }
        hours = (f"{row[name]:.2f} h of {name}" for name in _HOURS if row[name])
        self.budget.tell(self.bar, f"{stage}: {', '.join(hours)} ({row['timed']})")
        return row

    def _sampled(self, schedule: SubnetSchedule, name: str) -> StepTime:
        """A step of `schedule`."""
        few = self.supernets.config.calibration.model_copy(
            update={"images": _CALIBRATING, "batch_size": _CALIBRATING}
        )
        quick = replace(self.supernets, config=self.supernets.config.model_copy(update={"calibration": few}))
        step = sampled_step(
            quick, quick.space.sample_architectures, schedule, quick.teacher(), f"plan {name}"
        )
        return self._step(nn.ModuleList(self.supernets.family.values()), step, name)

    def _step(self, module: nn.Module, step: Step, name: str) -> StepTime:
        return step_time(
            module,
            step,
            self.supernets.epochs(f"plan {name}"),
            optimiser=self.supernets.config,
            precision=self.supernets.run.precision,
            steps=self.steps,
            seconds=self.budget.share(),
        )

    @property
    def _sampled_networks(self) -> int:
        return min(_NETWORKS, self.supernets.config.archive_size)

    def _tested(self) -> EvaluationTime:
        """An evaluation of many."""
        supernets = self.supernets
        sampler, draws = SAMPLERS[supernets.config.sampling], np.random.default_rng(0)
        networks = offered_paths(supernets.space, sampler(supernets.space, self._sampled_networks, draws))
        evaluate = Evaluator.accuracies if supernets.space.ways is None else way_scores
        weights = supernets.exit_weights.output
        return evaluation_time(
            supernets.family,
            networks,
            supernets.images,
            weights,
            seconds=self.budget.share(),
            evaluate=evaluate,
        )


def _evaluated_a_turn(supernets: TargetSupernets) -> int:
    """Networks evaluated in a turn: candidates, the archive again, the supernets' own validation."""
    config = supernets.config
    # An archive that grows has half of what it gains on average.
    gained = config.gained_a_turn * (config.turns + 1) / 2
    archive = round(config.archive_size + gained)
    return config.candidates + archive + len(extreme_networks(supernets.space))
