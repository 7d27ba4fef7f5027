from urllib.error import URLError

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import dropout
from torchvision.models import get_model

from natv2.aep.costs import mac_costs, parameter_costs
from natv2.aep.network.backbones import multi_exit_network
from natv2.aep.network.exit_finding import find_exits
from natv2.aep.network.multi_exit import with_exits
from natv2.aep.network.names import BACKBONES
from natv2.errors import UserError
from tests.aep.tiny import NAMES, TinyNetwork, tiny

OTHERS = ("resnet18", "mobilenet_v2", "convnext_tiny", "regnet_y_400mf", "shufflenet_v2_x0_5", "swin_t")
RESOLUTION = 64
CHANNELS = {  # facts, section 6
    "resnet50": (256, 512, 1024, 2048),
    "vgg16": (128, 256, 512, 512),
    "vgg16_full": (64, 128, 256, 512, 512),
    "densenet169": (128, 256, 640, 1664),
    "mobilenet_v3_small": (24, 40, 48, 96),
    "mobilenet_v3_small_full": (16, 24, 40, 48, 96),
    "efficientnet_b5": (40, 128, 176, 512),
    "efficientnet_b5_full": (24, 40, 64, 128, 176, 304, 512),
}


def images(count: int = 2) -> Tensor:
    return torch.randn(count, 3, RESOLUTION, RESOLUTION, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", [*BACKBONES, *OTHERS])
@torch.inference_mode()
def test_the_last_exit_is_torchvisions_network(name):
    model = BACKBONES[name].model if name in BACKBONES else name
    torch.manual_seed(0)
    network, names = multi_exit_network(name, 7, resolution=RESOLUTION)
    torch.manual_seed(0)
    theirs = get_model(model, num_classes=7)
    if model == "vgg16":  # its end is pooling and a linear layer here
        theirs.avgpool, theirs.classifier = (
            nn.AdaptiveAvgPool2d(1),
            network.heads["4"].classifier if (len(names) == 4) else network.heads["5"].classifier,
        )
    logits = network.eval()(images())
    assert torch.equal(logits[-1], theirs.eval()(images()))
    assert {output.shape for output in logits} == {(2, 7)}
    assert network.exits == tuple(range(1, len(names) + 1))
    x = images()
    if name in CHANNELS:
        found = []
        for stage in network.stages:
            x = stage(x)
            found.append(x.shape[1])
        assert tuple(found) == CHANNELS[name]


@torch.inference_mode()
def test_heads_are_copies_of_the_networks_own_in_proportion():
    """Facts, section 6: MobileNetV3-Small's c -> 6c and 576 -> 1024 rescaled, EfficientNet's c -> 4c."""
    network, _ = multi_exit_network("mobilenet_v3_small", 10, resolution=RESOLUTION)
    for number, channels in zip(network.exits, CHANNELS["mobilenet_v3_small"], strict=True):
        head = network.heads[str(number)]
        (convolution,) = (m for m in head.modules() if isinstance(m, nn.Conv2d))
        hidden, last = (m for m in head.modules() if isinstance(m, nn.Linear))
        assert (convolution.in_channels, convolution.out_channels) == (channels, 6 * channels)
        assert (hidden.in_features, hidden.out_features) == (6 * channels, round(1024 * channels / 96))
        assert last.out_features == 10
        assert [m.p for m in head.modules() if isinstance(m, nn.Dropout)] == [0.2]
    network, _ = multi_exit_network("efficientnet_b5", 10, resolution=RESOLUTION)
    for number, channels in zip(network.exits, CHANNELS["efficientnet_b5"], strict=True):
        (convolution,) = (m for m in network.heads[str(number)].modules() if isinstance(m, nn.Conv2d))
        assert (convolution.in_channels, convolution.out_channels) == (channels, 4 * channels)
        assert [m.p for m in network.heads[str(number)].modules() if isinstance(m, nn.Dropout)] == [0.4]
    network, _ = multi_exit_network("densenet169", 10, resolution=RESOLUTION)
    x = network.stages[0](images())
    (linear,) = (m for m in network.heads["1"].modules() if isinstance(m, nn.Linear))
    by_hand = linear(torch.relu(x).mean(dim=(2, 3)))
    assert torch.allclose(network.heads["1"](x), by_hand, atol=1e-6)


@pytest.mark.parametrize(("name", "resolution"), [("mobilenet_v3_small", 224), ("resnet50", 224)])
def test_costs_are_those_that_torchvision_states(name, resolution):
    """Its weights' metadata count the network as it is for ImageNet: ours with its last exit alone."""
    from torchvision.models import get_model_weights

    meta = get_model_weights(name).IMAGENET1K_V1.meta
    network, _ = multi_exit_network(name, 1000, resolution=resolution)
    alone = network.exits[-1:]
    assert parameter_costs(network).of(alone) == meta["num_params"]
    assert mac_costs(network, resolution).of(alone) / 1e9 == pytest.approx(meta["_ops"], abs=1e-3)


@pytest.mark.parametrize("kept", [(1,), (4,), (1, 3), (2, 4), (1, 2, 3, 4)])
def test_a_cut_network_is_what_is_left_of_it(kept):
    network = tiny().eval()
    cut = network.keep(kept)
    x = torch.randn(5, 3, 16, 16)
    whole = network(x)
    assert cut.exits == kept
    assert all(torch.equal(a, whole[exit - 1]) for a, exit in zip(cut(x), kept, strict=True))
    places = {name.split(".")[0] + name.split(".")[1] for name in cut.state_dict()}
    wanted = {f"stages{i}" for i in range(kept[-1])} | {f"heads{exit}" for exit in kept}
    assert places == wanted
    # What its parts cost is what counting the cut network gives.
    assert parameter_costs(network).of(kept) == sum(p.numel() for p in cut.parameters())
    assert mac_costs(network, 16).of(kept) == mac_costs(cut, 16).of(kept)


def test_heads_and_stages_do_not_overwrite_what_the_other_needs():
    """An exit between a convolution and a ReLU in place: its head needs what the ReLU would overwrite."""

    class Plain(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Conv2d(3, 4, 3)
            self.rest = nn.Sequential(nn.ReLU(inplace=True), nn.Conv2d(4, 8, 3))
            self.head = nn.Sequential(
                nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3)
            )

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.rest(self.first(x)))

    module = Plain()
    x = torch.randn(2, 3, 12, 12)
    expected = module(x).detach()
    network = with_exits(module, ("first", "rest"), 12)
    first, last = network(x)
    assert torch.equal(last, expected)
    (first.sum() + last.sum()).backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


