import numpy as np
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from natv2.export.resizing import Nodes, resized
from natv2.images.transforms import render, resize


def resizing(side: int) -> onnxruntime.InferenceSession:
    nodes = Nodes("resize")
    name = resized(nodes, "x", side)
    shape = ["n", 3, "h", "w"]
    graph = helper.make_graph(
        nodes.nodes,
        "resize",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None)],
        [numpy_helper.from_array(value, key) for key, value in nodes.constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    return onnxruntime.InferenceSession(model.SerializeToString())


@pytest.mark.parametrize("side", [1, 7, 32])
def test_it_resizes_as_training_does_and_as_torch_does(side):
    session = resizing(side)
    draws = np.random.default_rng(0)
    for size in ((32, 32), (7, 7), (33, 31), (64, 96), (5, 300), (1, 1), (2, 3), (301, 199)):
        images = draws.integers(0, 256, (2, 3, *size), dtype=np.uint8)
        found = session.run(None, {"x": images.astype(np.float32)})[0].clip(0, 255)
        pixels = torch.from_numpy(images)
        as_trained = render(pixels, None, side, (0.0,) * 3, (1 / 255,) * 3).numpy()
        assert found.shape == as_trained.shape
        assert np.abs(found - as_trained).max() < 1e-3  # of 255
        assert np.abs(found - 255 * resize(pixels, side).numpy()).max() < 1e-3
