"""What people's own networks may look like, and what they are told where one is mistaken."""

import pytest
import torch
from torch import Tensor, nn

from natv2.aep.network.backbones import multi_exit_network
from natv2.aep.network.heads import PooledHead
from natv2.aep.network.multi_exit import with_exits
from natv2.errors import UserError


class Own(nn.Module):
    """A network of two convolutions, of whatever `tail` they have."""

    def __init__(self, tail: nn.Module) -> None:
        super().__init__()
        self.one, self.two, self.tail = nn.Conv2d(3, 12, 3, 2, 1), nn.Conv2d(12, 32, 3, 2, 1), tail

    def forward(self, x: Tensor) -> Tensor:
        return self.tail(self.two(self.one(x)))


def test_a_last_exit_behind_the_classifier_is_refused_by_name():
    own = Own(nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 3)))
    with pytest.raises(UserError, match=r"exit 'tail' .*before the network's classifier"):
        with_exits(own, ("tail", "one", "two"), 16)
    with pytest.raises(UserError, match=r"exit 'fc' .*before the network's classifier"):
        multi_exit_network("resnet18", 5, resolution=32, exits=("layer1", "layer4", "fc"))


@pytest.mark.parametrize("groups", [8, 32])
def test_last_layers_whose_groups_do_not_divide_the_channels_become_pooling_and_a_linear_layer(groups):
    grouped = nn.Conv2d(32, 32, 3, padding=1, groups=groups)
    own = Own(nn.Sequential(grouped, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 3)))
    network = with_exits(own, ("one", "two"), 16)
    assert [output.shape for output in network(torch.zeros(2, 3, 16, 16))] == [(2, 3), (2, 3)]
    assert isinstance(network.heads["1"], PooledHead) == (groups == 8)


def test_a_copy_that_gives_logits_for_each_position_does_not_fit():
    """Behind 32 x 32 x 32 features a linear layer of 32 inputs runs, over their rows."""
    own = nn.Sequential()
    own.add_module("one", nn.Conv2d(3, 32, 1))
    own.add_module("two", nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()))
    own.add_module("last", nn.Linear(32, 3))
    network = with_exits(own, ("one", "two"), 32)
    assert [output.shape for output in network(torch.zeros(2, 3, 32, 32))] == [(2, 3), (2, 3)]


class Overwriting(nn.Module):
    """A block that overwrites its input."""

    def __init__(self, inputs: int, outputs: int, by_method: bool) -> None:
        super().__init__()
        self.relu, self.conv = nn.ReLU(inplace=True), nn.Conv2d(inputs, outputs, 3, 2, 1)
        self.by_method = by_method

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x.relu_() if self.by_method else self.relu(x))


@pytest.mark.parametrize("by_method", [False, True])
@pytest.mark.parametrize("in_tail", [False, True])
def test_blocks_and_heads_that_overwrite_their_input_leave_it_to_the_others(by_method, in_tail):
    first = Overwriting(8, 4, by_method) if in_tail else nn.Conv2d(8, 4, 1)
    module = nn.Sequential(
        Overwriting(3, 4, by_method),
        Overwriting(4, 8, by_method),
        nn.Sequential(first, nn.BatchNorm2d(4), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)),
    )
    x = torch.randn(2, 3, 12, 12)
    expected = module.eval()(x.clone()).detach()
    network = with_exits(module, ("0", "1"), 12)
    before = x.clone()
    assert torch.equal(network.eval()(x)[-1], expected)
    assert torch.equal(x, before)
    sum(output.sum() for output in network.train()(x)).backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


class Asking(Own):
    """Takes more than images, though it need not be given it."""

    def forward(self, x: Tensor, targets: Tensor | None = None, *rest: Tensor, twice: bool = False) -> Tensor:
        logits = super().forward(x)
        if targets is not None or rest or twice:
            return logits + targets
        return logits


class Needing(Own):
    def forward(self, x: Tensor, targets: Tensor) -> Tensor:
        return super().forward(x) + targets


def ending(outputs: int = 3) -> nn.Module:
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, outputs))


