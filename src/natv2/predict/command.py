"""The command `natv2 predict`, which needs no project and no Kedro."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from natv2.errors import UserError

if TYPE_CHECKING:
    from natv2.predict.model import Model
    from natv2.predict.output import Row


@click.command(name="predict")
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("images", nargs=-1, required=True)
@click.option("--top", type=click.IntRange(min=1), default=1, help="How many classes of each image are told.")
@click.option("--out", type=click.Path(path_type=Path), help="A .csv or .json file for them.")
@click.option(
    "--labels", type=click.Path(path_type=Path), help="A folder with one for each class, or a CSV table."
)
@click.option("--reject", type=click.FloatRange(0, 1), default=0.0, help="Say unsure below this probability.")
@click.option(
    "--build", metavar="PACKAGE.MODULE:FUNCTION", help="What builds a network of your own for its classes."
)
def predict(
    model: Path,
    images: tuple[str, ...],
    top: int,
    out: Path | None,
    labels: Path | None,
    reject: float,
    build: str | None,
) -> None:
    """Classify IMAGES (files, folders, patterns) by MODEL, a finished network or an ONNX file made of one.

    Of a network that stops early MODEL may also be any of its ONNX stages, or the runner beside them. Files
    that cannot be read are named and passed over; the exit code is 1 then.
    """
    from natv2.network_facts import facts_text
    from natv2.predict.early import left_text
    from natv2.predict.images import find_images, labels_of
    from natv2.predict.model import open_model
    from natv2.predict.output import as_csv, as_json, as_lines
    from natv2.predict.scores import confusion_matrix, score_text
    from natv2.printable import printable

    if out is not None and out.suffix.lower() not in (".csv", ".json"):
        raise UserError(f"--out {out}: its name must end in .csv or .json")
    opened = open_model(model, _build(build))
    paths = find_images(images)
    known = dict(zip(paths, labels_of(paths, labels, opened.class_names), strict=True)) if labels else {}
    if facts := facts_text(opened.record):
        click.echo(f"{model.name}: {printable(facts)}", err=True)
    rows, unreadable, left = _predicted(opened, paths, top, reject)
    if out is not None and rows:
        from natv2.atomic import write_bytes

        write_bytes(out, (as_csv(rows) if out.suffix.lower() == ".csv" else as_json(rows)).encode())
        click.echo(f"{len(rows)} images classified, in {out}")
    elif rows:
        click.echo(as_lines(rows))
    if opened.exits > 1 and left:
        click.echo(left_text(left, opened.exits))
    if known and rows:
        from natv2.reporting.tables import as_text

        said, right = [row[1] for row in rows], [known[row[0]] for row in rows]
        click.echo(score_text(said, right, opened.class_names))
        table = confusion_matrix(said, right, opened.class_names)
        click.echo("\n" + as_text(table.reset_index()))
    for path, why in unreadable:
        click.echo(f"passed over: {path}: {why}", err=True)
    if unreadable:
        raise UserError(f"{len(unreadable)} of {len(paths)} files could not be read, see above")


def _build(name: str | None) -> Any:
    if name is None:
        return None
    from natv2.own_network import imported

    sys.path.insert(0, str(Path.cwd()))
    return imported(name, "--build")


def _predicted(
    model: "Model", paths: Sequence[Path], top: int, reject: float
) -> tuple[list["Row"], list[tuple[Path, str]], list[int]]:
    """A row an image, what could not be read and why, and the exits that the images left at."""
    from natv2.bar import progress_bar
    from natv2.images.decode import UnreadableImageError
    from natv2.images.given import image_of
    from natv2.prediction import UNSURE, predictions

    rows: list[Row] = []
    unreadable, left = [], []
    with progress_bar("predict", len(paths)) as bar:
        for path in paths:
            try:
                image = image_of(path, model.levels)
            except UnreadableImageError as error:
                unreadable.append((path, str(error)))
            else:
                answers = model.answers(image[None])
                (found,) = predictions(answers.probabilities, model.class_names, top)
                left.append(int(answers.exits))
                rows.append((path, found.label if found.probability >= reject else UNSURE, found))
            bar.advance(path.name)
    return rows, unreadable, left
