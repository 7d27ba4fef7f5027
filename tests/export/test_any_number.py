"""A graph that was traced with one number of images is the one that was traced with a symbol for it."""

import numpy as np
import onnxruntime
import pytest
import torch
from onnx import ModelProto, parser

from natv2.export import graph as graph_module
from natv2.export.any_number import has_known_layers, opened, telling_number
from natv2.export.graph import network_graph
from tests.export.networks import deployed


def said(model: ModelProto, images: np.ndarray) -> list[np.ndarray]:
    """What it gives for `images`."""
    return onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"prepared": images})


@pytest.mark.parametrize("name", ["EE_DP_OFAMobileNetV3, 2 exits", "plain shufflenet"])
def test_it_is_the_same(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    exported, ways = deployed(name), []
    monkeypatch.setattr(graph_module, "opened", lambda *known: ways.append(opened(*known)) or ways[-1])
    quick = network_graph(exported.network, exported.example())
    assert ways == [True]  # and not traced with a symbol after all
    monkeypatch.setattr(graph_module, "has_known_layers", lambda network: False)
    with_symbol = network_graph(exported.network, exported.example())
    shape = exported.example().shape[1:]
    for count in (1, 2, 5):  # torch 2.11 writes another graph with a symbol, which computes the same
        images = np.random.default_rng(count).standard_normal((count, *shape)).astype(np.float32)
        for one, other in zip(said(quick, images), said(with_symbol, images), strict=True):
            np.testing.assert_array_equal(one, other)


class Numbered(torch.nn.Module):
    """Adds to each image its place among the others."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.flatten(1)[:, :2] + torch.arange(x.shape[0])[:, None]


def test_a_persons_own_layers_may_ask_how_many_images_there_are() -> None:
    assert not has_known_layers(torch.nn.Sequential(Numbered()))
    model = network_graph(torch.nn.Sequential(Numbered()), torch.zeros(2, 3, 4, 4))
    session = onnxruntime.InferenceSession(model.SerializeToString())
    for count in (1, 5):
        images = np.ones((count, 3, 4, 4), np.float32)
        (said,) = session.run(None, {"prepared": images})
        np.testing.assert_array_equal(said, 1 + np.arange(count)[:, None] + np.zeros((count, 2)))


def test_known_layers_that_hold_the_number_are_traced_with_a_symbol(monkeypatch: pytest.MonkeyPatch) -> None:
    """Were a library's layer to ask too, the graph would show it."""
    monkeypatch.setattr(graph_module, "has_known_layers", lambda network: True)
    model = network_graph(torch.nn.Sequential(Numbered()), torch.zeros(2, 3, 4, 4))
    session = onnxruntime.InferenceSession(model.SerializeToString())
    (said,) = session.run(None, {"prepared": np.zeros((5, 3, 4, 4), np.float32)})
    np.testing.assert_array_equal(said[:, 0], np.arange(5))


@pytest.mark.parametrize("count", [1, 5])
def test_attention_makes_images_times_heads(count: int) -> None:
    """Of torch's own layers, whose graph has a multiple of the number alone."""
    torch.manual_seed(0)
    layer = torch.nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).eval()
    model = network_graph(torch.nn.Sequential(layer), torch.zeros(2, 6, 8))
    x = torch.randn(count, 6, 8)
    (said,) = onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"prepared": x.numpy()})
    with torch.no_grad():
        np.testing.assert_allclose(said, layer(x).numpy(), atol=1e-5)


def test_layers_that_were_traced_may_be_anybodys() -> None:
    assert not has_known_layers(torch.fx.symbolic_trace(torch.nn.Sequential(torch.nn.ReLU())))


def test_the_number_divides_no_size_of_the_network() -> None:
    layers = torch.nn.Sequential(torch.nn.Linear(202, 103), torch.nn.Linear(103, 321))
    assert telling_number(layers, (2, 109)) == 113
    assert telling_number(torch.nn.Linear(2, 3), (2, 3)) == 101


def model(body: str, takes: str = "31, 4, 2", gives: str = "31, 8", constants: str = "") -> ModelProto:
    return parser.parse_model(
        f'<ir_version: 10, opset_import: ["": 18]> g (float[{takes}] x) => (float[{gives}] y) '
        f"<{constants}> {{ {body} }}"
    )


RESHAPE = "y = Reshape(x, s)"


def test_what_a_reshape_leaves_is_the_number() -> None:
    found = model(RESHAPE, constants="int64[2] s = {31, 8}")
    assert opened(found, 31)
    assert list(found.graph.initializer[0].dims) == [2]
    session = onnxruntime.InferenceSession(found.SerializeToString())
    assert session.run(None, {"x": np.zeros((3, 4, 2), np.float32)})[0].shape == (3, 8)
    constant = model("s = Constant <value = int64[2] {31, 8}> () y = Reshape(x, s)")
    assert opened(constant, 31)


@pytest.mark.parametrize(
    ("body", "known"),
    [
        ("y = Expand(x, s)", {"constants": "int64[2] s = {31, 8}"}),
        (RESHAPE, {"constants": "int64[2] s = {62, 4}"}),
        (RESHAPE, {"constants": "int64[3] s = {31, 62, 8}"}),
        ("y = Transpose <perm = [62, 0]> (x)", {}),
        (RESHAPE, {"constants": "int64[2] s = {8, 31}", "gives": "31, 8"}),
        (RESHAPE, {"constants": "int64[3] s = {31, 31, 8}"}),
        (RESHAPE, {"constants": "int64[2] s = {31, -1}"}),
        (RESHAPE, {"constants": "int64[2] s = {31, 0}"}),
        ("z = Reshape(x, s) y = Expand(z, s)", {"constants": "int64[2] s = {31, 8}"}),
        (f"c = Constant <value = float[31] {{{', '.join(31 * '0')}}}> () y = Add(x, c)", {}),
        ("y = ReduceSum <keepdims = 31> (x)", {}),
        ("y = Split <num_outputs = 31> (x)", {}),
        ("y = Transpose <perm = [31, 0]> (x)", {}),
        ("y = If (x) <then_branch = a () => (float q) { q = Constant() }, else_branch = b () => (float r) "
         "{ r = Constant() }>", {}),
        ("y = Relu(x)", {"gives": "4, 8"}),
        ("y = Relu(x)", {"takes": "n, 8"}),
    ],
)  # fmt: skip
def test_what_may_depend_on_the_number_is_left_as_it_is(body: str, known: dict[str, str]) -> None:
    found = model(body, **known)
    before = found.SerializeToString()
    assert not opened(found, 31)
    assert found.SerializeToString() == before
