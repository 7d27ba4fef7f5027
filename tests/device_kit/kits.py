"""Small spaces, and results of a kit's script whose times are known."""

from collections.abc import Callable
from typing import Any

import numpy as np

from natv2.search.device_times import checksum
from natv2.search.kit_contents import NOTHING, KitContents
from natv2.spaces.design import Design
from natv2.spaces.space import SearchSpace

CLASSES = 4

SMALL = SearchSpace(
    design=Design(
        name="small", early_exits=True, dense=True, kernels=(3,), expand_ratios=(3,), depths=(1, 2)
    ),
    resolutions=(16, 32),
    widths=(0.1,),
)
"""Whose kit is made in a few seconds."""

Taken = Callable[[str], float]


def results(contents: KitContents, part: Taken | None = None, **changes: Any) -> dict[str, Any]:
    """What the script writes where each part takes what `part` says, and networks twice their sum and 3 ms.

    `changes` take the place of its values; the checksum is right.
    """

    def milliseconds(entry: str) -> float:
        return part(entry) if part is not None else 1.0 + sum(entry.encode()) % 97 / 10

    times = {entry: milliseconds(entry) + 0.5 for entry in contents.part_entries}
    summed = contents.parts.table(np.array([milliseconds(entry) for entry in contents.part_entries]))
    networks = dict(zip(contents.network_entries, (2 * summed(contents.codes) + 3).tolist(), strict=True))
    values = {
        "format": 1,
        "kit": "0" * 64,
        "digest": contents.digest,
        "space": contents.told,
        "networks": dict(zip(contents.network_entries, contents.codes.tolist(), strict=True)),
        "settings": {
            "threads": 2,
            "batch": 1,
            "warm_up": 5,
            "repetitions": 30,
            "provider": "CPUExecutionProvider",
        },
        "device": "Raspberry Pi 4",
        "runtime": "onnxruntime 1.20.0",
        "system": "Linux aarch64, Python 3.8.10",
        "begun": "2026-11-28T10:00:00+00:00",
        "ended": "2026-11-28T10:30:00+00:00",
        "times": {entry: [value, 0.1] for entry, value in {NOTHING: 0.5, **times, **networks}.items()},
        "again": [contents.network_entries[0], 1.05 * networks[contents.network_entries[0]]],
    } | changes
    return values | {"checksum": checksum(values)}
