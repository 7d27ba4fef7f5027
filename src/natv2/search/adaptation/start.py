"""Where a search starts from: a supernet as it was trained, or as another search has adapted it."""

import logging
from pathlib import Path

from natv2.errors import UserError
from natv2.supernets.checkpoint import Checkpoint, read_checkpoint

logger = logging.getLogger("natv2")

_ADAPTED = "*/adapted_supernet.safetensors/*/adapted_supernet.safetensors"


def adapted_supernet(folder: Path, like: Checkpoint) -> Checkpoint:
    """The newest supernet that the search of `folder` has adapted, of the width and design of `like`.

    `folder` is that search's under data/06_models, with a folder for each width. Raises UserError where it
    has none of this width and design.
    """
    files = sorted(folder.glob(_ADAPTED), key=lambda file: file.parent.name)
    for file in reversed(files):
        found = read_checkpoint(file)
        if (found.width, found.design) == (like.width, like.design):
            return found
    raise UserError(
        f"search.init_from={folder}: there is no adapted supernet of {like.design.label} at width "
        f"{like.width} in it ({len(files)} others); allowed is the folder of a search under data/06_models"
    )


def remark_on_teacher(supernet: Checkpoint, teacher: str) -> None:
    """Say where a supernet was trained by another teacher than the preset asks for (section 6.2)."""
    trained = supernet.origin.get("teacher")
    if trained in ("fixed", "progressive") and trained != teacher:
        logger.warning(
            "this search is meant for supernets trained with teacher=%s, but %s at width %s had a %s one: "
            "train it so, name another with --load-versions, or give teacher=%s",
            teacher,
            supernet.design.label,
            supernet.width,
            trained,
            trained,
        )
