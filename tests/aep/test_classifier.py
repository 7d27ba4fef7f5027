from dataclasses import asdict, replace
from threading import Thread

import pytest
import torch

import natv2
from natv2 import randomness
from natv2.aep.classifier import MultiExitClassifier, MultiExitHeader
from natv2.aep.confidence import with_temperature
from natv2.aep.network.backbones import multi_exit_network
from natv2.aep.pruning import ExitLogits
from natv2.errors import UserError
from natv2.exits.leaving import confidence, stopped
from natv2.exits.weightings import exit_weights
from natv2.finished_network import StoredNetwork
from natv2.images.transforms import prepare
from natv2.training.confidence import fit_temperature
from tests.aep.tiny import NAMES, TinyNetwork, tiny


def classifier(**changes) -> MultiExitClassifier:
    values = {
        "network": "tests.aep.tiny:TinyNetwork",
        "modules": NAMES,
        "kept": (1, 2, 3, 4),
        "weights": exit_weights("ASC", 4)[1],
        "resolution": 16,
        "class_names": tuple("abcd"),
        "mean": (0.5, 0.4, 0.3),
        "std": (0.2, 0.3, 0.25),
        **changes,
    }
    return MultiExitClassifier(tiny(), MultiExitHeader(**values)).eval()


IMAGES = torch.randint(256, (5, 3, 20, 24), dtype=torch.uint8)


@pytest.mark.parametrize("kept", [(1, 2, 3, 4), (2,), (1, 3)])
def test_what_is_saved_is_what_is_loaded(tmp_path, kept):
    whole = classifier()
    cut = whole.cut_to(kept)
    cut.stored().write(tmp_path / "network.safetensors")
    loaded = natv2.load_network(str(tmp_path / "network.safetensors"), TinyNetwork)
    assert torch.equal(loaded(IMAGES), cut(IMAGES))
    assert torch.allclose(loaded(IMAGES.float() / 255), loaded(IMAGES), atol=1e-4)
    assert loaded.class_names == tuple("abcd")
    assert tuple(loaded.header.weights) == tuple(whole.header.weights[exit - 1] for exit in kept)


@pytest.mark.parametrize("name", ["mobilenet_v3_small", "regnet_y_400mf"])
def test_a_network_of_torchvisions_is_rebuilt_by_its_name(tmp_path, name):
    network, modules = multi_exit_network(name, 4, resolution=32)
    header = replace(classifier().header, network=name, modules=modules, kept=network.exits, resolution=32)
    saved = MultiExitClassifier(network, header).eval().cut_to((1, 2))
    saved.stored().write(tmp_path / "network.safetensors")
    loaded = natv2.load_network(tmp_path / "network.safetensors")
    with torch.inference_mode():
        assert torch.equal(loaded(IMAGES), saved(IMAGES))
    assert not any(tensor.is_meta for tensor in (*loaded.parameters(), *loaded.buffers()))
    inplace = [[m.inplace for m in each.modules() if hasattr(m, "inplace")] for each in (saved, loaded)]
    assert inplace[0] == inplace[1]


CODE = """
from pathlib import Path
Path({mark!r}).touch()
from tests.aep.tiny import TinyNetwork as build
"""


def test_a_file_never_names_code(tmp_path, monkeypatch):
    """What it calls a network is looked up in our own tables, and there alone."""
    monkeypatch.syspath_prepend(tmp_path)
    mark = tmp_path / "it was imported"
    (tmp_path / "planted.py").write_text(CODE.format(mark=str(mark)))
    path = tmp_path / "network.safetensors"
    for name in (
        "planted:build",
        "os:_exit",
        "ctypes:string_at",
        "tests.aep.tiny:TinyNetwork",
        "deeplabv3_resnet50",  # torchvision's, but no classifier
        "../x\n",
        "",
    ):
        classifier(network=name).stored().write(path)
        with pytest.raises(
            UserError, match=r"is not one of natv2's, .*load_network\(path, build\)$"
        ) as raised:
            natv2.load_network(path)
        assert "\n" not in raised.value.message
        assert torch.equal(natv2.load_network(path, TinyNetwork)(IMAGES), classifier()(IMAGES))
    assert not mark.exists()


