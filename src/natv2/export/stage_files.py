"""How the files of a network that stops early are called: one a stage, and their runner."""

import re
from collections.abc import Sequence
from pathlib import Path

_STAGE = re.compile(r"(?P<name>.+)\.stage_(?P<number>[1-9]\d*)(?P<suffix>(\.[a-z]+\d+)?\.[a-z]+\d?)")


def stage_file(name: str, number: int, suffix: str) -> str:
    """That of a stage, counted from 1, of the network called `name`."""
    return f"{name}.stage_{number}{suffix}"


def runner_file(name: str, suffix: str) -> str:
    """That of the runner, which Python can import."""
    kind = suffix.removesuffix(".onnx").replace(".", "_")
    module = re.sub(r"\W", "_", name, flags=re.ASCII)
    return f"run_{module}{kind}.py"


def stages_of_file(path: Path) -> Sequence[Path]:
    """The stages, in their order, of the network of which `path` is a stage or the runner; none if of none.

    They end before the first that is not there.
    """
    for file in (path, *sorted(path.parent.glob("*.stage_1.*"))):
        found = _STAGE.fullmatch(file.name)
        if found is None:
            continue
        name, suffix = found["name"], found["suffix"]
        if path in (file, path.parent / runner_file(name, suffix)):
            return _in_a_row(path.parent, name, suffix)
    return ()


def _in_a_row(folder: Path, name: str, suffix: str) -> Sequence[Path]:
    stages: list[Path] = []
    while (file := folder / stage_file(name, len(stages) + 1, suffix)).is_file():
        stages.append(file)
    return stages