def test_what_a_forward_pass_need_not_be_given_is_what_it_says():
    module = Asking(ending()).eval()
    x = torch.randn(2, 3, 16, 16)
    assert torch.equal(with_exits(module, ("one", "two"), 16).eval()(x)[-1], module(x))
    with pytest.raises(UserError, match=r"^Needing: .*images alone .*'targets'"):
        with_exits(Needing(ending()), ("one", "two"), 16)


def test_weights_that_several_parts_have_are_refused_by_name():
    one, two = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3, padding=1)
    last = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))
    with_exits(nn.Sequential(one, nn.Sequential(two, two), last), ("0", "1"), 16)  # it is saved once
    shared = nn.Sequential(nn.Sequential(one, two), nn.ReLU(), two, last)
    with pytest.raises(UserError, match=r"^Sequential: parameter 0\.1\.weight is used more than once"):
        with_exits(shared, ("0", "3.0"), 16)
    tied = nn.Sequential(one, two, nn.Conv2d(4, 4, 3, padding=1), last)
    tied[2].weight = two.weight
    with pytest.raises(UserError, match=r"^Sequential: parameter 1\.weight = 2\.weight is used"):
        with_exits(tied, ("0", "2"), 16)


@pytest.mark.parametrize("first", [nn.BatchNorm1d(32), nn.GroupNorm(8, 32)])
def test_features_without_positions_get_heads_too(first):
    module = nn.Sequential(
        nn.Flatten(), nn.Linear(3 * 64, 20), nn.Linear(20, 32), nn.Sequential(first, nn.Linear(32, 3))
    )
    network = with_exits(module, ("1", "2"), 8)
    assert [output.shape for output in network(torch.randn(2, 3, 8, 8))] == [(2, 3), (2, 3)]
    assert isinstance(network.heads["1"], PooledHead) == isinstance(first, nn.GroupNorm)


def nothing(classes: int) -> None:
    """Forgets to return what it builds."""


def greedy(classes: int, width: int) -> nn.Module:
    return Own(ending(classes))


def failing(classes: int) -> nn.Module:
    raise KeyError("weights.pt")


def stubborn(classes: int) -> nn.Module:
    return Own(ending(7))


def spatial(classes: int) -> nn.Module:
    return Own(nn.Conv2d(32, classes, 1))


@pytest.mark.parametrize(
    ("build", "told"),
    [
        (nothing, r"gave a NoneType for 3 classes; .*an nn\.Module"),
        (greedy, r"failed for 3 classes \(TypeError: .*'width'\)"),
        (failing, r"failed for 3 classes \(KeyError: 'weights.pt'\)"),
        (stubborn, r" gives 7 outputs for an image; .*needed, 3$"),
        (spatial, r"3 x 4 x 4 outputs for an image; .*needed, 3$"),
    ],
)
def test_a_function_that_does_not_build_a_classifier_is_told_what_happened(build, told):
    name = f"{__name__}:{build.__name__}"
    with pytest.raises(UserError, match=rf"^network '{name}'.*{told}") as raised:
        multi_exit_network(name, 3, resolution=16, exits=("one", "two"))
    assert "\n" not in str(raised.value)


def test_a_module_that_cannot_be_imported_says_why(tmp_path, monkeypatch):
    (tmp_path / "broken_net.py").write_text("import nothing_such\nundefined_name")
    (tmp_path / "typo_net.py").write_text("def build(classes)\n    pass")
    (tmp_path / "late_net.py").write_text("undefined_name")
    monkeypatch.syspath_prepend(tmp_path)
    for name, why in (("broken_net", "nothing_such"), ("typo_net", "SyntaxError"), ("late_net", "NameError")):
        with pytest.raises(UserError, match=rf"^network '{name}:build': .*{why}"):
            multi_exit_network(f"{name}:build", 3, resolution=16)


class Asserting(Own):
    """Takes images of one size, as vision transformers do."""

    def forward(self, x: Tensor) -> Tensor:
        torch._assert(x.shape[2] == 224, "Wrong image height!")
        return super().forward(x)


def test_images_that_a_network_asserts_against_are_told_in_one_sentence():
    with pytest.raises(
        UserError, match=r"images of 16 pixels do not go through Asserting: Wrong image height!$"
    ):
        with_exits(Asserting(ending()), ("one", "two"), 16)
