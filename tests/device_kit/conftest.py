"""A small kit, made once."""

import pytest

from natv2.device_kit.kit import write_kit
from natv2.search.kit_contents import KitContents
from tests.device_kit.kits import CLASSES, SMALL
from tests.sharing import shared_folder


@pytest.fixture(scope="session")
def contents():
    return KitContents.of(SMALL, CLASSES)


@pytest.fixture(scope="session")
def kit(tmp_path_factory, contents):
    def make(folder):
        write_kit(folder / "kit.zip", contents)

    return shared_folder(tmp_path_factory, "device_kit", make) / "kit.zip"
