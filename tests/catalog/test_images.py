import weakref
from pathlib import Path

import pytest
import torch
from kedro.io import DatasetError

from natv2.catalog.images import ImagesDataset
from natv2.errors import UserError
from natv2.images.loading import load_images
from natv2.runs.lineage import contradiction, image_facts
from tests.images.test_loading import make_folder


def test_it_loads_what_the_library_loads(tmp_path):
    place = str(tmp_path)
    data = ImagesDataset(name="digits", raw=place, store=place, seed=3)
    assert data.exists()
    loaded, expected = data.load(), load_images("digits", tmp_path, tmp_path, seed=3)
    assert loaded.name == "digits"
    assert torch.equal(loaded.train.labels, expected.train.labels)
    assert not torch.equal(
        loaded.train.labels, load_images("digits", tmp_path, tmp_path, seed=4).train.labels
    )


def test_the_same_images_are_in_memory_once_and_no_longer_than_needed(tmp_path):
    place = str(tmp_path)
    one, other = (ImagesDataset(name="digits", raw=place, store=place) for _ in range(2))
    fewer = ImagesDataset(name="digits", raw=place, store=place, per_class=3)
    loaded = one.load()
    assert other.load() is one.load() is loaded
    assert fewer.load() is not loaded
    seen = weakref.ref(loaded)
    one.release()
    other.release()
    del loaded
    assert seen() is None


def test_each_project_has_its_own_decoded_images(tmp_path, monkeypatch):
    """Else a rank of the second finds none where the first, still in memory, has them elsewhere."""
    loaded = []
    for project in ("first", "second"):
        (tmp_path / project).mkdir()
        monkeypatch.chdir(tmp_path / project)
        loaded.append(ImagesDataset(name="digits", raw="raw", store="decoded").load())
        assert list(Path("decoded").rglob("*.pixels"))


def test_a_share_that_changes_no_split_is_no_other_fact(tmp_path):
    """Else what was made before does not belong to the images, although no split has changed."""

    def facts(folder, share):
        dataset = ImagesDataset(
            name="folder", raw=str(tmp_path / folder), store=str(tmp_path / "store"), valid_fraction=share
        )
        return image_facts("target_images", dataset), dataset.load().index["split"].tolist()

    make_folder(tmp_path / "drawn", side=24)
    for part in ("train", "valid", "test"):
        make_folder(tmp_path / "official" / part, per_class=4, side=24)
    drawn, _ = facts("drawn", None)
    assert facts("drawn", 0.2) == facts("drawn", None)  # what datasets.yml has for a folder
    assert contradiction(facts("drawn", 0.5)[0], drawn).startswith("validation share of drawn")
    assert facts("official", 0.5) == facts("official", None)
    make_folder(tmp_path / "drawn", per_class=30, side=24)  # the same images and more
    assert facts("drawn", None) == facts("drawn", 0.2)


def test_classes_that_have_exchanged_their_names_do_not_belong_to_what_was_made_before(tmp_path):
    def facts():
        dataset = ImagesDataset(name="folder", raw=str(tmp_path / "own"), store=str(tmp_path / "store"))
        return image_facts("target_images", dataset), dataset.load().report.remarks

    make_folder(tmp_path / "own", side=24)
    other = tmp_path / "elsewhere"
    first, second, *_ = sorted(path for path in (tmp_path / "own").iterdir() if path.is_dir())
    before, remarks = facts()
    assert "classes are not what they were" not in " ".join(remarks)
    for source, target in ((first, other), (second, first), (other, second)):
        source.rename(target)
    after, remarks = facts()
    assert str(contradiction(after, before)).endswith("that were others")
    told = " ".join(remarks)
    assert f"{first.name} is {second.name}, {second.name} is {first.name}" in told
    for source, target in ((first, other), (second, first), (other, second)):
        source.rename(target)
    assert contradiction(facts()[0], before) is None  # as they were


def test_an_unknown_name_and_saving_are_refused(tmp_path):
    with pytest.raises(DatasetError) as error:
        ImagesDataset(name="cifra", raw=str(tmp_path), store=str(tmp_path)).load()
    assert isinstance(error.value.__cause__, UserError)
    with pytest.raises(DatasetError, match="only be read"):
        ImagesDataset(name="digits", raw=str(tmp_path), store=str(tmp_path)).save("anything")  # type: ignore[arg-type]
