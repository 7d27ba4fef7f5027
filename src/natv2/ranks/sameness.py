"""What must be the same on all hosts for ranks to compute together."""

import hashlib
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from natv2.errors import UserError

_LIBRARIES = ("torch", "torchvision", "numpy", "cloudpickle")


def same_everywhere() -> dict[str, str]:
    """The code of this package, Python, and the libraries that ranks compute with."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return {"code": package_digest(), "python": python, **{each: version(each) for each in _LIBRARIES}}


def package_digest() -> str:
    """A digest of this package's source: a commit would miss what is not committed yet."""
    root = Path(__file__).parents[1]
    digest = hashlib.blake2b(digest_size=8)
    # The data sets are a table beside the code, and as much of it.
    for path in sorted([*root.rglob("*.py"), *root.rglob("*.yml")]):
        digest.update(f"{path.relative_to(root)}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()


def refuse_other(theirs: Mapping[str, str]) -> None:
    """Raise UserError where this host has other code, another Python or other libraries than the run."""
    for name, here in same_everywhere().items():
        if here != theirs.get(name):
            what = "this package's code" if name == "code" else name
            raise UserError(
                f"{what} is another than the run's ({here} here, {theirs.get(name)} there): every host needs "
                "the same checkout and the same versions"
            )
