"""The format `executorch`: a .pte file for phones, on XNNPACK; images are prepared outside of it.

Beside it stand the function that prepares them, a test image, and what that function makes of it.
"""

import tempfile
from collections.abc import Mapping
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
from executorch.exir import to_edge_transform_and_lower
from executorch.runtime import Runtime
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from natv2.export.comparison import Comparison
from natv2.export.deployable import Deployable
from natv2.export.opened import Opened
from natv2.export.program_costs import program_costs
from natv2.export.python_file import filled_in, imported
from natv2.export.quiet import quiet


class _Answers(nn.Module):
    def __init__(self, network: nn.Module, temperature: float) -> None:
        super().__init__()
        self.network, self.temperature = network, temperature

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map prepared images to logits and probabilities."""
        logits: Tensor = self.network(x)
        return logits, (logits / self.temperature).softmax(dim=1)


def write(deployed: Deployable, name: str, calibration: Comparison) -> Mapping[str, bytes]:
    """The files of the network called `name`."""
    with quiet():
        lowered = to_edge_transform_and_lower(_program(deployed), partitioner=[XnnpackPartitioner()])
        content = bytes(lowered.to_executorch().buffer)
    source = filled_in("prepare.py.txt", deployed, name).encode()
    image = Image.fromarray(calibration.whole[0][0].permute(1, 2, 0).numpy())
    png, tensor = BytesIO(), BytesIO()
    image.save(png, "PNG")
    np.save(tensor, _prepare(source)(image))
    return {
        f"{name}.pte": content,
        f"{name}.prepare.py": source,
        f"{name}.test.png": png.getvalue(),
        f"{name}.test.npy": tensor.getvalue(),
    }


def opened(files: Mapping[str, bytes], deployed: Deployable) -> Opened:
    """What `write` gave, in ExecuTorch's own runtime."""
    content, source, *_ = files.values()
    method = Runtime.get().load_program(content).load_method("forward")
    prepare = _prepare(source)

    def network(prepared: NDArray[Any]) -> NDArray[np.float32]:
        # One image at a time, and each answer copied: the runtime uses its memory again.
        found = [method.execute([torch.from_numpy(prepared[i : i + 1])])[0] for i in range(len(prepared))]
        return np.concatenate([logits.numpy().copy() for logits in found])

    def whole(images: NDArray[Any]) -> NDArray[np.float32]:
        pictures = [Image.fromarray(image) for image in images.transpose(0, 2, 3, 1)]
        return network(np.concatenate([prepare(picture) for picture in pictures]))

    return Opened(
        whole=whole,
        network=network,
        with_threads=lambda threads: whole if threads is None else None,  # they cannot be set
        costs=program_costs(_program(deployed)),  # a lowered file tells no layers
        versions={"executorch": version("executorch")},
    )


def _program(deployed: Deployable) -> torch.export.ExportedProgram:
    answers = _Answers(deployed.network, deployed.classifier.header.temperature)
    return torch.export.export(answers.eval(), (deployed.example(1),))


def _prepare(source: bytes) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "prepare.py"
        path.write_bytes(source)
        return imported(path).prepare
