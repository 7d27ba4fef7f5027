"""A network that stops early, as .pt2 files: one up to each exit, and a runner that stops."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.export import ExportedProgram, unflatten

from natv2.costs.count import CountedCosts
from natv2.export.deployable import Deployable
from natv2.export.opened import Opened, Run
from natv2.export.preparation import facts
from natv2.export.program_costs import program_costs
from natv2.export.programs import EXAMPLE, MANY, SIZES, exported_program, saved_program
from natv2.export.python_file import filled_in, imported, leaving_source
from natv2.export.quiet import quiet
from natv2.export.stage_files import runner_file, stage_file
from natv2.export.stages import Stage, left_early, stage_notes, stages_of
from natv2.export.whole_module import Prepare, preparation_of

_SUFFIX = ".pt2"


class FirstStage(nn.Module):
    """What prepares images, and the first stage."""

    def __init__(self, prepare: Prepare, network: Stage) -> None:
        super().__init__()
        self.prepare, self.network = prepare, network

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Map uint8 images (N, 3, H, W) to logits (N, classes) and, unless there is no more, features."""
        found: tuple[Tensor, ...] = self.network(self.prepare(images))
        return found


def write_programs(deployed: Deployable, name: str) -> Mapping[str, bytes]:
    """The runner and the stages of the network called `name`."""
    programs = exported_stages(deployed)
    more = {"stages": str(len(programs)), **leaving_source(deployed)}
    files = {runner_file(name, _SUFFIX): filled_in("run_torch.py.txt", deployed, name, **more).encode()}
    told = facts(deployed.classifier)
    for number, (program, notes) in enumerate(zip(programs, stage_notes(deployed), strict=True), start=1):
        files[stage_file(name, number, _SUFFIX)] = saved_program(program, {**told, **notes})
    return files


def open_programs(files: Mapping[str, bytes], deployed: Deployable) -> Opened:
    """What `write_programs` gave, as PyTorch runs it: its runner, and stages that are exported anew.

    A file in this format may hold a pickle, so none is loaded.
    """
    programs = exported_stages(deployed)
    stages = [program.module() for program in programs]
    with quiet():
        first = unflatten(programs[0]).get_submodule("network")
    costs = [program_costs(program) for program in programs]
    whole = _runner(files, stages)
    return Opened(
        whole=whole,
        network=_every_exit([first, *stages[1:]], deployed),
        with_threads=lambda threads: whole,  # torch's own, which whoever times it sets
        costs=CountedCosts(sum(cost.params for cost in costs), sum(cost.macs for cost in costs)),
        versions={},
    )


def exported_stages(deployed: Deployable) -> list[ExportedProgram]:
    """Each stage for any number of images; the first takes them in any size from 2 pixels."""
    x, programs = deployed.example(), list[ExportedProgram]()
    for stage in stages_of(deployed):
        if programs:
            programs.append(exported_program(stage, x, MANY))
        else:
            first = FirstStage(preparation_of(deployed), stage).eval()
            programs.append(exported_program(first, EXAMPLE, SIZES, keep=("network",)))
        with torch.no_grad():
            x = stage.stages(x)
    return programs


def _runner(files: Mapping[str, bytes], stages: Sequence[nn.Module]) -> Run:
    """The runner that people get, with `stages` in the place of what it would load."""
    name, source = next(iter(files.items()))
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / name).write_bytes(source)
        network = imported(Path(folder) / name).Network(stages)

    def run(images: NDArray[Any]) -> NDArray[np.float32]:
        logits: NDArray[np.float32] = network(torch.from_numpy(images))[0].numpy()
        return logits

    return run


def _every_exit(stages: Sequence[nn.Module], deployed: Deployable) -> Run:
    """What maps prepared images to the logits that they leave with: all exits first, then the thresholds."""

    @torch.no_grad()
    def run(prepared: NDArray[Any]) -> NDArray[np.float32]:
        found, x = [], torch.from_numpy(prepared)
        for stage in stages:
            logits, *features = stage(x)
            found.append(logits)
            x = features[0] if features else x
        return left_early(deployed, found)

    return run
