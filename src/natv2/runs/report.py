"""What a run tells whoever started it: where it is, in the file that NATV2_REPORT names."""

import json
import os
from pathlib import Path
from typing import Any

from natv2.atomic import write_bytes

REPORT = "NATV2_REPORT"
"""The environment variable with the file's path; without it nothing is told."""


def report(**values: Any) -> None:
    """Replace what was told before by `values`, JSON-ready."""
    if path := os.environ.get(REPORT):
        write_bytes(Path(path), json.dumps(values, indent=1).encode())
