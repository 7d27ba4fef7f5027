"""A group of three ranks for tests, and functions that they compute."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType

import cloudpickle

from natv2.ranks.group import RankGroup, Wanted
from natv2.ranks.together import use

RANKS = 3


@contextmanager
def ranks(*modules: ModuleType, **options) -> Iterator[RankGroup]:
    """Three ranks that are used inside the block; functions of `modules` go along as they are."""
    for module in modules:
        cloudpickle.register_pickle_by_value(module)
    known = {"ranks": RANKS, "device": "cpu", "threads": 1, **options}
    with TemporaryDirectory() as folder:
        group = RankGroup(Wanted(folder=Path(folder), **known))
        use(group)
        try:
            yield group
        finally:
            use(None)
            for module in modules:
                cloudpickle.unregister_pickle_by_value(module)


def this(name: str) -> ModuleType:
    """The module called `name`."""
    return sys.modules[name]
