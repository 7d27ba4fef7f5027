"""Modules of torch as exported programs: how they are traced, and the bytes of their files."""

import json
from collections.abc import Mapping
from io import BytesIO
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from natv2.export.quiet import quiet

FACTS = "natv2.json"
"""The extra file in it that says of the network what an ONNX file's metadata say."""

EXAMPLE = torch.zeros(2, 3, 5, 4, dtype=torch.uint8)
"""Images that a whole network is traced with: no two of their sizes are equal."""

Dimensions = Mapping[int, Any]

SIZES: Dimensions = MappingProxyType(
    {0: Dim("images"), 2: Dim("height", min=2), 3: Dim("width", min=2)},
)
"""What may vary of images."""

MANY: Dimensions = MappingProxyType({0: Dim("images")})
"""What may vary of features."""


def exported_program(
    module: nn.Module, taken: Tensor, dimensions: Dimensions, keep: tuple[str, ...] = ()
) -> ExportedProgram:
    """`module` as a program, traced with what it has `taken`; its parts called as in `keep` stay apart.

    No place on this machine is in it.
    """
    with quiet():
        program = torch.export.export(
            module,
            (taken,),
            dynamic_shapes=(dict(dimensions),),
            preserve_module_call_signature=keep,
        )
    for node in program.graph.nodes:  # lines of source code, with their places
        node.meta.pop("stack_trace", None)
    return program


def saved_program(program: ExportedProgram, facts: Mapping[str, Any]) -> bytes:
    """The .pt2 file of `program`, with `facts` about its network."""
    file = BytesIO()
    with quiet():
        torch.export.save(program, file, extra_files={FACTS: json.dumps(facts)})
    return file.getvalue()
