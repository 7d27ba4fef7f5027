import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

import natv2
from natv2.errors import UserError
from natv2.images.batches import Batch
from natv2.spaces.architecture import constant
from natv2.supernets.checkpoint import Checkpoint, write_checkpoint
from natv2.supernets.classifier import SubnetClassifier, SubnetHeader
from tests.tiny import images_of, new_supernet

MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.3, 0.1)


def written(path, exits: tuple[int, ...], weights: tuple[float, ...]) -> SubnetClassifier:
    """A network, saved in `path` as post-processing saves it."""
    supernet = new_supernet("EE_DP_OFAMobileNetV3")
    architecture = constant(
        supernet.design, resolution=24, width=0.1, exits=exits, depth=3, kernel=5, expand_ratio=4, mask=7
    )
    statistics: dict[str, Tensor] = {}
    supernet.record(images_of(8, 3, 24, 24), architecture, statistics)
    network = supernet.subnet(architecture, statistics)
    header = SubnetHeader(
        design=supernet.design,
        architecture=architecture,
        class_names=("ant", "bee", "cat", "dog"),
        mean=MEAN,
        std=STD,
        weights=weights,
        record={"top1": 0.9},
    )
    classifier = SubnetClassifier(network, header)
    classifier.stored().write(path)
    return classifier


@pytest.mark.parametrize(("exits", "weights"), [((3,), (1.0,)), ((1, 4), (0.75, 0.25))])
def test_a_file_rebuilds_into_the_classifier_that_was_saved(tmp_path, exits, weights):
    path = tmp_path / "network.safetensors"
    saved = written(path, exits, weights)
    loaded = natv2.load_network(path)
    images = torch.randint(0, 256, (5, 3, 20, 28), dtype=torch.uint8)
    with torch.no_grad():
        logits = loaded(images)
        assert torch.equal(SubnetClassifier.build(saved.stored())(images), logits)
        # by hand, from the batch that the network was trained on
        batch = Batch(pixels=images, labels=torch.zeros(5).long(), ids=torch.arange(5), mean=MEAN, std=STD)
        outputs = saved.network.eval()(batch.at(24))
        expected = sum(w * o for w, o in zip(weights, outputs, strict=True))
        assert torch.equal(logits, expected)
        assert torch.allclose(loaded(images.float() / 255), logits, atol=1e-5)
    assert logits.shape == (5, 4)
    assert loaded.class_names == ("ant", "bee", "cat", "dog")
    assert not any(module.training for module in loaded.modules())
    assert loaded.header.record == {"top1": 0.9}
    assert loaded.header.architecture == saved.network.architecture
    assert loaded.header.design == saved.network.design


def test_images_are_taken_as_people_have_them(tmp_path):
    saved = written(tmp_path / "network.safetensors", (5,), (1.0,)).eval()
    pixels = torch.randint(0, 256, (3, 20, 28), dtype=torch.uint8)
    picture = Image.fromarray(pixels.permute(1, 2, 0).numpy())
    with torch.inference_mode():
        logits = saved(pixels[None])
        for given in (pixels, picture, np.asarray(picture), [picture]):
            assert torch.equal(saved(given), logits)
        pair = saved([picture, picture.resize((30, 31))])
        assert torch.equal(pair[:1], logits) and pair.shape == (2, 4)
    with pytest.raises(UserError, match="a list that is empty"):
        saved([])


def test_a_path_can_be_text(tmp_path):
    written(tmp_path / "network.safetensors", (5,), (1.0,))
    assert natv2.load_network(str(tmp_path / "network.safetensors")).network.architecture.exits == (5,)


def test_a_supernet_is_not_a_finished_network(tmp_path):
    path = tmp_path / "supernet.safetensors"
    supernet = new_supernet("OFAMobileNetV3")
    write_checkpoint(path, Checkpoint.of(supernet, classes=("a",) * 4, phase="full", origin={}))
    with pytest.raises(UserError, match="does not hold a finished network"):
        natv2.load_network(path)


def test_a_truncated_or_missing_file_is_refused(tmp_path):
    path = tmp_path / "network.safetensors"
    written(path, (5,), (1.0,))
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(UserError, match="not a whole safetensors file"):
        natv2.load_network(path)
    with pytest.raises(UserError, match="does not exist"):
        natv2.load_network(tmp_path / "other.safetensors")
