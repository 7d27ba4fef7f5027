"""A written file, opened in the runtime that it is for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnx import ModelProto

from natv2.costs.count import CountedCosts
from natv2.export.graph_costs import graph_costs, network_of

Run = Callable[[NDArray[Any]], NDArray[np.float32]]
"""Maps images to logits (N, classes)."""

BATCH = 64
"""Images that go through a runtime at once."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Opened:
    """`whole` takes uint8 images (N, 3, H, W), `network` what is made of them: float32 (N, 3, R, R).

    `with_threads` is `whole` anew with so many threads, None: as many as the runtime takes; it gives None
    where they cannot be set. `costs` are
    counted from the file; `versions` are the runtime's; `note` is how it was made, where that may differ.
    """

    whole: Run
    network: Run
    with_threads: Callable[[int | None], Run | None]
    costs: CountedCosts
    versions: Mapping[str, str]
    note: str = ""


def open_onnx(content: bytes, resolution: int, note: str = "") -> Opened:
    """The ONNX file `content`, in onnxruntime on the CPU; `note` names metadata that people want to know."""
    model = ModelProto.FromString(content)
    network = network_of(model, resolution)

    def with_threads(threads: int | None) -> Run:
        return _logits(session(content, threads))

    return Opened(
        whole=with_threads(None),
        network=run_network(network),
        with_threads=with_threads,
        costs=graph_costs(network),
        versions=runtime_versions(),
        note=note_of(model, note),
    )


def note_of(model: ModelProto, note: str) -> str:
    """What the metadata of `model` say under that name; nothing where they do not have it."""
    return "".join(entry.value for entry in model.metadata_props if entry.key == note)


def run_network(network: ModelProto) -> Run:
    """What maps prepared images to logits in onnxruntime, by a graph of that."""
    return _logits(session(network.SerializeToString(), None))


def runtime_versions() -> Mapping[str, str]:
    """Of onnxruntime."""
    return {"onnxruntime": onnxruntime.__version__}


def session(content: bytes, threads: int | None) -> onnxruntime.InferenceSession:
    """An ONNX file, ready to run on the CPU."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors
    options.intra_op_num_threads = threads or 0
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def outputs(session: onnxruntime.InferenceSession, images: NDArray[Any]) -> list[NDArray[np.float32]]:
    """All that `session` gives for `images`, its one input, in batches."""
    taken = session.get_inputs()[0].name
    starts = range(0, len(images), BATCH)
    parts = [session.run(None, {taken: images[start : start + BATCH]}) for start in starts]
    return [np.concatenate(each) for each in zip(*parts, strict=True)]


def _logits(session: onnxruntime.InferenceSession) -> Run:
    return lambda images: outputs(session, images)[0]
