"""Published weights with a new head; which networks can be had; how they are fine-tuned."""

import pickle
from dataclasses import replace

import pandas as pd
import pytest
import torch
from safetensors.torch import save_file

from natv2.baselines import pretrained
from natv2.baselines.config import BaselinesConfig
from natv2.baselines.names import PRETRAINED
from natv2.baselines.plain import plain_network
from natv2.baselines.pretrained import (
    fine_tuning,
    likely_networks,
    planned_files,
    pretrained_files,
    take_weights,
)
from natv2.baselines.weights_files import NotFetched, NotHere
from natv2.errors import UserError
from natv2.randomness import process_generator
from tests.baselines.test_efficientnet_lite import published as lite_weights
from tests.baselines.weights import MEAN, NETWORK, STD, given, published, write_weights
from tests.finishing import Counting, finishing

LITE = "efficientnet_lite0"


def config(mode: str) -> BaselinesConfig:
    usual = {"networks": None, "teacher": None, "scaled": False, "random": 0, "pretrained_lr": 0.1}
    return BaselinesConfig.model_validate(usual | {"pretrained": mode})


def new(name: str = NETWORK, classes: int = 5):
    with process_generator(3):
        return plain_network(name, classes)


def test_all_but_the_head_is_what_was_published(tmp_path):
    network, untouched = new(), new()
    take_weights(network, given(write_weights(tmp_path / "weights.pth")))
    state, old, expected = network.state_dict(), untouched.state_dict(), published().state_dict()
    for name, tensor in state.items():
        assert torch.equal(tensor, old[name] if name.startswith("fc.") else expected[name])
    assert state["fc.weight"].shape == (5, 1024)


def test_the_head_is_new_where_there_are_as_many_classes_as_published(tmp_path):
    network = new(classes=1000)
    take_weights(network, given(write_weights(tmp_path / "weights.pth")))
    assert not torch.equal(network.fc.weight, published().fc.weight)


def test_the_wheel_s_names_are_mapped(tmp_path):
    state = lite_weights(1000)
    torch.save(state, tmp_path / "lite.pth")
    network = new(LITE)
    take_weights(network, given(tmp_path / "lite.pth", network=LITE))
    assert torch.equal(network.head.conv.weight, state["_conv_head.weight"])
    block = network.blocks[3].body
    assert torch.equal(block.depthwise.norm.running_var, state["_blocks.3._bn1.running_var"])
    assert network.classifier.weight.shape == (5, 1280)


def test_safetensors_and_files_without_counts_of_batches_will_do(tmp_path):
    state = {n: t for n, t in published().state_dict().items() if "num_batches" not in n}
    save_file(state, tmp_path / "weights.safetensors")
    network = new()
    take_weights(network, given(tmp_path / "weights.safetensors"))
    assert torch.equal(network.conv1[0].weight, published().conv1[0].weight)


class Dangerous:
    def __reduce__(self):
        return (pytest.fail, ("a file's code was run",))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda s: {n: t for n, t in s.items() if n != "conv1.0.weight"}, "conv1.0.weight is missing"),
        (lambda s: s | {"more": torch.zeros(1)}, "more is not one of its tensors"),
        (lambda s: s | {"conv1.0.weight": torch.zeros(2)}, "conv1.0.weight is float32 2, not float32 24 x 3"),
        (lambda s: s | {"conv1.0.weight": s["conv1.0.weight"] * torch.nan}, "values that are no numbers"),
        (lambda s: [s], "does not hold tensors alone"),
        (lambda s: {"epoch": 3}, "does not hold tensors alone"),
    ],
)
def test_other_weights_are_refused_in_one_sentence(tmp_path, change, said):
    torch.save(change(published().state_dict()), tmp_path / "weights.pth")
    network = new()
    with pytest.raises(UserError, match=said) as error:
        take_weights(network, given(tmp_path / "weights.pth"))
    assert "\n" not in error.value.message


