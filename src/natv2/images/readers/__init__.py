"""How the raw files of a data set are read: each reader lists samples, none decodes an image file.

A reader takes the row of the data set and the folder (or file) to read. It raises FileNotFoundError
where the raw files are not there, and UserError where they are and are wrong.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from natv2.images.datasets import DataSet
from natv2.images.listing import Listing
from natv2.images.readers.digits import read_digits
from natv2.images.readers.folders import read_folders
from natv2.images.readers.gtsrb import read_gtsrb
from natv2.images.readers.table import read_table
from natv2.images.readers.tiny_imagenet import read_tiny_imagenet
from natv2.images.readers.torchvision import read_torchvision

READERS: Mapping[str, Callable[[DataSet, Path], Listing]] = MappingProxyType(
    {
        "digits": read_digits,
        "folders": read_folders,
        "gtsrb": read_gtsrb,
        "table": read_table,
        "tiny_imagenet": read_tiny_imagenet,
        "torchvision": read_torchvision,
    }
)

__all__ = ["READERS"]
