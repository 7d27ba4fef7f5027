"""The format `torch_export`: a .pt2 file, which PyTorch loads without our code."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.export import ExportedProgram, unflatten

from natv2.export.comparison import Comparison
from natv2.export.deployable import Deployable
from natv2.export.opened import Opened, Run
from natv2.export.preparation import facts
from natv2.export.program_costs import program_costs
from natv2.export.programs import EXAMPLE, SIZES, exported_program, saved_program
from natv2.export.quiet import quiet
from natv2.export.stages import stops
from natv2.export.torch_stages import open_programs, write_programs
from natv2.export.whole_module import whole_module


def write(deployed: Deployable, name: str, calibration: Comparison) -> Mapping[str, bytes]:
    """The file of the network called `name`; of one that stops early, its stages and their runner."""
    if stops(deployed.classifier):
        return write_programs(deployed, name)
    return {f"{name}.pt2": saved_program(exported(deployed), facts(deployed.classifier))}


def opened(files: Mapping[str, bytes], deployed: Deployable) -> Opened:
    """What `write` wrote, as PyTorch runs it: exported anew, for a file in this format may hold a pickle."""
    if stops(deployed.classifier):
        return open_programs(files, deployed)
    program = exported(deployed)
    with quiet():
        network = unflatten(program).get_submodule("network")
    whole = program.module()
    return Opened(
        whole=_run(whole, "logits"),
        network=_run(network),
        with_threads=lambda threads: _run(whole, "logits"),  # torch's own, which whoever times it sets
        costs=program_costs(program),
        versions={},
    )


def exported(deployed: Deployable) -> ExportedProgram:
    """The whole network, for any number of images of any size from 2 pixels."""
    return exported_program(whole_module(deployed), EXAMPLE, SIZES, keep=("network",))


def _run(module: nn.Module, output: str | None = None) -> Run:
    def run(images: NDArray[Any]) -> NDArray[np.float32]:
        with torch.no_grad():
            found = module(torch.from_numpy(images))
        logits: NDArray[np.float32] = (found if output is None else found[output]).numpy()
        return logits

    return run