def test_nothing_in_a_file_is_run_and_a_truncated_one_is_told(tmp_path):
    path = tmp_path / "weights.pth"
    path.write_bytes(pickle.dumps({"fc.weight": Dangerous()}, protocol=2))
    with pytest.raises(UserError, match="cannot be read as weights"):
        take_weights(new(), given(path))
    path.write_bytes(write_weights(path).read_bytes()[:5000])
    with pytest.raises(UserError, match="cannot be read as weights"):
        take_weights(new(), given(path))


@pytest.fixture
def there(monkeypatch):
    """Only these weights are on the machine; what is fetched fails; what was asked for."""
    asked = []

    def file(network, fetch=False):
        asked.append((network, fetch))
        if network == LITE:
            return given("lite.pth", network=LITE)
        if fetch:
            raise NotFetched("https://there cannot be fetched (timed out)")
        raise NotHere("not on this machine")

    monkeypatch.setattr(pretrained, "weights_file", file)
    monkeypatch.setattr(pretrained, "_check", lambda file: None)
    monkeypatch.setattr(pretrained, "can_be_had", lambda network, fetch: fetch or network == LITE)
    return asked


def test_none_looks_for_nothing(there, caplog):
    caplog.set_level("INFO", "natv2")
    assert pretrained_files(config("none")) == {} and likely_networks(config("none")) == []
    assert not there and not caplog.text


def test_auto_takes_what_is_there_and_says_once_what_is_not(there, caplog):
    caplog.set_level("INFO", "natv2")
    assert list(pretrained_files(config("auto"))) == [LITE] == likely_networks(config("auto"))
    assert there == [(name, False) for name in PRETRAINED]
    others = ", ".join(name for name in PRETRAINED if name != LITE)
    assert [record.message for record in caplog.records] == [
        f"pretrained networks that cannot be had: {others} (not on this machine)"
    ]


def test_after_a_failed_download_no_other_is_tried(there, caplog):
    caplog.set_level("INFO", "natv2")
    assert list(pretrained_files(config("download"))) == [LITE]
    assert [fetch for _, fetch in there] == [True, True, *[False] * (len(PRETRAINED) - 2)]
    first, *others = (name for name in PRETRAINED if name != LITE)
    assert [record.message for record in caplog.records] == [
        f"pretrained networks that cannot be had: {first} (https://there cannot be fetched (timed out)); "
        f"{', '.join(others)} (not tried after that)"
    ]
    assert likely_networks(config("download")) == list(PRETRAINED)


def test_a_damaged_file_is_told_and_the_run_goes_on(tmp_path, monkeypatch, caplog):
    caplog.set_level("INFO", "natv2")
    whole, damaged = write_weights(tmp_path / "whole.pth"), tmp_path / "damaged.pth"
    damaged.write_bytes(whole.read_bytes()[:5000])
    places = {NETWORK: whole, "shufflenet_v2_100": damaged}
    monkeypatch.setattr(pretrained, "weights_file", lambda name, fetch: given(places[name], network=name))
    assert list(pretrained_files(config("auto"), places)) == [NETWORK]
    (record,) = caplog.records
    assert "shufflenet_v2_100 (" in record.message and "damaged.pth cannot be read" in record.message


def test_what_a_plan_has_must_be_there(there):
    plan = pd.DataFrame({"network": [LITE, NETWORK], "kind": ["pretrained", "plain"]})
    assert list(planned_files(plan)) == [LITE]
    with pytest.raises(UserError, match=f"weights of {NETWORK}, which the plan has: not on this machine"):
        planned_files(plan.assign(kind="pretrained"))


def test_fine_tuning_has_the_weights_normalisation_a_lower_rate_and_no_teacher(tmp_path):
    usual = finishing(tmp_path, teacher=Counting().teacher(), lr=0.4)
    tuned = fine_tuning(usual, given(tmp_path / "weights.pth"), 0.25)
    assert (tuned.images.mean, tuned.images.std, tuned.teacher) == (MEAN, STD, None)
    assert tuned.config == usual.config.model_copy(update={"lr": 0.1})
    assert (
        replace(tuned, images=usual.images, config=usual.config, teacher=usual.teacher).labels is usual.labels
    )
