"""A network that stops early, as ONNX files: one up to each exit, and a runner that stops."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from onnx import ModelProto

from natv2.costs.count import CountedCosts
from natv2.export.deployable import Deployable
from natv2.export.graph import LOGITS, PREPARED, network_graph
from natv2.export.graph_costs import graph_costs, network_of
from natv2.export.opened import Opened, Run, note_of, outputs, runtime_versions, session
from natv2.export.preparation import NO_NOTES, as_file, with_preparation
from natv2.export.python_file import filled_in, imported
from natv2.export.stage_files import runner_file, stage_file
from natv2.export.stages import left_early, stage_notes, stages_of

FEATURES, PASSED_ON = "features", "passed_on"
"""What a stage takes of the one before, and what it gives to the one after."""


def stage_graphs(deployed: Deployable) -> list[ModelProto]:
    """The graph up to each exit, from the one before; the first takes prepared images."""
    x, graphs = deployed.example(), list[ModelProto]()
    for stage in stages_of(deployed):
        gives = [LOGITS] if stage.is_last else [LOGITS, PASSED_ON]
        graphs.append(network_graph(stage, x, FEATURES if graphs else PREPARED, gives))
        with torch.no_grad():
            x = stage.stages(x)
    return graphs


def write_stages(
    deployed: Deployable,
    name: str,
    suffix: str,
    graphs: Sequence[ModelProto],
    notes: Mapping[str, str] = NO_NOTES,
) -> Mapping[str, bytes]:
    """The runner and the stages of the network called `name`, its `graphs` with `notes` in their metadata."""
    classifier = deployed.classifier
    source = filled_in("run.py.txt", deployed, name, suffix=suffix, stages=str(len(graphs)))
    files = {runner_file(name, suffix): source.encode()}
    for number, (graph, own) in enumerate(zip(graphs, stage_notes(deployed), strict=True), start=1):
        whole = with_preparation(graph, classifier) if number == 1 else graph
        model = as_file(whole, classifier, {**own, **notes})
        files[stage_file(name, number, suffix)] = model.SerializeToString(deterministic=True)
    return files


def open_stages(files: Mapping[str, bytes], deployed: Deployable, note: str = "") -> Opened:
    """What `write_stages` gave, in onnxruntime: its runner, and each stage by itself."""
    models = [ModelProto.FromString(content) for name, content in files.items() if name.endswith(".onnx")]
    gives = [value.name for value in models[0].graph.output]
    networks = [network_of(models[0], deployed.resolution, gives), *models[1:]]
    costs = [graph_costs(network) for network in networks]
    return Opened(
        whole=_runner(files, 0),
        network=run_stages(networks, deployed),
        with_threads=lambda threads: _runner(files, threads or 0),
        costs=CountedCosts(sum(cost.params for cost in costs), sum(cost.macs for cost in costs)),
        versions=runtime_versions(),
        note=note_of(models[0], note),
    )


def run_stages(graphs: Sequence[ModelProto], deployed: Deployable) -> Run:
    """What maps prepared images to the logits that they leave with: all exits first, then the thresholds."""

    def run(prepared: NDArray[Any]) -> NDArray[np.float32]:
        logits = [torch.from_numpy(said) for _, said in through_stages(graphs, prepared)]
        return left_early(deployed, logits)

    return run


def through_stages(
    graphs: Sequence[ModelProto], prepared: NDArray[Any]
) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """What each stage takes of prepared images, and the logits that its head gives."""
    found, x = [], prepared
    for graph in graphs:
        logits, *features = outputs(session(graph.SerializeToString(), None), x)
        found.append((x, logits))
        x = features[0] if features else x
    return found


def _runner(files: Mapping[str, bytes], threads: int) -> Run:
    """The runner that people get, one image after the other."""
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            (Path(folder) / name).write_bytes(content)
        network = imported(Path(folder) / next(iter(files))).Network(threads)

    def run(images: NDArray[Any]) -> NDArray[np.float32]:
        return np.stack([network(image)[0] for image in images.transpose(0, 2, 3, 1)])

    return run
