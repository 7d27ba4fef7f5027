"""ONNX files that natv2 exported, in onnxruntime."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from natv2.errors import UserError
from natv2.files import one_line

ONNX = ".onnx"
_NEEDED = ("class_names", "resolution", "levels", "temperature", "record")  # of a file's metadata


@dataclass(frozen=True, kw_only=True, eq=False)
class OnnxFile:
    """An open file with its `metadata`, and its network's `facts`: class_names, resolution, levels, ...."""

    path: Path
    session: Any
    metadata: Mapping[str, str]
    facts: Mapping[str, Any]

    @property
    def gives(self) -> tuple[str, ...]:
        """The names of its outputs."""
        return tuple(output.name for output in self.session.get_outputs())

    def run(self, x: NDArray[Any], *names: str) -> list[NDArray[np.float32]]:
        """Its outputs for `x`, its one input: those of `names`, or all."""
        found: list[NDArray[np.float32]] = self.session.run(
            list(names) or None, {self.session.get_inputs()[0].name: x}
        )
        return found


def open_onnx_file(path: Path) -> OnnxFile:
    """The file at `path`. Raises UserError where it is missing, damaged or not natv2's, or onnxruntime is."""
    try:
        import onnxruntime
    except ImportError:
        raise UserError(f"{path} needs onnxruntime: pip install 'natv2[export]'") from None
    if not path.is_file():
        raise UserError(f"there is no file {path}")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what is wrong is told below
    try:
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # whatever a damaged file makes of it
        raise UserError(f"{path} is no ONNX file that onnxruntime can open ({one_line(error)})") from None
    metadata = session.get_modelmeta().custom_metadata_map
    missing = [name for name in _NEEDED if name not in metadata]
    if missing:
        raise UserError(f"{path} is none of natv2's files: its metadata have no {', '.join(missing)}")
    try:
        facts = {name: json.loads(metadata[name]) for name in _NEEDED}
    except json.JSONDecodeError as error:
        raise UserError(f"{path} is damaged: its metadata are no JSON ({one_line(error)})") from None
    return OnnxFile(path=path, session=session, metadata=metadata, facts=facts)
