"""Commands of `natv2` that need no project and no Kedro."""

from collections.abc import Mapping
from types import MappingProxyType

import click

from natv2.device_kit.command import device_kit
from natv2.doctor.command import doctor
from natv2.export.command import export
from natv2.predict.command import predict
from natv2.ranks.command import worker

ALONE: Mapping[str, click.Command] = MappingProxyType(
    {str(each.name): each for each in (device_kit, doctor, export, predict, worker)}
)
"""Each by its name."""
