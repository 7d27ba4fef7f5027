"""Architectures of the nine supernets as values, and their encodings (thesis, 3.3.1 and 6.1.1)."""

from natv2.spaces.architecture import Architecture, check_member, constant
from natv2.spaces.channels import ChannelPlan, LevelPlan, channel_plan
from natv2.spaces.choices import Choices, combinations
from natv2.spaces.design import DESIGNS, Design
from natv2.spaces.space import Codes, SearchSpace

__all__ = [
    "DESIGNS",
    "Architecture",
    "ChannelPlan",
    "Choices",
    "Codes",
    "Design",
    "LevelPlan",
    "SearchSpace",
    "channel_plan",
    "check_member",
    "combinations",
    "constant",
]
