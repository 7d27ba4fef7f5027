"""A network that stops early, in its file and as ONNX stages, says the same and stops at the same exits."""

import json
import shutil
from dataclasses import replace

import onnx
import pytest
import torch
from click.testing import CliRunner, Result
from PIL import Image

from natv2.errors import UserError
from natv2.export.comparison import synthetic
from natv2.export.deployable import deployable
from natv2.export.writers import writer_of
from natv2.predict import early
from natv2.predict.command import predict
from natv2.predict.model import open_model
from tests.conftest import REPOSITORY
from tests.export.networks import own, prepared_as, stopping


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The network in its file and in its stages, and images of many sizes."""
    folder = tmp_path_factory.mktemp("early")
    stopping().stored().write(folder / "early.safetensors")
    for name, content in writer_of("onnx").write(deployable(stopping()), "early", None).items():
        (folder / name).write_bytes(content)
    (folder / "photos").mkdir()
    for number, image in enumerate(synthetic(stopping()).whole):
        Image.fromarray(image[0].permute(1, 2, 0).numpy()).save(folder / f"photos/{number:02}.png")
    return folder


@pytest.fixture(autouse=True)
def in_the_repository(monkeypatch):
    monkeypatch.chdir(REPOSITORY)


def run(*words: object) -> Result:
    return CliRunner().invoke(predict, [str(word) for word in words])


def said(folder, model: str, *images: object) -> tuple[list[dict], str]:
    """What is said of the images, and the last line on the terminal."""
    build = ("--build", "tests.export.networks:own") if model.endswith(".safetensors") else ()
    out = folder / f"{model}.json"
    result = run(folder / model, *images, "--top", 4, "--out", out, *build)
    assert result.exit_code == 0, result.output
    return json.loads(out.read_text()), result.output.splitlines()[-1]


def exits_by_hand(images) -> list[int]:
    classifier = stopping()
    stops = classifier.early_stopping()
    with torch.no_grad():
        return [1 + stops.decide(prepared_as(classifier, image))[1] for image in images]


def test_every_file_of_it_says_what_pytorch_says_and_which_share_left_where(folder):
    images = synthetic(stopping()).whole
    left = exits_by_hand(images)
    shares = ", ".join(f"{100 * left.count(exit) / 16:.1f} %" for exit in (1, 2, 3))
    assert len(set(left)) > 1
    with torch.no_grad():
        expected = torch.cat([stopping().probabilities(image) for image in images])
    for model in ("early.safetensors", "run_early.py", "early.stage_1.onnx", "early.stage_3.onnx"):
        rows, line = said(folder, model, folder / "photos")
        assert line == f"of 16 images left at each of its 3 exits, the first to the last: {shares}", model
        for row, probabilities in zip(rows, expected, strict=True):
            told = {rank["class"]: rank["probability"] for rank in row["ranked"]}
            assert [told[name] for name in "abcd"] == pytest.approx(probabilities.tolist(), abs=1e-4)
            assert row["class"] == "abcd"[int(probabilities.argmax())]


def test_each_file_says_first_what_is_known_of_the_network(folder, tmp_path):
    place = shutil.copytree(folder, tmp_path / "copy")
    record = {"test_accuracy": 0.5, "params": 1234, "macs": 56789, "mean_macs": 3456.7, "dataset": "toys"}
    known = type(stopping())(stopping().network, replace(stopping().header, record=record)).eval()
    known.stored().write(place / "early.safetensors")
    for name, content in writer_of("onnx").write(deployable(known), "early", None).items():
        (place / name).write_bytes(content)
    told = "test top-1 50.00 %, data set toys, 1,234 parameters, 56,789 MACs, 3,457 on average"
    image = place / "photos/00.png"
    build = ("--build", "tests.export.networks:own")
    for model, words in (("early.safetensors", build), ("run_early.py", ())):
        assert run(place / model, image, *words).stderr.splitlines()[0] == f"{model}: {told}"


def test_image_by_image_it_says_the_same(folder):
    together, _ = said(folder, "run_early.py", folder / "photos")
    for row, exit in zip(together, exits_by_hand(synthetic(stopping()).whole), strict=True):
        (alone,), line = said(folder, "run_early.py", row["path"])
        assert alone == row
        assert line.startswith("of 1 images")
        shares = [float(each.removesuffix(" %")) for each in line.split(": ")[1].split(", ")]
        assert shares == [100.0 * (number == exit) for number in (1, 2, 3)]


@pytest.mark.parametrize("file", ["early.safetensors", "run_early.py"])
def test_a_batch_leaves_as_its_images_do_alone(folder, file):
    images = torch.cat([image[:, :, :24, :24] for image in synthetic(stopping()).whole])
    model = open_model(folder / file, own)
    together = model.answers(images)
    alone = [model.answers(image[None]) for image in images]
    assert together.exits.tolist() == [int(each.exits) for each in alone] == exits_by_hand(images.split(1))
    assert len(set(together.exits.tolist())) > 1
    torch.testing.assert_close(together.probabilities, torch.cat([each.probabilities for each in alone]))
    with torch.no_grad():
        torch.testing.assert_close(
            together.probabilities, stopping().probabilities(images), atol=1e-4, rtol=0
        )


def test_later_stages_run_for_those_images_alone_that_are_still_there(folder, monkeypatch):
    images = torch.cat([image[:, :, :24, :24] for image in synthetic(stopping()).whole])
    left, taken, once = exits_by_hand(images.split(1)), [], early.OnnxFile.run
    stages = early.open_stages(folder / "run_early.py")
    monkeypatch.setattr(early.OnnxFile, "run", lambda stage, x: taken.append(len(x)) or once(stage, x))
    stages(images)
    assert taken == [16, 16 - left.count(1), left.count(3)]
    taken.clear()
    stages(images[torch.tensor(left) == 1])
    assert taken == [left.count(1)]


def spoiled(folder, tmp_path, change):
    """A copy of the stages, after `change` to the model of the second."""
    place = shutil.copytree(folder, tmp_path / "copy")
    model = onnx.load(place / "early.stage_2.onnx")
    change(model)
    onnx.save(model, place / "early.stage_2.onnx")
    return place


def without_threshold(model) -> None:
    (entry,) = (entry for entry in model.metadata_props if entry.key == "threshold")
    entry.value = "NaN"


def of_other_classes(model) -> None:
    (entry,) = (entry for entry in model.metadata_props if entry.key == "class_names")
    entry.value = '["x", "y"]'


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (without_threshold, r"stage_2.onnx is no stage that natv2 exported"),
        (of_other_classes, r"stage_2.onnx is of another network than .*stage_1.onnx"),
    ],
)
def test_a_stage_of_another_network_is_told(folder, tmp_path, change, why):
    with pytest.raises(UserError, match=why):
        open_model(spoiled(folder, tmp_path, change) / "run_early.py")


def test_what_is_not_there_is_told_in_one_sentence(folder, tmp_path):
    place = shutil.copytree(folder, tmp_path / "copy")
    (place / "early.stage_3.onnx").unlink()
    for file in ("run_early.py", "early.stage_1.onnx", "early.stage_2.onnx"):
        result = run(place / file, place / "photos")
        assert result.exit_code == 1 and result.output.count("\n") == 1
        assert "early.stage_1.onnx is the first of 3 stages, of which 2 are beside it" in result.output
    (place / "early.stage_1.onnx").unlink()
    for file in ("run_early.py", "early.stage_2.onnx", "other.py"):
        result = run(place / file, place / "photos")
        assert "belongs to no stages: the first one's file has to be beside it" in result.output


def test_no_pickle_is_loaded_and_no_source_is_run(folder, tmp_path):
    place = shutil.copytree(folder, tmp_path / "copy")
    (place / "run_early.py").write_text("raise SystemExit(7)")
    assert run(place / "run_early.py", place / "photos").exit_code == 0
    (place / "early.stage_1.pt2").write_bytes(b"whatever")
    (place / "run_early_pt2.py").write_text("raise SystemExit(7)")
    result = run(place / "run_early_pt2.py", place / "photos")
    assert result.exit_code == 1 and "which may hold a pickle and are not loaded here" in result.output


def test_an_ensemble_is_said_to_leave_nowhere(folder, tmp_path):
    whole = type(stopping())(stopping().network, replace(stopping().header, thresholds=None))
    whole.stored().write(tmp_path / "whole.safetensors")
    rows, line = said(tmp_path, "whole.safetensors", folder / "photos")
    assert len(rows) == 16 and "left at each" not in line
