"""A network that stops early, as ONNX files: one up to each exit, and a runner that stops."""

import json
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from onnx import ModelProto
from torch import Tensor, nn

from natv2.aep.classifier import MultiExitClassifier
from natv2.costs.count import CountedCosts
from natv2.exits.leaving import stopped
from natv2.export.deployable import Deployable
from natv2.export.graph import LOGITS, PREPARED, network_graph
from natv2.export.graph_costs import graph_costs, network_of
from natv2.export.opened import Opened, Run, outputs, runtime_versions, session
from natv2.export.preparation import as_file, with_preparation
from natv2.export.python_file import filled_in, imported
from natv2.finished_network import Classifier

FEATURES, PASSED_ON = "features", "passed_on"
"""What a stage takes of the one before, and what it gives to the one after."""

Convert = Callable[[ModelProto], ModelProto]


def stops(classifier: Classifier) -> bool:
    """Whether images leave `classifier` early."""
    return isinstance(classifier, MultiExitClassifier) and classifier.header.thresholds is not None


def stopping_classifier(classifier: Classifier) -> MultiExitClassifier:
    """`classifier`, of which it is known that it stops."""
    assert isinstance(classifier, MultiExitClassifier)
    return classifier


class Stage(nn.Module):
    """The stages of a network up to an exit, from the one before it, and its head."""

    def __init__(self, stages: Sequence[nn.Module], head: nn.Module, *, is_last: bool) -> None:
        super().__init__()
        self.stages, self.head, self.is_last = nn.Sequential(*stages), head, is_last

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Map what comes in to logits and, unless it is the last, features."""
        x = self.stages(x)
        return (self.head(x),) if self.is_last else (self.head(x), x)


def write_stages(deployed: Deployable, name: str, suffix: str, convert: Convert) -> Mapping[str, bytes]:
    """The runner and the stages of the network called `name`, each graph after `convert`."""
    classifier = stopping_classifier(deployed.classifier)
    weights, thresholds = classifier.header.weights, classifier.stopping().thresholds
    module = re.sub(r"\W", "_", name, flags=re.ASCII)
    graphs = list(_graphs(deployed))
    source = filled_in("run.py.txt", deployed, name, suffix=suffix, stages=str(len(graphs)))
    kind = suffix.removesuffix(".onnx").replace(".", "_")
    files = {f"run_{module}{kind}.py": source.encode()}
    for number, (graph, weight, threshold) in enumerate(
        zip(graphs, weights, thresholds, strict=True), start=1
    ):
        notes = {"exit": str(number), "weight": json.dumps(weight), "threshold": json.dumps(threshold)}
        graph = convert(graph)
        model = as_file(graph if number > 1 else with_preparation(graph, classifier), classifier, notes)
        files[f"{name}.stage_{number}{suffix}"] = model.SerializeToString(deterministic=True)
    return files


def open_stages(files: Mapping[str, bytes], deployed: Deployable) -> Opened:
    """What `write_stages` gave, in onnxruntime: its runner, and each stage by itself."""
    models = [ModelProto.FromString(content) for name, content in files.items() if name.endswith(".onnx")]
    first = network_of(models[0], deployed.resolution, _given(models[0]))
    networks = [first, *models[1:]]
    costs = [graph_costs(network) for network in networks]
    return Opened(
        whole=_runner(files, 0),
        network=_every_exit(networks, deployed),
        with_threads=lambda threads: _runner(files, threads or 0),
        costs=CountedCosts(sum(cost.params for cost in costs), sum(cost.macs for cost in costs)),
        versions=runtime_versions(),
    )


def _graphs(deployed: Deployable) -> Iterator[ModelProto]:
    """The graph up to each exit, from the one before."""
    network = stopping_classifier(deployed.network.classifier).network
    x = deployed.example()
    for start, end in pairwise((0, *network.exits)):
        is_last = end == network.exits[-1]
        stage = Stage(list(network.stages)[start:end], network.heads[str(end)], is_last=is_last)
        gives = [LOGITS] if is_last else [LOGITS, PASSED_ON]
        yield network_graph(stage.eval(), x, PREPARED if start == 0 else FEATURES, gives)
        with torch.no_grad():
            x = stage.stages(x)


def _given(model: ModelProto) -> list[str]:
    return [value.name for value in model.graph.output]


def _every_exit(networks: Sequence[ModelProto], deployed: Deployable) -> Run:
    """What maps prepared images to the logits that they leave with: all exits first, then the thresholds."""
    classifier = stopping_classifier(deployed.classifier)
    header, stopping = classifier.header, classifier.stopping()
    sessions = [session(network.SerializeToString(), None) for network in networks]

    def run(prepared: NDArray[Any]) -> NDArray[np.float32]:
        logits, x = [], prepared
        for each in sessions:
            said, *features = outputs(each, x)
            logits.append(torch.from_numpy(said))
            x = features[0] if features else x
        left, _ = stopped(torch.stack(logits), header.weights, stopping)
        found: NDArray[np.float32] = left.numpy()
        return found

    return run


def _runner(files: Mapping[str, bytes], threads: int) -> Run:
    """The runner that people get, one image after the other."""
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            (Path(folder) / name).write_bytes(content)
        network = imported(Path(folder) / next(iter(files))).Network(threads)

    def run(images: NDArray[Any]) -> NDArray[np.float32]:
        return np.stack([network(image)[0] for image in images.transpose(0, 2, 3, 1)])

    return run
