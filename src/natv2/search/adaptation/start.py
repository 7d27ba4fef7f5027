"""Where a search starts from: supernets as they were trained, or as another search has adapted them."""

import logging
from pathlib import Path

from natv2.errors import UserError
from natv2.exits.variants import LEAVING
from natv2.exits.weightings import OUTPUT_WEIGHTINGS
from natv2.images.image_set import ImageSplits
from natv2.run import Run
from natv2.search.adaptation.training import TargetSupernets
from natv2.search.config import SearchConfig
from natv2.spaces.design import Design
from natv2.spaces.exit_codes import ExitWays
from natv2.spaces.space import SearchSpace
from natv2.supernets.checkpoint import Checkpoint, read_checkpoint

logger = logging.getLogger("natv2")

_ADAPTED = "*/adapted_supernet.safetensors/*/adapted_supernet.safetensors"


def adapted_supernet(folder: Path, like: Checkpoint) -> Checkpoint:
    """The newest supernet that the search of `folder` has adapted, of the width and design of `like`.

    `folder` is that search's under data/06_models, with a folder for each width, or that of a turn whose
    supernets it has kept. Raises UserError where it has none of this width and design.
    """
    files = adapted_files(folder)
    for file in reversed(files):
        found = read_checkpoint(file)
        if (found.width, found.design) == (like.width, like.design):
            return found
    raise UserError(
        f"search.init_from={folder}: there is no adapted supernet of {like.design.label} at width "
        f"{like.width} in it ({len(files)} others); allowed is the folder of a search under data/06_models, "
        "or of a turn in its turn_supernets"
    )


def adapted_files(folder: Path) -> list[Path]:
    """Files of the supernets that the search of `folder` has adapted, the newest last.

    `folder` may be that of a turn too; of any other there are none.
    """
    files = sorted(folder.glob(_ADAPTED), key=lambda file: file.parent.name)
    return files or sorted(folder.glob("*.safetensors"))


def remark_on_teacher(supernet: Checkpoint, teacher: str, asked: str = "eps") -> None:
    """Say where a supernet was trained otherwise than the preset asks for (section 6.2).

    By another teacher, without one, or by another schedule than EPS, in which teachers are; no remark on a
    schedule that was `asked` for.
    """
    trained, schedule = supernet.origin.get("teacher"), supernet.origin.get("schedule", "eps")
    as_asked = schedule == asked and (trained == teacher or schedule != "eps")
    if trained is None or as_asked:
        return
    how = "without a teacher" if trained == "none" else f"with teacher={trained}"
    by = f"by schedule={schedule}, " if schedule != "eps" else ""
    logger.warning(
        "this search is meant for supernets trained by EPS with teacher=%s, but %s at width %s was trained "
        "%s%s: its figures are not those of the preset; train it so, or name another with --load-versions",
        teacher,
        supernet.design.label,
        supernet.width,
        by,
        how,
    )


def target_supernets(
    narrow: Checkpoint, wide: Checkpoint, images: ImageSplits, search: SearchConfig, run: Run
) -> TargetSupernets:
    """The supernets of two checkpoints with all their networks, on the run's device.

    Raises UserError where these are of different designs.
    """
    images, search = narrow.normalised(images).to(run.device), search.at(images.sizes)
    family = {c.width: c.supernet(dropout=search.dropout).to(run.device) for c in (narrow, wide)}
    return TargetSupernets(family, common_space(narrow, wide, search), images, search, run)


def common_space(narrow: Checkpoint, wide: Checkpoint, search: SearchConfig) -> SearchSpace:
    """All networks of two supernets. Raises UserError where these do not belong together."""
    if narrow.design != wide.design:
        raise UserError(
            f"the two supernets differ: {narrow.design.label} at width {narrow.width}, "
            f"{wide.design.label} at width {wide.width}; train both with the same command, or name them "
            "with --load-versions"
        )
    if narrow.normalisation != wide.normalisation:
        raise UserError("the two supernets differ: their images were normalised otherwise; import both anew")
    return search_space(narrow.design, search, (narrow.width, wide.width))


def search_space(design: Design, search: SearchConfig, widths: tuple[float, ...]) -> SearchSpace:
    """All networks of supernets of `design`, at the resolutions that must be known (`SearchConfig.at`)."""
    assert search.resolutions is not None
    ways = ExitWays(weightings=OUTPUT_WEIGHTINGS, leaving=LEAVING) if search.exits == "many" else None
    if ways is not None and not design.early_exits:
        raise UserError(f"search.exits=many: {design.label} has no early exits; search.exits=one is allowed")
    return SearchSpace(design=design, resolutions=search.resolutions, widths=widths, ways=ways)


def beginning(checkpoint: Checkpoint, search: SearchConfig) -> Checkpoint:
    """What is transferred: `checkpoint`, or what the search of `search.init_from` has adapted of it."""
    return checkpoint if search.init_from is None else adapted_supernet(search.init_from, checkpoint)


def new_target_supernet(
    checkpoint: Checkpoint, images: ImageSplits, search: SearchConfig, run: Run
) -> TargetSupernets:
    """The supernet of `checkpoint`, to be transferred, with classifiers for the classes of `images`."""
    supernet = checkpoint.supernet(dropout=search.dropout)
    if checkpoint.classes != images.class_names:
        supernet = supernet.replace_classifiers(len(images.class_names), run.seed)
    images, search = checkpoint.normalised(images).to(run.device), search.at(images.sizes)
    space = search_space(checkpoint.design, search, (checkpoint.width,))
    return TargetSupernets({checkpoint.width: supernet.to(run.device)}, space, images, search, run)
