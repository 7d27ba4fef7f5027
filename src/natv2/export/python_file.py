"""The format `python`: source of this one network, and its weights; it needs torch and safetensors alone."""

import importlib.util
import re
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
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
from natv2.export.python_source import network_source, stages_source
from natv2.export.simplified import simplified, whole_graph
from natv2.export.stages import stages_of, stopping_classifier, stops

_INSIDE = ("classifier", "classifier.network")  # what the network itself is in


def write(deployed: Deployable, name: str, calibration: Comparison) -> Mapping[str, bytes]:
    """The source and the weights of the network called `name`, under a name that Python can import."""
    module = re.sub(r"\W", "_", name, flags=re.ASCII)
    module = module if module.isidentifier() else f"network_{module}"
    make = _early if stops(deployed.classifier) else _plain
    text, network = make(deployed, module)
    weights = {key: tensor.detach().contiguous() for key, tensor in network.state_dict().items()}
    return {
        f"{module}.py": text.encode(),
        f"{module}.py.safetensors": save(weights),
    }


def _plain(deployed: Deployable, name: str) -> tuple[str, nn.Module]:
    """Source, and a module with the weights that it takes."""
    network = whole_graph(deployed.network, _INSIDE)
    classes, lines = network_source(network)
    more = {"own_classes": _joined(classes), "network": "\n".join(lines)}
    return filled_in("network.py.txt", deployed, name, **more), network


def _early(deployed: Deployable, name: str) -> tuple[str, nn.Module]:
    """Source of a network that stops early, and a module with the weights that it takes."""
    parts = [(simplified(stage.stages), simplified(stage.head)) for stage in stages_of(deployed)]
    classes, stages = stages_source(parts)
    more = {"own_classes": _joined(classes), "stages": stages, **leaving_source(deployed)}
    named = [nn.ModuleDict({"layers": layers, "head": head}) for layers, head in parts]
    network = nn.ModuleDict({"stages": nn.ModuleList(named)})
    return filled_in("early_network.py.txt", deployed, name, **more), network


def leaving_source(deployed: Deployable) -> Mapping[str, str]:
    """What a template needs to let images leave early: the function, and what it goes by."""
    classifier = stopping_classifier(deployed.classifier)
    return {
        "weights": repr(tuple(classifier.header.weights)),
        "thresholds": repr(classifier.stopping().thresholds),
        "leaving": filled_in("leaving.py.txt", deployed, "leave_early"),
    }


def _joined(classes: Sequence[str]) -> str:
    return "".join(f"{each}\n\n\n" for each in classes)


def opened(files: Mapping[str, bytes], deployed: Deployable) -> Opened:
    """What `write` gave, run as a module of its own."""
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            (Path(folder) / name).write_bytes(content)
        module = imported(Path(folder) / next(iter(files)))
        network = module.load()
    early = stops(deployed.classifier)

    def logits(prepared: Tensor) -> Tensor:
        found: Tensor = network(prepared)[0] if early else network(prepared)
        return found

    whole = _run(lambda images: logits(module.prepare(images)))
    return Opened(
        whole=whole,
        network=_run(logits),
        with_threads=lambda threads: whole,  # torch's own, which whoever times it sets
        costs=_counted(network, deployed.resolution, network.stages if early else (network,)),
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


def _run(logits: Callable[[Tensor], Tensor]) -> Run:
    def run(images: NDArray[Any]) -> NDArray[np.float32]:
        with torch.inference_mode():
            found: NDArray[np.float32] = logits(torch.from_numpy(images)).numpy()
        return found

    return run


def _counted(network: nn.Module, resolution: int, stages: Iterable[nn.Module]) -> CountedCosts:
    """Counted layer by layer, by what each of them gives while an image goes through all `stages`."""
    macs = 0

    def count(layer: Any, inputs: object, output: Tensor) -> None:
        nonlocal macs
        macs += output.numel() * layer.weight[0].numel()

    counted = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    hooks = [layer.register_forward_hook(count) for layer in counted]
    x = torch.zeros(1, 3, resolution, resolution)
    with torch.inference_mode():
        for stage in stages:
            found = stage(x)
            x = found[-1] if isinstance(found, tuple) else found
    for hook in hooks:
        hook.remove()
    return CountedCosts(sum(parameter.numel() for parameter in network.parameters()), macs)
