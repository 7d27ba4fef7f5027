"""The format `torch_export`: a .pt2 file, which PyTorch loads without our code."""

import json
from collections.abc import Mapping
from io import BytesIO
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.export import Dim, ExportedProgram, unflatten

from natv2.export.comparison import Comparison
from natv2.export.deployable import Deployable
from natv2.export.opened import Opened, Run
from natv2.export.preparation import facts
from natv2.export.program_costs import program_costs
from natv2.export.quiet import quiet
from natv2.export.whole_module import whole_module

FACTS = "natv2.json"
"""The extra file in it that says of the network what an ONNX file's metadata say."""

_SIZES = (5, 4)  # of the images that it is traced with: unlike each other


def write(deployed: Deployable, name: str, calibration: Comparison) -> Mapping[str, bytes]:
    """The file of the network called `name`."""
    file = BytesIO()
    with quiet():
        program = exported(deployed)
        torch.export.save(program, file, extra_files={FACTS: json.dumps(facts(deployed.classifier))})
    return {f"{name}.pt2": file.getvalue()}


def opened(files: Mapping[str, bytes], deployed: Deployable) -> Opened:
    """What `write` wrote, as PyTorch runs it: exported anew, for a file in this format may hold a pickle."""
    with quiet():
        program = exported(deployed)
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
    dimensions = {0: Dim("images"), 2: Dim("height", min=2), 3: Dim("width", min=2)}
    program = torch.export.export(
        whole_module(deployed),
        (torch.zeros(2, 3, *_SIZES, dtype=torch.uint8),),
        dynamic_shapes=(dimensions,),
        preserve_module_call_signature=("network",),
    )
    for node in program.graph.nodes:  # lines of source code, with their places on this machine
        node.meta.pop("stack_trace", None)
    return program


def _run(module: nn.Module, output: str | None = None) -> Run:
    def run(images: NDArray[Any]) -> NDArray[np.float32]:
        with torch.no_grad():
            found = module(torch.from_numpy(images))
        logits: NDArray[np.float32] = (found if output is None else found[output]).numpy()
        return logits

    return run
