"""An environment in which libraries report home, if nobody stops them."""

import os
from pathlib import Path

_STOPPED_BY = ("DO_NOT_TRACK", "ORT_DISABLE_TELEMETRY", "ORT_RUNNING_UNIT_TESTS", "CI", "GITHUB_ACTIONS")


def unstopped(home: Path) -> dict[str, str]:
    """This process's environment without what stops them; what they keep would be in `home`."""
    kept = {name: value for name, value in os.environ.items() if name not in _STOPPED_BY}
    return kept | {"HOME": str(home), "XDG_CACHE_HOME": str(home / ".cache")}


def reported(home: Path) -> list[str]:
    """What ONNX Runtime has left in `home` to report by."""
    return [str(path.relative_to(home)) for path in home.rglob("*") if "Microsoft" in path.parts]
