"""`natv2 predict`: what people type, what they see, what is refused in one sentence."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from PIL import Image

import natv2
from natv2.baselines.plain import PlainClassifier, PlainHeader
from natv2.errors import UserError
from natv2.predict.command import predict
from natv2.predict.output import as_csv, as_lines
from natv2.prediction import predictions

NAMES = ("ant", "bee", "cat")


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    header = PlainHeader(
        network="resnet20_050",
        resolution=16,
        class_names=NAMES,
        mean=(0.5, 0.4, 0.3),
        std=(0.2, 0.3, 0.25),
        temperature=0.05,
    )
    path = tmp_path_factory.mktemp("model") / "network.safetensors"
    PlainClassifier.new(header, 0).stored().write(path)
    return path


@pytest.fixture
def photos(tmp_path, monkeypatch) -> Path:
    """Seven images of several sizes and modes, a folder a class, beside a broken one and a text."""
    monkeypatch.chdir(tmp_path)
    generator = np.random.default_rng(0)
    for number, (name, mode) in enumerate(
        [
            ("ant", "RGB"),
            ("ant", "L"),
            ("ant", "RGBA"),
            ("bee", "RGB"),
            ("bee", "P"),
            ("cat", "RGB"),
            ("cat", "RGB"),
        ]
    ):
        path = tmp_path / "photos" / name / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = generator.integers(0, 256, (20 + number, 30, 3), dtype=np.uint8)
        Image.fromarray(pixels).convert(mode).save(path)
    (tmp_path / "photos" / "notes.txt").write_text("no image")
    return tmp_path / "photos"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(predict, [str(each) for each in arguments])


def expected(model: Path, path: Path) -> tuple[str, float]:
    classifier = natv2.load_network(model)
    image = np.asarray(Image.open(path).convert("RGBA"))
    white = Image.new("RGBA", Image.open(path).size, "white")
    rgb = Image.alpha_composite(white, Image.fromarray(image)).convert("RGB")
    with torch.inference_mode():
        probabilities = (classifier(rgb) / 0.05).softmax(dim=1)[0]
    return NAMES[int(probabilities.argmax())], float(probabilities.max())


def test_a_line_an_image_as_the_network_says_of_each_alone(model, photos):
    result = run(model, "photos")
    assert result.exit_code == 0, result.output
    paths = sorted(photos.rglob("*.png"))
    lines = [line for line in result.output.splitlines() if line]
    assert len(lines) == len(paths) == 7
    for line, path in zip(lines, paths, strict=True):
        label, probability = expected(model, path)
        assert line.split() == [label, f"{100 * probability:.1f}", "%", str(path.relative_to(photos.parent))]


@pytest.mark.parametrize(
    ("given", "count"),
    [
        (["photos"], 7),
        (["photos/ant", "photos/bee/3.png"], 4),
        (["photos/*/*.png"], 7),
        (["photos/**/[0-2].png"], 3),
        (["photos/ant/0.png", "photos/ant"], 3),  # each once
    ],
)
def test_files_folders_and_patterns(model, photos, given, count):
    result = run(model, *given, "--out", "said.csv")
    assert result.exit_code == 0, result.output
    with open("said.csv") as file:
        assert len(list(csv.DictReader(file))) == count
    assert f"{count} images classified, in said.csv" in result.output


def test_csv_and_json_have_the_same_and_all_ranks(model, photos):
    assert run(model, "photos", "--top", 2, "--out", "said.csv").exit_code == 0
    assert run(model, "photos", "--top", 2, "--out", "said.json").exit_code == 0
    with open("said.csv") as file:
        rows = list(csv.DictReader(file))
    objects = json.loads(Path("said.json").read_text())
    assert len(rows) == len(objects) == 7
    for row, each in zip(rows, objects, strict=True):
        label, probability = expected(model, Path(row["path"]))
        assert (row["class"], float(row["probability"])) == (label, pytest.approx(probability, rel=1e-4))
        assert row["path"] == each["path"] and row["class"] == each["class"] == each["ranked"][0]["class"]
        assert [row["class_1"], row["class_2"]] == [rank["class"] for rank in each["ranked"]]
        ranked = [rank["probability"] for rank in each["ranked"]]
        assert ranked == sorted(ranked, reverse=True) and sum(ranked) <= 1 + 1e-6


def test_with_labels_it_tells_how_right_it_is(model, photos):
    paths = sorted(photos.rglob("*.png"))
    said = [expected(model, path)[0] for path in paths]
    labels = [path.parent.name for path in paths]
    right = np.array(said) == np.array(labels)
    recalls = [right[np.array(labels) == name].mean() for name in NAMES]
    told = f"top-1 {100 * right.mean():.2f} % of 7 images, macro accuracy {100 * np.mean(recalls):.2f} %"
    by_folder = run(model, "photos", "--labels", "photos")
    assert told in by_folder.output, by_folder.output
    table = "\n".join(["path,class", *(f"{p.relative_to(photos.parent)},{p.parent.name}" for p in paths)])
    Path("labels.csv").write_text(table)
    by_table = run(model, "photos", "--labels", "labels.csv")
    assert by_table.output == by_folder.output
    matrix = by_folder.output.splitlines()[-3:]
    for line, name in zip(matrix, NAMES, strict=True):
        counts = [
            sum(s == other for s, own in zip(said, labels, strict=True) if own == name) for other in NAMES
        ]
        assert line.split() == [name, *map(str, counts)]


def test_below_a_probability_it_is_unsure(model, photos):
    probabilities = sorted(expected(model, path)[1] for path in photos.rglob("*.png"))
    between = (probabilities[2] + probabilities[3]) / 2
    result = run(model, "photos", "--reject", between, "--labels", "photos")
    assert result.output.count("unsure  ") == 3
    assert "; 3 unsure, of the others" in result.output


def test_what_cannot_be_read_is_named_and_the_rest_is_done(model, photos):
    (photos / "ant" / "broken.png").write_bytes((photos / "ant" / "0.png").read_bytes()[:200])
    Image.fromarray(np.full((9, 9), 40000, dtype=np.uint16)).save(photos / "deep.png")
    result = run(model, "photos", "--out", "said.csv")
    assert result.exit_code == 1
    assert "7 images classified" in result.output
    assert "passed over: photos/ant/broken.png: " in result.output
    assert "passed over: photos/deep.png: it has more than 8 bits" in result.output
    assert "Error: 2 of 9 files could not be read, see above" in result.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere.safetensors", "photos"], "nowhere.safetensors"),
        (["photos/notes.txt", "photos"], "notes.txt"),
        (["MODEL", "nothing/*.png"], "there is no image nothing/*.png"),
        (["MODEL", "empty"], "no images in empty"),
        (["MODEL", "photos", "--out", "said.xls"], "must end in .csv or .json"),
        (["MODEL", "photos", "--labels", "photos/ant"], "has no class for photos/ant/0.png"),
        (["MODEL", "photos", "--labels", "."], "'photos', the class of photos/ant/0.png, is none that"),
        (["MODEL", "photos", "--labels", "photos/notes.txt"], "columns path and class are needed"),
        (["MODEL", "photos", "--labels", "nowhere"], "neither a folder nor a table of labels"),
        (["photos/broken.onnx", "photos"], "is no ONNX file that onnxruntime can open"),
        (["photos/none.onnx", "photos"], "there is no file photos/none.onnx"),
    ],
)
def test_what_is_wrong_is_told_in_one_sentence(model, photos, arguments, said):
    (photos.parent / "empty").mkdir()
    (photos / "broken.onnx").write_bytes(b"no graph")
    result = run(*(model if each == "MODEL" else each for each in arguments))
    assert result.exit_code == 1 and said in result.output
    assert len(result.output.strip().splitlines()) == 1, result.output


def test_a_classifier_predicts_paths_and_pictures_alike(model, photos):
    classifier = natv2.load_network(model)
    paths = sorted((photos / "cat").glob("*.png"))
    by_path = classifier.predict(paths, top=3)
    pictures = [Image.open(path) for path in paths]
    arrays = [np.asarray(picture) for picture in pictures]
    assert by_path == classifier.predict(pictures, top=3) == classifier.predict(arrays, top=3)
    assert [classifier.predict(str(path))[0].label for path in paths] == [each.label for each in by_path]
    assert sum(p for _, p in by_path[0].ranked) == pytest.approx(1)
    with pytest.raises(UserError, match="top 0: at least one"):
        classifier.predict(paths, top=0)
    with pytest.raises(UserError, match=r"nowhere\.png: .*No such file"):
        classifier.predict("nowhere.png")


def test_the_likeliest_come_first():
    (one, other) = predictions(torch.tensor([[0.2, 0.5, 0.3], [1.0, 0.0, 0.0]]), NAMES, 2)
    assert [name for name, _ in one.ranked] == ["bee", "cat"]
    assert (one.label, one.probability, other.label) == ("bee", 0.5, "ant")
    assert len(predictions(torch.ones(1, 3), NAMES, 9)[0].ranked) == 3


def test_no_spreadsheet_runs_what_is_said_and_no_terminal_either():
    said = predictions(torch.tensor([[0.7, 0.3]]), ("=1+1", "\x1b[31mred"), 2)
    rows = [(Path("-a.png"), said[0].label, said[0])]
    (row,) = list(csv.DictReader(as_csv(rows).splitlines()))
    assert (row["class"], row["class_1"], row["path"]) == ("'=1+1", "'=1+1", "'-a.png")
    assert "\x1b" not in as_csv(rows) + as_lines(rows)
    assert (float(row["probability"]), float(row["probability_2"])) == pytest.approx((0.7, 0.3))