def test_a_head_that_cannot_be_copied_becomes_pooling_and_a_linear_layer():
    class Flat(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two = nn.Conv2d(3, 4, 3, 2, 1), nn.Conv2d(4, 8, 3, 2, 1)
            self.last = nn.Linear(8 * 16, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.last(self.two(torch.relu(self.one(x))).flatten(1))

    network = with_exits(Flat(), ("one", "two"), 16)
    assert [output.shape for output in network(torch.randn(2, 3, 16, 16))] == [(2, 3), (2, 3)]
    assert sum(p.numel() for p in network.heads["1"].parameters()) == 4 * 3 + 3


def test_names_follow_the_order_of_the_forward_pass():
    shuffled = with_exits(TinyNetwork(), NAMES[::-1], 16)
    assert [output.shape for output in shuffled(torch.zeros(2, 3, 16, 16))] == [(2, 4)] * 4


def test_what_cannot_be_given_exits_is_refused_by_name():
    with pytest.raises(
        UserError, match=r"unknown exit 'blocks.9'.*did you mean blocks\.\d.*known modules: b"
    ):
        with_exits(TinyNetwork(), ("blocks.0", "blocks.9"), 16)
    with pytest.raises(UserError, match="two of them are after the same operation"):
        with_exits(TinyNetwork(), ("blocks.0", "blocks.0.2"), 16)

    class Skips(TinyNetwork):
        def forward(self, x: Tensor) -> Tensor:
            y = self.blocks[1](self.blocks[0](x))
            z = self.blocks[2](y)
            return self.head(torch.flatten(self.pool(self.blocks[3](z + y.mean())), 1))

    with pytest.raises(UserError, match=r"cannot follow blocks.*uses .* too"):
        with_exits(Skips(), ("blocks.0", "blocks.2", "blocks.3"), 16)

    class Asks(TinyNetwork):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x if x.sum() > 0 else -x)

    with pytest.raises(UserError, match="Asks: its forward pass cannot be traced"):
        with_exits(Asks(), NAMES, 16)

    class Drops(TinyNetwork):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(dropout(x, 0.5, self.training))

    with pytest.raises(UserError, match="differs between training and evaluation"):
        with_exits(Drops(), NAMES, 16)
    with pytest.raises(UserError, match=r"exits \[5\]: some of \[1, 2, 3, 4\]"):
        tiny().keep((5,))


def test_a_network_of_ones_own_is_imported_by_its_name():
    network, names = multi_exit_network("tests.aep.tiny:TinyNetwork", 4, resolution=16, exits=NAMES)
    assert (network.exits, names) == ((1, 2, 3, 4), NAMES)
    for name in ("tests.aep.tiny:Nothing", "no.such:thing", ":x"):
        with pytest.raises(UserError, match="module:function is needed"):
            multi_exit_network(name, 4, resolution=16, exits=NAMES)
    with pytest.raises(UserError, match=r"its blocks cannot be found; name the modules .*blocks\.0"):
        multi_exit_network("tests.aep.tiny:TinyNetwork", 4, resolution=16)


def test_exits_found_in_a_plain_row_of_layers_follow_its_poolings():
    module = get_model("vgg16", num_classes=5)
    assert find_exits(module, 4, RESOLUTION) == BACKBONES["vgg16"].exits
    assert find_exits(module, 5, RESOLUTION) == BACKBONES["vgg16_full"].exits


FOUND = {
    "resnet18": "layer1.1 layer2.1 layer3.1 layer4.1",
    "mobilenet_v2": "features.3 features.6 features.13 features.17",
    "convnext_tiny": "features.1.2 features.3.2 features.5.8 features.7.2",
    "regnet_y_400mf": " ".join(
        f"trunk_output.block{stage}.block{stage}-{last}" for stage, last in ((1, 0), (2, 2), (3, 5), (4, 5))
    ),
    "shufflenet_v2_x0_5": "stage2.3 stage3.7 stage4.3",
    "swin_t": "features.1.1 features.3.1 features.5.5 features.7.1",
    "efficientnet_v2_s": "features.2.3 features.3.3 features.5.8 features.6.14",  # two types of blocks
}


@pytest.mark.parametrize("name", FOUND)
def test_exits_found_follow_the_last_block_at_each_of_the_smallest_sizes(name):
    assert find_exits(get_model(name, num_classes=5), 4, RESOLUTION) == tuple(FOUND[name].split())


@pytest.mark.filterwarnings("ignore:The default weight initialization:FutureWarning")
@pytest.mark.parametrize("name", ["googlenet", "inception_v3"])
def test_a_network_of_other_outputs_in_training_is_refused(name, monkeypatch):
    import natv2.aep.network.backbones as backbones

    model = get_model(name, num_classes=1000, init_weights=False)
    model.aux_logits = False  # torchvision's trained ones have no auxiliary classifiers
    model.aux1 = model.aux2 = model.AuxLogits = None
    monkeypatch.setattr(backbones, "_imagenet", lambda _: model)
    for pretrained in (False, True):
        with pytest.raises(
            UserError, match=r"differs between training and evaluation .*cannot be given exits"
        ):
            multi_exit_network(name, 10, resolution=96, pretrained=pretrained)


def test_images_that_are_too_small_are_told_in_one_message():
    with pytest.raises(UserError, match=r"images of 32 pixels do not go through AlexNet: .*$") as raised:
        multi_exit_network("alexnet", 5, resolution=32)
    assert "\n" not in str(raised.value)


def test_pretrained_weights_are_taken_and_the_classifier_is_not(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    from torchvision.models import get_model_weights

    url = get_model_weights("mobilenet_v3_small").IMAGENET1K_V1.url
    torch.manual_seed(3)
    theirs = get_model("mobilenet_v3_small")
    (tmp_path / "checkpoints").mkdir()
    torch.save(theirs.state_dict(), tmp_path / "checkpoints" / url.rsplit("/", 1)[1])
    network, _ = multi_exit_network("mobilenet_v3_small", 10, resolution=RESOLUTION, pretrained=True)
    assert torch.equal(network.stages[0].features.get_submodule("0.0").weight, theirs.features[0][0].weight)
    assert torch.equal(network.heads["4"].classifier.get_submodule("0").weight, theirs.classifier[0].weight)
    assert network.heads["4"].classifier.get_submodule("3").out_features == 10


def test_pretrained_weights_that_cannot_be_had_say_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))

    def away(*_: object, **__: object) -> None:
        raise URLError("no network")

    monkeypatch.setattr("torch.hub.urlopen", away)
    with pytest.raises(
        UserError, match=r"pretrained weights of resnet50 cannot be had.*https://.*scenario=train"
    ):
        multi_exit_network("resnet50", 10, resolution=RESOLUTION, pretrained=True)
