"""Whole files of every kind, to be mutated."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import torch
from kedro.io import AbstractDataset, DatasetError

import natv2
from natv2.aep.classifier import MultiExitClassifier, MultiExitHeader
from natv2.aep.network.backbones import multi_exit_network
from natv2.catalog.sheets import SheetDataset
from natv2.catalog.tables import read_table, write_table
from natv2.catalog.values import ValuesDataset
from natv2.errors import UserError
from natv2.finished_network import Build, Classifier
from natv2.images.levels import Levels
from natv2.recorded import CHECKSUMS, RECORD, checksums
from natv2.spaces.architecture import constant
from natv2.spaces.design import Design
from natv2.supernets.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from natv2.supernets.classifier import SubnetClassifier, SubnetHeader
from natv2.supernets.supernet import Supernet
from natv2.training.state_store import State, StateStore
from tests.aep.tiny import NAMES, TinyNetwork, tiny
from tests.designs import DESIGNS
from tests.mutations import Subject
from tests.tiny import new_supernet

CLASSES = ("ant", "bee", "cat", "dog")
PIXELS = torch.randint(256, (2, 3, 20, 24), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def network(folder: Path) -> Subject:
    """A subnet's, with two exits."""
    return _finished(folder, _subnet())


def multi_exit(folder: Path) -> Subject:
    """A person's own network, built by their function."""
    header = _header("tests.aep.tiny:TinyNetwork", NAMES, 16)
    return _finished(folder, MultiExitClassifier(tiny(), header), TinyNetwork)


def early_stopping(folder: Path) -> Subject:
    """The same with thresholds."""
    header = _header("tests.aep.tiny:TinyNetwork", NAMES, 16, thresholds=(0.3, 0.3, 0.3, 0.0))
    return _finished(folder, MultiExitClassifier(tiny(), header), TinyNetwork)


def torchvision(folder: Path) -> Subject:
    """A network of torchvision's, built by its name."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        built, modules = multi_exit_network("mobilenet_v3_small", len(CLASSES), resolution=32)
    whole = MultiExitClassifier(built, _header("mobilenet_v3_small", modules, 32))
    return _finished(folder, whole.cut_to((1, 2)))


def supernet(folder: Path) -> Subject:
    """A supernet's checkpoint, taken as a training takes it."""
    design = Design(name="small", kernels=(3, 5), expand_ratios=(3,), depths=(1,))
    checkpoint = Checkpoint.of(
        Supernet(design, 0.1, len(CLASSES)),
        classes=CLASSES,
        phase="full",
        origin={"source": "digits", "seed": 1},
    )
    write_checkpoint(folder / "whole", checkpoint)

    def load(path: Path) -> Any:
        read = read_checkpoint(path)
        read.supernet()
        return (read.design, read.width, read.classes, read.phase, read.origin, _bytes(read.weights))

    return Subject.at(folder / "whole", load)


def state(folder: Path) -> Subject:
    """What a loop has saved."""
    weights = {"weight": torch.arange(500.0), "step": torch.tensor(3)}
    StateStore(folder).save("whole", State(tensors=weights, values={"history": [{"loss": 0.5}], "done": 2}))

    def load(path: Path) -> Any:
        found = StateStore(path.parent).load(path.stem)
        assert found is not None
        return repr(found.values), _bytes(found.tensors)

    return Subject.at(folder / "whole.safetensors", load)


def archive(folder: Path) -> Subject:
    """The table of a search's architectures."""
    draw = np.random.default_rng(0)
    columns = {"accuracy": draw.random(300), "macs": draw.integers(10**6, 10**8, 300), "exit": 5}
    write_table(folder / "whole", pd.DataFrame({**columns, "depths": "2-3-4-2-3", "feasible": True}))
    return Subject.at(folder / "whole", lambda path: read_table(path).to_csv())


def sheet(folder: Path) -> Subject:
    """A table of results, with the record of its run beside it."""
    draw = np.random.default_rng(0)
    columns = {"test_accuracy": draw.random(30), "macs": draw.integers(10**6, 10**8, 30)}
    names = [f"=network {number:02}" for number in range(30)]
    SheetDataset(filepath=str(folder / "whole")).save(pd.DataFrame({"name": names, **columns}))
    return _with_record(folder, lambda path: loaded(SheetDataset(filepath=str(path))).to_csv())


def values(folder: Path) -> Subject:
    """A search's summary."""
    whole = {"objectives": ["accuracy", "macs"], "seed": 0, "hypervolume": [0.25, 0.5] * 20}
    ValuesDataset(filepath=str(folder / "whole")).save(whole)
    return _with_record(folder, lambda path: loaded(ValuesDataset(filepath=str(path))))


KINDS: Mapping[str, Callable[[Path], Subject]] = MappingProxyType(
    {
        "network": network,
        "multi_exit": multi_exit,
        "early_stopping": early_stopping,
        "torchvision": torchvision,
        "supernet": supernet,
        "state": state,
        "archive": archive,
        "sheet": sheet,
        "values": values,
    }
)
"""What writes a whole file into a folder that is there."""


def _subnet() -> SubnetClassifier:
    design = DESIGNS["fixed"]
    architecture = constant(
        design, resolution=16, width=0.1, exits=(1, 2), depth=2, kernel=5, expand_ratio=4, mask=4
    )
    header = SubnetHeader(
        design=design,
        architecture=architecture,
        class_names=CLASSES,
        mean=(0.4, 0.5, 0.6),
        std=(0.2, 0.3, 0.1),
        levels=Levels(0.0, 4095.0),
        weights=(0.5, 0.5),
        record={"top1": 0.9, "dataset": "digits"},
    )
    return SubnetClassifier(new_supernet("fixed").subnet(architecture), header)


def _header(name: str, modules: tuple[str, ...], resolution: int, **more: Any) -> MultiExitHeader:
    return MultiExitHeader(
        network=name,
        modules=modules,
        kept=tuple(range(1, len(modules) + 1)),
        weights=(1 / len(modules),) * len(modules),
        resolution=resolution,
        class_names=CLASSES,
        mean=(0.4, 0.5, 0.6),
        std=(0.2, 0.3, 0.1),
        **more,
    )


def _finished(folder: Path, classifier: Classifier, build: Build | None = None) -> Subject:
    classifier.stored().write(folder / "whole")

    def load(path: Path) -> Any:
        loaded = natv2.load_network(path, build)
        with torch.inference_mode():
            return loaded.class_names, _bytes({"logits": loaded(PIXELS)})

    return Subject.at(folder / "whole", load)


def loaded(dataset: AbstractDataset[Any, Any]) -> Any:
    """What it loads; raises what is said to people where Kedro wraps that, as our command line does."""
    try:
        return dataset.load()
    except DatasetError as error:
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, UserError):
            cause = cause.__cause__ or cause.__context__
        raise (cause or error) from None


def _with_record(folder: Path, load: Callable[[Path], Any]) -> Subject:
    """The file `whole`, whose checksum that of a damaged one is compared with."""
    found = checksums(folder / "whole")["whole"]
    recorded = {"whole": found, "changed.safetensors": found}
    (folder / RECORD).write_text(json.dumps({CHECKSUMS: recorded}))
    return Subject.at(folder / "whole", load)


def _bytes(tensors: Mapping[str, torch.Tensor]) -> dict[str, bytes]:
    return {name: t.numpy(force=True).tobytes() + str(tuple(t.shape)).encode() for name, t in tensors.items()}
