"""Networks of a person's own: named by the person, as package.module:function, never by a file."""

import inspect
from hashlib import blake2b
from importlib import import_module
from pathlib import Path

from torch import nn

from natv2.errors import UserError
from natv2.files import one_line
from natv2.finished_network import Build


def imported(name: str, what: str = "network") -> Build:
    """The function called `name`, as package.module:function. Raises UserError where there is none."""
    place, _, function = name.partition(":")
    try:
        build: Build = getattr(import_module(place), function)
    except Exception as error:  # whatever a person's module does when it is imported
        raise UserError(f"{what} {name!r}: {said(error)}; package.module:function is needed") from None
    return build


def code_digest(name: str) -> str:
    """A digest of the module, or the package around it, of the function called `name`; "" for other names.

    Raises UserError as `imported`.
    """
    if ":" not in name:
        return ""
    imported(name)
    place = name.partition(":")[0]
    source = Path(inspect.getfile(import_module(place)))
    files = sorted(source.parent.rglob("*.py")) if "." in place else [source]
    return blake2b(b"\0".join(file.read_bytes() for file in files), digest_size=8).hexdigest()


def own_network(name: str, build: Build, classes: int, what: str = "network") -> nn.Module:
    """What `build` makes for so many classes. Raises UserError where it fails or makes something else."""
    allowed = "it must take the number of classes and give an nn.Module"
    try:
        module = build(classes)
    except Exception as error:  # whatever a person's function does
        raise UserError(
            f"{what} {name!r}: its function failed for {classes} classes ({said(error)}); {allowed}"
        ) from error
    if not isinstance(module, nn.Module):
        raise UserError(
            f"{what} {name!r}: its function gave a {type(module).__name__} for {classes} classes; {allowed}"
        )
    return module


def said(error: Exception) -> str:
    """What an error of others says, in one line."""
    return f"{type(error).__name__}: {one_line(error)}"
