import pytest
import torch

import natv2
from natv2.aep.classifier import MultiExitClassifier, MultiExitHeader
from natv2.errors import UserError
from natv2.exits.weightings import exit_weights
from natv2.finished_network import StoredNetwork
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
    loaded = natv2.load_network(tmp_path / "network.safetensors")
    assert torch.equal(loaded(IMAGES), cut(IMAGES))
    assert torch.allclose(loaded(IMAGES.float() / 255), loaded(IMAGES), atol=1e-4)
    assert loaded.class_names == tuple("abcd")
    assert tuple(loaded.header.weights) == tuple(whole.header.weights[exit - 1] for exit in kept)
    # A person's own module: the function that builds it as a second argument.
    built = natv2.load_network(str(tmp_path / "network.safetensors"), TinyNetwork)
    assert torch.equal(built(IMAGES), cut(IMAGES))


def test_a_folder_with_one_network_is_that_network(tmp_path):
    with pytest.raises(UserError, match="is a folder; one network is needed, it holds: none"):
        natv2.load_network(tmp_path)
    whole = classifier()
    whole.stored().write(tmp_path / "a.safetensors")
    assert torch.equal(natv2.load_network(tmp_path)(IMAGES), whole(IMAGES))
    whole.stored().write(tmp_path / "b.safetensors")
    with pytest.raises(UserError, match=r"it holds: a\.safetensors, b\.safetensors$"):
        natv2.load_network(tmp_path)


def test_with_thresholds_one_image_at_a_time_stops_early(tmp_path):
    early = classifier(thresholds=(0.3, 0.3, 0.3, 0.0))
    early.stored().write(tmp_path / "early.safetensors")
    loaded = natv2.load_network(tmp_path / "early.safetensors")
    assert loaded(IMAGES[:1]).shape == (1, 4)
    with pytest.raises(UserError, match="5 images cannot stop early together"):
        loaded(IMAGES)
    with pytest.raises(UserError, match="no thresholds"):
        classifier().early_stopping()


def test_a_file_of_something_else_is_refused(tmp_path):
    whole = classifier(network="mobilenet_v3_small", modules=("features.3", "features.11"), kept=(1, 2))
    whole.stored().write(tmp_path / "other.safetensors")
    with pytest.raises(UserError, match=r"not those of mobilenet_v3_small as built now"):
        natv2.load_network(tmp_path / "other.safetensors")
    StoredNetwork({}, {"kind": "x"}).write(tmp_path / "nothing.safetensors")
    with pytest.raises(UserError, match="does not hold a finished network"):
        natv2.load_network(tmp_path / "nothing.safetensors")
    classifier(network="no.such:build").stored().write(tmp_path / "gone.safetensors")
    with pytest.raises(UserError, match=r"network 'no\.such:build'"):
        natv2.load_network(tmp_path / "gone.safetensors")