def refused(tmp_path, **changes) -> str:
    """What is said of a file whose header says otherwise; it is written with a right checksum."""
    stored = classifier().stored()
    StoredNetwork(stored.tensors, {**stored.header, **changes}).write(tmp_path / "changed.safetensors")
    with pytest.raises(UserError, match=r"changed\.safetensors: ") as raised:
        natv2.load_network(tmp_path / "changed.safetensors", TinyNetwork)
    assert "\n" not in raised.value.message
    return raised.value.message


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"kept": [1, 1, 2, 3]}, "kept [1, 1, 2, 3]: allowed are some of [1, 2, 3, 4], ascending"),
        ({"kept": [1]}, "4 weights: one for each of 1 exits is needed"),
        ({"thresholds": [0.5]}, "1 thresholds: 4 exits need one each"),
        ({"modules": []}, "modules: "),
        ({"modules": ["blocks.0", "blocks.1", "blocks.2", "blocks.9"]}, "unknown exit 'blocks.9'"),
        ({"resolution": 4096}, "resolution: Input should be less than or equal to 1024"),
        ({"resolution": True}, "resolution: "),
        ({"network": 7}, "network: "),
        ({"class_names": ["a", "b", "c"]}, "its weights are not those of its network as built now: heads.1."),
        ({"class_names": ["a"] * 100_001}, "class_names: "),
        ({"std": [0.1, 0.2]}, "std.2: Field required"),
        ({"weights": [0.1, 0.2, 0.3, float("inf")]}, "weights.3: Input should be a finite number"),
        ({"code": "os:_exit"}, "code: "),
    ],
    ids=str,
)
def test_a_header_whose_values_cannot_be_is_refused_in_one_line(tmp_path, changes, told):
    assert told in refused(tmp_path, **changes)


def test_what_builds_a_network_has_torchs_generator_alone_and_leaves_it_where_it_was(tmp_path):
    whole = classifier()
    whole.stored().write(tmp_path / "network.safetensors")
    taken: list[bool] = []

    def build(classes: int) -> TinyNetwork:
        if not taken:  # a network may start from another one
            taken.append(False)
            natv2.load_network(tmp_path / "network.safetensors", build)
            other = Thread(target=lambda: taken.append(randomness._PROCESS.acquire(blocking=False)))
            other.start()
            other.join()
        return TinyNetwork(classes)

    before = torch.random.get_rng_state()
    loaded = natv2.load_network(tmp_path / "network.safetensors", build)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert taken == [False, False]
    assert torch.equal(loaded(IMAGES), whole(IMAGES))


def test_a_network_of_torchvisions_leaves_torchs_generator_where_it_was():
    """Of a Swin transformer a table is drawn from it, though nothing else is."""
    header = {**asdict(classifier().header), "network": "swin_t", "modules": ["features.1"], "kept": [1]}
    stored = StoredNetwork({}, {"kind": "multi_exit_network", **header, "weights": [1.0]})
    before = torch.random.get_rng_state()
    with pytest.raises(UserError, match="is missing"):
        MultiExitClassifier.build(stored)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_folder_with_one_network_is_that_network(tmp_path):
    with pytest.raises(UserError, match="is a folder; one network is needed, it holds: none"):
        natv2.load_network(tmp_path)
    whole = classifier()
    whole.stored().write(tmp_path / "a.safetensors")
    assert torch.equal(natv2.load_network(tmp_path, TinyNetwork)(IMAGES), whole(IMAGES))
    whole.stored().write(tmp_path / "b.safetensors")
    with pytest.raises(UserError, match=r"it holds: a\.safetensors, b\.safetensors$"):
        natv2.load_network(tmp_path)


