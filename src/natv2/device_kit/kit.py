"""A kit: one zip with graphs, their manifest and the script that times them."""

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from onnx import ModelProto

from natv2.atomic import write_bytes
from natv2.bar import progress_bar
from natv2.costs.parts import MACS, PARAMS
from natv2.costs.table import CostTable
from natv2.device_kit.assembled import assembled
from natv2.device_kit.part_graph import nothing_graph, part_graph
from natv2.device_kit.weights import give_weights
from natv2.disk import check_room
from natv2.randomness import numpy_generator
from natv2.search.kit_contents import NOTHING, KitContents
from natv2.spaces.design import IMAGE_CHANNELS

logger = logging.getLogger("natv2")

FORMAT = 1
MANIFEST, SCRIPT = "manifest.json", "__main__.py"
"""Python runs a zip that has the latter."""

_ABOUT_A_NODE = 120  # bytes of a graph beside its weights
_NODES_A_PART = 7
_MADE = (2020, 1, 1, 0, 0, 0)  # of every file: no kit differs by when it was made


@dataclass(frozen=True, kw_only=True)
class Size:
    """How many files a kit has, and about how many bytes they are without compression."""

    files: int
    unpacked: int


def expected_size(contents: KitContents) -> Size:
    """What `write_kit` will write, before anything is made."""
    parts = dict(zip(contents.parts.names, contents.parts.modules, strict=True))
    weights = sum(p.numel() for module in parts.values() for p in module.parameters())
    costs = CostTable(space=contents.space, classes=contents.classes)(contents.codes)
    weights += int(costs[:, PARAMS].sum())
    levels = contents.space.design.levels * len(contents.codes)
    about = _ABOUT_A_NODE * _NODES_A_PART * (len(parts) + levels)
    return Size(files=len(parts) + len(contents.codes) + 3, unpacked=4 * weights + about)


def write_kit(path: Path, contents: KitContents) -> int:
    """Write the kit to `path`, whole or not at all; gives its bytes.

    Raises UserError where they have no room.
    """
    packed = _packed(contents)
    path.parent.mkdir(parents=True, exist_ok=True)
    check_room(path.parent, len(packed), "the kit's files")
    logger.info("%s: %.1f MB as a zip", path, len(packed) / 1e6)
    write_bytes(path, packed)
    return len(packed)


def _packed(contents: KitContents) -> bytes:
    made, hashes = BytesIO(), dict[str, str]()
    with ZipFile(made, "w") as kit:
        for name, model in _graphs(contents):
            content = model.SerializeToString(deterministic=True)
            hashes[name] = sha256(content).hexdigest()
            _add(kit, name, content)
        _add(kit, MANIFEST, json.dumps(_manifest(contents, hashes), indent=1).encode())
        _add(kit, SCRIPT, Path(__file__).with_name("time_kit.py.txt").read_bytes())
    return made.getvalue()


def _add(kit: ZipFile, name: str, content: bytes) -> None:
    about = ZipInfo(name, _MADE)
    about.compress_type = ZIP_DEFLATED
    about.external_attr = 0o644 << 16
    kit.writestr(about, content)


def _graphs(contents: KitContents) -> Iterator[tuple[str, ModelProto]]:
    """Every file's name and graph: parts of one name once, then the whole networks."""
    parts, graphs = contents.parts, dict[str, ModelProto]()
    yield _file(NOTHING), nothing_graph()
    with progress_bar("device kit", len(set(parts.names)) + len(contents.codes)) as bar:
        for name, module, (channels, _) in zip(parts.names, parts.modules, parts.inputs, strict=True):
            if name not in graphs:
                give_weights(module)
                graphs[name] = part_graph(module, channels)
                module.to("meta")
                bar.advance(name)
                yield _file(name), graphs[name]
        bar.report(f"{len(graphs)} parts")
        for entry, code in zip(contents.network_entries, contents.codes, strict=True):
            bar.advance(entry)
            yield _file(entry), assembled(contents, code, graphs)


def _file(entry: str) -> str:
    name = entry.partition("@")[0]
    return f"{'networks' if name.startswith('network_') else 'parts'}/{name}.onnx"


def _manifest(contents: KitContents, hashes: dict[str, str]) -> dict[str, Any]:
    channels = dict(zip(contents.part_entries, (c for c, _ in contents.parts.inputs), strict=True))
    channels |= {NOTHING: 1, **dict.fromkeys(contents.network_entries, IMAGE_CHANNELS)}
    entries = [
        {"name": name, "file": _file(name), "channels": channels[name], "side": int(name.partition("@")[2])}
        for name in _in_order(contents)
    ]
    return {
        "format": FORMAT,
        "natv2": version("natv2"),
        "space": contents.told,
        "digest": contents.digest,
        "networks": dict(zip(contents.network_entries, contents.codes.tolist(), strict=True)),
        "entries": entries,
        "files": hashes,
    }


def _in_order(contents: KitContents) -> list[str]:
    """The entries as they are timed: at random, so that a device that heats up slows no kind of them.

    The network with most MACs is the first, which is timed again at the end.
    """
    macs = CostTable(space=contents.space, classes=contents.classes)(contents.codes)[:, MACS]
    first, entries = contents.network_entries[int(macs.argmax())], contents.entries
    order = numpy_generator(0, "device kit order").permutation(len(entries))
    return [first, *(name for name in (entries[index] for index in order) if name != first)]
