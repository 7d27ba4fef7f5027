"""The nine supernets and the static networks they contain (thesis, sections 3.2.1 and 5.1.1)."""

from natv2.supernets.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from natv2.supernets.finished import Classifier, NetworkHeader, Stored, build_classifier
from natv2.supernets.moments import average, pointwise_moments, rows_of
from natv2.supernets.network import FIRST, STEM, Network, Part, head, levels, skipped
from natv2.supernets.part import SupernetPart
from natv2.supernets.sorting import sort_channels
from natv2.supernets.starting import starting_weights
from natv2.supernets.supernet import Statistics, Supernet

__all__ = [
    "FIRST",
    "STEM",
    "Checkpoint",
    "Classifier",
    "Network",
    "NetworkHeader",
    "Part",
    "Statistics",
    "Stored",
    "Supernet",
    "SupernetPart",
    "average",
    "build_classifier",
    "head",
    "levels",
    "pointwise_moments",
    "read_checkpoint",
    "rows_of",
    "skipped",
    "sort_channels",
    "starting_weights",
    "write_checkpoint",
]
