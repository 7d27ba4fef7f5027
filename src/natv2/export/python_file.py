"""The format `python`: source of this one network, and its weights; it needs torch and safetensors alone."""

import importlib.util
import re
import sys
import tempfile
from collections.abc import Mapping
from importlib.resources import files as resources
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save
from torch import Tensor, nn

from natv2.costs.count import CountedCosts
from natv2.export.comparison import Comparison
from natv2.export.deployable import Deployable
from natv2.export.opened import Opened, Run
from natv2.export.python_source import network_source
from natv2.export.simplified import whole_graph

_INSIDE = ("classifier", "classifier.network")  # what the network itself is in


def write(deployed: Deployable, name: str, calibration: Comparison) -> Mapping[str, bytes]:
    """The source and the weights of the network called `name`, under a name that Python can import."""
    module = re.sub(r"\W", "_", name, flags=re.ASCII)
    module = module if module.isidentifier() else f"network_{module}"
    network = whole_graph(deployed.network, _INSIDE)
    weights = {key: tensor.detach().contiguous() for key, tensor in network.state_dict().items()}
    classes, lines = network_source(network)
    text = filled_in(
        "network.py.txt",
        deployed,
        module,
        own_classes="".join(f"{each}\n\n\n" for each in classes),
        network="\n".join(lines),
    )
    return {
        f"{module}.py": text.encode(),
        f"{module}.py.safetensors": save(weights),
    }


def opened(files: Mapping[str, bytes], deployed: Deployable) -> Opened:
    """What `write` gave, run as a module of its own."""
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            (Path(folder) / name).write_bytes(content)
        module = imported(Path(folder) / next(iter(files)))
        network = module.load()
    whole = _run(lambda images: network(module.prepare(images)))
    return Opened(
        whole=whole,
        network=_run(network),
        with_threads=lambda threads: whole,  # torch's own, which whoever times it sets
        costs=_counted(network, deployed.resolution),
        versions={},
    )


def filled_in(template: str, deployed: Deployable, name: str, **more: str) -> str:
    """A `template` of this package with what is known of the network called `name`, and `more`."""
    header = deployed.classifier.header
    values: Mapping[str, Any] = {
        "name": name,
        "resolution": deployed.resolution,
        "classes": len(deployed.class_names),
        "class_names": _listed(deployed.class_names),
        "temperature": header.temperature,
        "mean": tuple(header.mean),
        "std": tuple(deviation or 1.0 for deviation in header.std),
        **more,
    }
    text = resources("natv2.export").joinpath(template).read_text(encoding="utf-8")
    # All at once: a class may be called <network>.
    return re.sub(f"<({'|'.join(values)})>", lambda match: str(values[match[1]]), text)


def _listed(names: tuple[str, ...]) -> str:
    return "(\n" + "".join(f"    {name!r},\n" for name in names) + ")"


def imported(path: Path) -> ModuleType:
    """The module in `path`, which `write` made, and nobody else's."""
    spec = importlib.util.spec_from_file_location(f"exported_{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    written, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        spec.loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = written
    return module


def _run(module: Any) -> Run:
    def run(images: NDArray[Any]) -> NDArray[np.float32]:
        with torch.inference_mode():
            logits: NDArray[np.float32] = module(torch.from_numpy(images)).numpy()
        return logits

    return run


def _counted(network: nn.Module, resolution: int) -> CountedCosts:
    """Counted layer by layer, by what each of them gives while an image goes through."""
    macs = 0

    def count(layer: Any, inputs: object, output: Tensor) -> None:
        nonlocal macs
        macs += output.numel() * layer.weight[0].numel()

    counted = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    hooks = [layer.register_forward_hook(count) for layer in counted]
    with torch.inference_mode():
        network(torch.zeros(1, 3, resolution, resolution))
    for hook in hooks:
        hook.remove()
    return CountedCosts(sum(parameter.numel() for parameter in network.parameters()), macs)
