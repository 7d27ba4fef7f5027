"""How a person would write what builds one of torch's layers: what is usual is left out."""

from inspect import Parameter, signature
from typing import Any

from torch import Tensor, nn


def layer_source(layer: nn.Module) -> str:
    """The expression that builds `layer`, a layer of torch.nn, with other weights."""
    told = []
    for name, parameter in signature(type(layer)).parameters.items():
        if name in ("inplace", "device", "dtype") or not hasattr(layer, name):
            continue
        value = _value(layer, name)
        if parameter.default is Parameter.empty:
            told.append(_written(value))
        elif not _usual(layer, name, value, parameter.default):
            told.append(f"{name}={_written(value)}")
    return f"nn.{type(layer).__name__}({', '.join(told)})"


def _value(layer: nn.Module, name: str) -> Any:
    value = getattr(layer, name)
    if name == "bias":  # a tensor, or None
        return value is not None
    return value.tolist() if isinstance(value, Tensor) else value


def _usual(layer: nn.Module, name: str, value: Any, default: Any) -> bool:
    if name == "stride" and default is None:  # of poolings: as wide as their windows
        return bool(value == getattr(layer, "kernel_size", None))
    return _written(value) == _written(default)


def _written(value: Any) -> str:
    if isinstance(value, tuple) and len(set(value)) == 1:
        return repr(value[0])
    return repr(value)
