"""Plain networks by their names: built, counted, saved and loaded."""

import sys

import pytest
import torch
from torch import nn

from natv2 import load_network
from natv2.baselines.names import BUILT
from natv2.baselines.plain import PlainClassifier, PlainHeader, plain_costs, plain_latencies, plain_network
from natv2.baselines.resnet import resnet20
from natv2.costs.config import BatchLatencyConfig
from natv2.errors import UserError
from tests.hooks import costs_by_hooks
from tests.tiny import images_of

NAMES = tuple("abcde")


def header(network: str, resolution: int = 32) -> PlainHeader:
    return PlainHeader(
        network=network,
        resolution=resolution,
        class_names=NAMES,
        mean=(0.5, 0.4, 0.3),
        std=(0.2, 0.25, 0.3),
        record={"kind": "plain"},
    )


def own(classes: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, stride=4), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, classes)
    )


@pytest.mark.parametrize("name", BUILT)
def test_every_name_is_built_counted_saved_and_loaded(name, tmp_path):
    if BUILT[name].library == "timm":
        pytest.importorskip("timm")
    generator = torch.get_rng_state()
    classifier = PlainClassifier.new(header(name), 3).eval()
    assert torch.equal(torch.get_rng_state(), generator)
    assert plain_costs(name, len(NAMES), 32) == costs_by_hooks(classifier.network, 32)
    path = tmp_path / "network.safetensors"
    classifier.stored().write(path)
    loaded = load_network(path)
    assert isinstance(loaded, PlainClassifier)
    assert (loaded.class_names, loaded.resolution, loaded.header) == (NAMES, 32, classifier.header)
    images = torch.randint(0, 256, (2, 3, 40, 36), dtype=torch.uint8)
    logits = loaded(images)
    assert logits.shape == (2, len(NAMES)) and torch.equal(logits, classifier(images))


@pytest.mark.parametrize("name", BUILT)
def test_norms_follow_the_images_within_a_short_schedule(name):
    """At torchvision's 0.01 a MobileNetV3's are still a sixth of what they began with after 188 steps."""
    if BUILT[name].library == "timm":
        pytest.importorskip("timm")
    with torch.device("meta"):
        network = plain_network(name, 5)
    norms = [each for each in network.modules() if isinstance(each, nn.BatchNorm2d)]
    assert norms and all(each.momentum == 0.1 for each in norms)


def test_weights_are_those_of_the_seed():
    name = "resnet20_050"
    one, again, other = (PlainClassifier.new(header(name), seed).network for seed in (1, 1, 2))
    pairs = [
        (a, b, c) for (a, b, c) in zip(*(n.state_dict().values() for n in (one, again, other)), strict=True)
    ]
    assert all(torch.equal(a, b) for a, b, _ in pairs)
    assert any(not torch.equal(a, c) for a, _, c in pairs)


def test_resnet_20_is_that_of_the_paper():
    """0.27 million parameters (table 6 of the paper), 20 weighted layers."""
    network = resnet20(10)
    assert sum(each.numel() for each in network.parameters()) == 269_722
    layers = [each for each in network.modules() if isinstance(each, nn.Conv2d | nn.Linear)]
    assert len(layers) == 20
    assert [each.stride for each in layers[:-1]].count((2, 2)) == 2
    assert plain_costs("resnet20_100", 10, 32).macs == costs_by_hooks(network.eval(), 32)[1] == 40_551_040


def test_a_residual_block_adds_its_strided_and_padded_input():
    block = resnet20(10)[6].eval()  # the first of the second stage
    x = images_of(2, 16, 8, 8)
    expected = block.body(x)
    for n in range(2):
        for channel in range(16):
            for row in range(4):
                for column in range(4):
                    expected[n, channel, row, column] += x[n, channel, 2 * row, 2 * column]
    assert torch.allclose(block(x), expected.clamp(min=0), atol=1e-6)


def test_a_library_that_is_not_there_is_one_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(UserError, match=r"lcnet_050 is timm's: pip install 'natv2\[baselines\]'"):
        plain_network("lcnet_050", 5)


def test_a_person_s_own_network_needs_its_function_and_a_file_imports_nothing(tmp_path, monkeypatch):
    (tmp_path / "own_plain.py").write_text("raise SystemExit('imported')\n")
    monkeypatch.syspath_prepend(tmp_path)
    classifier = PlainClassifier.new(header("own_plain:build", 16), 0, own).eval()
    path = tmp_path / "network.safetensors"
    classifier.stored().write(path)
    with pytest.raises(
        UserError, match=r"'own_plain:build' is not one of natv2's.*load_network\(path, build\)"
    ) as e:
        load_network(path)
    assert "own_plain" not in sys.modules and "\n" not in e.value.message
    images = torch.randint(0, 256, (2, 3, 16, 16), dtype=torch.uint8)
    assert torch.equal(load_network(path, own)(images), classifier(images))
    with pytest.raises(UserError, match="weights are not those of its network"):
        load_network(path, lambda classes: nn.Linear(3, classes))
    assert plain_costs("own_plain:build", 5, 16, own) == costs_by_hooks(own(5), 16)


class Odd(nn.Module):
    """A network of one parameter that does `what` with images."""

    def __init__(self, what) -> None:
        super().__init__()
        self.weight, self.what = nn.Parameter(torch.ones(1)), what

    def forward(self, x):
        return self.what(x)


def fail(x):
    assert x.shape[-1] == 224, "only\n224"


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda classes: own(classes + 1), "does not give one output for each of 5 classes"),
        (lambda classes: Odd(lambda x: (x, x)), "does not give one output for each of 5 classes"),
        (lambda classes: Odd(fail), "mine takes no images of 16 px: .*only 224"),
        (lambda classes: nn.Conv2d(4, classes, 1), "mine takes no images of 16 px"),
        (lambda classes: nn.Flatten(), "mine takes no images of 16 px: StopIteration"),  # it has no weights
        (lambda classes: 5, "gave a int for 5 classes"),
        (lambda: own(5), "failed for 5 classes"),
    ],
)
def test_own_networks_that_will_not_do_are_told_in_one_sentence(build, said):
    with pytest.raises(UserError, match=said) as error:
        plain_costs("mine", 5, 16, build)
    assert "\n" not in error.value.message


def test_latencies_are_told_in_the_order_of_the_names():
    config = BatchLatencyConfig.model_validate(
        {"warm_up": 0, "repetitions": 1, "force": True, "batch": 2, "threads": None}
    )
    taken = plain_latencies(["resnet20_050", "resnet20_100"], {}, 5, 16, config, "cpu")
    assert len(taken) == 2 and all(each > 0 for each in taken)
