"""What is looked at: each check gives lines, good or bad."""

import platform
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, packages_distributions, requires, version
from pathlib import Path
from types import MappingProxyType
from typing import Literal, NamedTuple

from natv2.disk import free_bytes
from natv2.errors import UserError
from natv2.export.formats import FORMATS, check_installed
from natv2.files import one_line
from natv2.images.memory import memory_limit

_FOR_DEVELOPERS = ("docs", "test")

State = Literal["ok", "no", "bad"]
"""It works; it is not there and nothing needs it; something that is needed does not work."""

_LITTLE_MEMORY, _LITTLE_DISK = 4 << 30, 5 << 30
_REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+).*?(?:extra == ['\"]([a-z0-9_-]+)['\"])?$")


class Line(NamedTuple):
    """What a check found."""

    state: State
    text: str


_SYSTEMS: Mapping[str, Line] = MappingProxyType(
    {
        "Darwin": Line("no", "macOS: natv2 was not tested on it; the CPU is used (docs/platforms.md)"),
        "Windows": Line("bad", "Windows: natv2 does not run on it; use WSL 2 (docs/platforms.md)"),
    }
)
"""What is known of others than Linux."""


def check_python() -> Iterator[Line]:
    """The interpreter and the machine."""
    system = platform.system()
    yield Line("ok", f"Python {platform.python_version()} on {system} {platform.machine()}")
    if system in _SYSTEMS:
        yield Line(*_SYSTEMS[system])


def check_libraries() -> Iterator[Line]:
    """What natv2 cannot do without."""
    needed = _requirements()[""]
    broken = [line._replace(state="bad") for name in needed if (line := _library(name)).state != "ok"]
    yield from broken
    if not broken:
        yield Line("ok", f"all {len(needed)} libraries that natv2 needs load")


def check_torch() -> Iterator[Line]:
    """Whether torch trains here, and on what."""
    try:
        import torch

        from natv2.devices import resolve_device, resolve_precision

        device = resolve_device("auto")
        x = torch.ones(2, 3, 8, 8, device=device, requires_grad=True)
        layer = torch.nn.Conv2d(3, 4, 3, device=device)
        layer(x).sum().backward()
        precision = resolve_precision("auto", device)
    except Exception as error:  # whatever an installation that does not fit this machine makes of it
        yield Line("bad", f"torch does not train here: {one_line(error)}")
        return
    if device.type == "cpu":
        threads = f"{torch.get_num_threads()} threads"
        yield Line("ok", f"torch {torch.__version__} on the CPU, {threads} ({precision}); it finds no GPU")
        return
    for number in range(torch.cuda.device_count()):
        known = torch.cuda.get_device_properties(number)
        memory = f"{known.total_memory / 2**30:.1f} GiB"
        yield Line("ok", f"torch {torch.__version__} on GPU {number}: {known.name}, {memory} ({precision})")


def check_memory() -> Iterator[Line]:
    """What this process may fill, and what is free on the disk of the working directory."""
    memory, disk = memory_limit(), free_bytes(Path.cwd())
    yield _enough(f"{memory / 2**30:.1f} GiB of memory", memory, _LITTLE_MEMORY)
    yield _enough(f"{disk / 2**30:.1f} GiB free on the disk of {Path.cwd()}", disk, _LITTLE_DISK)


def check_project() -> Iterator[Line]:
    """Whether `kedro run` finds the project here."""
    from kedro.utils import find_kedro_project

    found = find_kedro_project(Path.cwd())
    if found is not None:
        yield Line("ok", f"the project is {found}")
    else:
        yield Line("no", f"{Path.cwd()} is in no project: kedro run works in a clone of the repository")


def check_extras() -> Iterator[Line]:
    """What can be installed besides."""
    for extra, names in _requirements().items():
        if extra in ("", *_FOR_DEVELOPERS):
            continue
        lines = [_library(name) for name in names]
        wrong = [line for line in lines if line.state != "ok"]
        told = ", ".join(line.text for line in wrong or lines)
        install = f"; pip install 'natv2[{extra}]'" if wrong else ""
        state: State = "bad" if any(line.state == "bad" for line in wrong) else "no" if wrong else "ok"
        yield Line(state, f"extra {extra}: {told}{install}")


def check_formats() -> Iterator[Line]:
    """What finished networks can be exported to."""
    missing = {name: why for name in FORMATS if (why := _missing(name))}
    works = [name for name in FORMATS if name not in missing]
    yield Line("ok" if works else "no", f"formats of natv2 export: {', '.join(works) or 'none'}")
    for why in missing.values():
        yield Line("no", f"format {why}")


def _missing(name: str) -> str:
    try:
        check_installed([name])
    except UserError as error:
        return error.message
    return ""


CHECKS: tuple[Callable[[], Iterator[Line]], ...] = (
    check_python,
    check_torch,
    check_libraries,
    check_memory,
    check_project,
    check_extras,
    check_formats,
)


def _enough(text: str, there: int, little: int) -> Line:
    if there >= little:
        return Line("ok", text)
    return Line("no", f"{text}: little, {little / 2**30:.0f} GiB are comfortable")


def _requirements() -> dict[str, list[str]]:
    """Distributions by the extra that asks for them, "" for those that are always needed."""
    found: dict[str, list[str]] = {"": []}
    for text in requires("natv2") or []:
        match = _REQUIREMENT.match(text)
        assert match is not None
        name, extra = match.groups()
        if name != "natv2":
            found.setdefault(extra or "", []).append(name)
    return found


def _library(name: str) -> Line:
    """Whether the distribution called `name` is there and loads."""
    try:
        found = f"{name} {version(name)}"
    except PackageNotFoundError:
        return Line("no", f"{name} is not installed")
    try:
        for module in _modules().get(_normal(name), ())[:1]:
            import_module(module)
    except Exception as error:  # a wheel that does not fit, a library of the system that is not there
        return Line("bad", f"{found} does not load: {one_line(error)}")
    return Line("ok", found)


@cache
def _modules() -> dict[str, tuple[str, ...]]:
    """What can be imported of each distribution."""
    found: dict[str, tuple[str, ...]] = {}
    for module, distributions in sorted(packages_distributions().items()):
        if not module.startswith("_"):
            for name in distributions:
                found[_normal(name)] = (*found.get(_normal(name), ()), module)
    return found


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
