"""torch's translations of its operations into ONNX, read once a process instead of at each export."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_TABLES: dict[tuple[Any, ...], Any] = {}


@contextmanager
def kept_translations() -> Iterator[None]:
    """Within it torch.onnx.export takes the table of translations that it made before.

    It parses the source of 500 of them anew each time, more than half of what a small network's export takes
    (torch 2.15). Nobody here adds to the table, so nothing but time depends on this; a torch that makes it
    elsewhere makes it as ever.
    """
    from torch.onnx._internal import exporter  # no public way leads there

    registry: Any = getattr(getattr(exporter, "_registration", None), "ONNXRegistry", None)
    made = getattr(registry, "from_torchlib", None)
    if made is None:
        yield
        return

    def kept(*where: Any, **asked: Any) -> Any:
        which = (*where, *sorted(asked.items()))
        if which not in _TABLES:
            _TABLES[which] = made(*where, **asked)
        return _TABLES[which]

    before = vars(registry)["from_torchlib"]
    registry.from_torchlib = staticmethod(kept)
    try:
        yield
    finally:
        registry.from_torchlib = before