def test_with_thresholds_each_image_of_a_batch_stops_by_itself(tmp_path):
    whole = classifier()
    header = whole.header
    with torch.inference_mode():
        outputs = torch.stack(whole.network(prepare(IMAGES, 16, header.mean, header.std)))
        surest = confidence(outputs[0]).sort().values
        between = float(surest[1] + surest[2]) / 2  # so that rounding sends no image the other way
        early = classifier(thresholds=(between, 0.9, 0.9, 0.0))
        early.stored().write(tmp_path / "early.safetensors")
        loaded = natv2.load_network(tmp_path / "early.safetensors", TinyNetwork)
        expected, left = stopped(outputs, header.weights, loaded.stopping())
        assert torch.allclose(loaded(IMAGES), expected, atol=1e-6)
        assert torch.equal(loaded(IMAGES[:1]), loaded(IMAGES)[:1])
    assert 0 in left and 3 in left
    with pytest.raises(UserError, match="5 images cannot stop early together"):
        loaded.early_stopping()(torch.zeros(5, 3, 16, 16))
    with pytest.raises(UserError, match="no thresholds"):
        classifier().early_stopping()


@pytest.mark.parametrize("temperature", [1.0, 2.5])
def test_probabilities_are_those_of_the_temperature(tmp_path, temperature):
    classifier(temperature=temperature).stored().write(tmp_path / "network.safetensors")
    loaded = natv2.load_network(tmp_path / "network.safetensors", TinyNetwork)
    with torch.inference_mode():
        expected = (loaded(IMAGES).double() / temperature).exp()
        probabilities = loaded.probabilities(IMAGES)
    expected = expected / expected.sum(dim=1, keepdim=True)
    assert torch.allclose(probabilities.double(), expected, atol=1e-6)


def test_an_early_network_has_the_temperature_of_what_its_images_leave_with():
    early = classifier(thresholds=(0.8, 0.9, 0.9, 0.0))
    logits_ENC = 3 * torch.randn(4, 50, 4, generator=torch.Generator().manual_seed(0))
    said = ExitLogits(exits=(1, 2, 3, 4), logits_ENC=logits_ENC, labels=torch.arange(50) % 4)
    logits, left = stopped(said.logits_ENC, early.header.weights, early.stopping())
    assert set(left) > {0}
    found = with_temperature(early, said).header
    assert found.temperature == fit_temperature(logits, said.labels) != 1
    assert found == replace(early.header, temperature=found.temperature)


def test_a_file_of_something_else_is_refused(tmp_path):
    whole = classifier(
        network="mobilenet_v3_small", modules=("features.3", "features.11"), kept=(1, 2), weights=(0.5, 0.5)
    )
    whole.stored().write(tmp_path / "other.safetensors")
    with pytest.raises(UserError, match=r"not those of its network as built now: heads\.1\.\S+ is missing$"):
        natv2.load_network(tmp_path / "other.safetensors")
    StoredNetwork({}, {"kind": "x"}).write(tmp_path / "nothing.safetensors")
    with pytest.raises(UserError, match="does not hold a finished network"):
        natv2.load_network(tmp_path / "nothing.safetensors")
    StoredNetwork({}, {"kind": ["x"]}).write(tmp_path / "nothing.safetensors")
    with pytest.raises(UserError, match="does not hold a finished network"):
        natv2.load_network(tmp_path / "nothing.safetensors")


def test_what_a_persons_function_says_stays_one_line(tmp_path):
    def failing(classes: int) -> TinyNetwork:
        raise RuntimeError("two\nlines")

    class Untraceable(TinyNetwork):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            raise RuntimeError("two\nlines") if x.sum() > 0 else RuntimeError("other\nlines")

    classifier().stored().write(tmp_path / "network.safetensors")
    for build in (failing, Untraceable):
        with pytest.raises(UserError, match=r"network\.safetensors: ") as raised:
            natv2.load_network(tmp_path / "network.safetensors", build)
        assert "\n" not in raised.value.message
