"""The formats that a network can be exported to, a row each; known without torch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from types import MappingProxyType
from typing import Literal

from natv2.errors import UserError

Precision = Literal["float", "fp16", "int8"]

ExportedFiles = Mapping[str, bytes]
"""Files by their paths in a folder."""

_ONNX = ("onnx", "onnxruntime", "onnxscript")


@dataclass(frozen=True, kw_only=True)
class Format:
    """`module` of this package writes and opens it; `precision` says by which rule it is accepted.

    `needs` are modules that must be installed, `install` is what installs them. `no_stopping`: why it cannot
    hold a network whose images leave early, if it cannot.
    """

    module: str
    precision: Precision = "float"
    needs: tuple[str, ...] = _ONNX
    install: str = "pip install 'natv2[export]'"
    no_stopping: str = ""


FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        "onnx": Format(module="onnx_float"),
        "onnx_fp16": Format(module="onnx_fp16", precision="fp16"),
        "onnx_int8": Format(module="onnx_int8", precision="int8"),
        "torch_export": Format(module="torch_export", needs=()),
        "python": Format(module="python_file", needs=()),
        "executorch": Format(
            module="executorch_file",
            needs=("executorch",),
            install="pip install 'natv2[executorch]' (of ExecuTorch's releases, the one for this torch)",
            no_stopping="an app would have to decide after each stage, which no file can do for it",
        ),
    }
)


def check_formats(names: Sequence[str]) -> tuple[str, ...]:
    """`names`, each once, if all are formats. Raises UserError where one is not, or there are none."""
    unknown = [name for name in names if name not in FORMATS]
    if unknown or not names:
        raise UserError(f"unknown format {unknown[0] if unknown else ''!r}; known: {', '.join(FORMATS)}")
    return tuple(dict.fromkeys(names))


def check_installed(names: Sequence[str]) -> None:
    """Raise UserError, with what installs it, where a format of `names` needs what is not there."""
    for name in names:
        missing = [module for module in FORMATS[name].needs if find_spec(module) is None]
        if missing:
            raise UserError(f"{name} needs {', '.join(missing)}: {FORMATS[name].install}")
