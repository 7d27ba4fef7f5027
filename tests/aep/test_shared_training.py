"""What runs of the same training have in common, to the last bit."""

from collections.abc import Mapping
from pathlib import Path
from threading import Thread

import pandas as pd
import pytest
import torch
from filelock import FileLock

from natv2.aep import train as training_module
from natv2.aep.shared_training import retold
from natv2.aep.train import Kind, trained
from natv2.finished_network import StoredNetwork
from natv2.run import Run
from natv2.training.state_store import StateStore
from tests import configs
from tests.tiny import splits

IMAGES = splits(train=64, valid=24)
TINY = {"max_epochs": 3, "resolution": 16, "batch_size": 16, "lr": 0.01}
OWN = {"network": "tests.aep.tiny:TinyNetwork", "aep": {**TINY, "exits": [f"blocks.{i}" for i in range(4)]}}


@pytest.fixture
def trainings(monkeypatch) -> list[str]:
    """The weighting of every training that is done, rather than taken."""
    done: list[str] = []
    train = training_module.train

    def counted(network, exit_weighting, **options):
        done.append(exit_weighting)
        return train(network, exit_weighting, **options)

    monkeypatch.setattr(training_module, "train", counted)
    return done


def made(
    folder: Path, weights: str, kind: Kind = "ensemble", *, kept: Path, run: Run = configs.RUN, **aep: object
) -> tuple[StoredNetwork, pd.DataFrame, dict[str, list[float]]]:
    """The network of a run, its epochs, and what was told of them."""
    told: dict[str, list[float]] = {}

    def tracker(metrics: Mapping[str, float], step: int) -> None:
        for name, value in metrics.items():
            told.setdefault(name, []).append(value)

    training = configs.aep_training(**{**OWN, "weights": weights, "aep": {**OWN["aep"], **aep}})
    store = StateStore(folder, "train", tracker)
    networks, history = trained(kind, IMAGES, training, run, StateStore(kept), store)
    return networks[kind], history, told


def same(one: StoredNetwork, other: StoredNetwork) -> bool:
    assert one.tensors.keys() == other.tensors.keys()
    return all(torch.equal(tensor, other.tensors[name]) for name, tensor in one.tensors.items())


@pytest.mark.parametrize("beyond", [{}, {"losses": "learned", "diversity": 0.1, "outputs": "search"}])
def test_desc_and_mix_are_one_training_and_each_is_as_its_own(tmp_path, trainings, beyond):
    own = {
        name: made(tmp_path / name, name, kept=tmp_path / name / "k", **beyond) for name in ("DESC", "MIX")
    }
    assert trainings == ["DESC", "MIX"]
    trainings.clear()
    for first, second in (("DESC", "MIX"), ("MIX", "DESC")):
        kept = tmp_path / f"kept by {first}"
        made(tmp_path / f"{first} before", first, kept=kept, **beyond)
        network, history, told = made(tmp_path / f"{second} after", second, kept=kept, **beyond)
        expected, epochs, expected_told = own[second]
        assert same(network, expected) and network.header == expected.header
        pd.testing.assert_frame_equal(history, epochs, check_exact=True)  # columns in their order too
        assert {name: told[name] for name in expected_told} == expected_told
    assert trainings == ["DESC", "MIX"]
    desc, mix = (epochs["valid_top1"].tolist() for _, epochs, _ in own.values())
    assert desc != mix  # the exits are put together otherwise: a history cannot be taken as it is


def test_all_weightings_have_one_single_exit_network(tmp_path, trainings):
    found = [
        made(tmp_path / name, name, "baseline", kept=tmp_path / "kept")
        for name in ("MIX", "UNIF", "ASC", "DESC")
    ]
    assert len(trainings) == 1
    for network, history, _ in found[1:]:
        assert same(network, found[0][0])
        assert history.equals(found[0][1])


@pytest.mark.parametrize(
    "other",
    [
        {"weights": "ASC"},
        {"weights": "UNIF"},
        {"kind": "baseline"},
        {"run": configs.RUN.model_copy(update={"seed": 1})},
        {"lr": 0.02},
        {"diversity": 0.1},
        {"losses": "learned"},
        {"resolution": 24},
        {"patience": 1},
    ],
    ids=str,
)
def test_what_is_trained_otherwise_is_not_taken(tmp_path, trainings, other):
    made(tmp_path / "one", "DESC", kept=tmp_path / "kept")
    made(tmp_path / "other", kept=tmp_path / "kept", **{"weights": "DESC", **other})
    assert len(trainings) == 2


def test_other_images_are_trained_on_anew(tmp_path, trainings):
    training = configs.aep_training(**OWN)
    for number, images in enumerate((IMAGES, splits(train=60, valid=28))):
        stores = (StateStore(tmp_path / "kept"), StateStore(tmp_path / str(number)))
        trained("ensemble", images, training, configs.RUN, *stores)
    assert len(trainings) == 2


def test_what_another_process_is_training_is_waited_for(tmp_path, trainings):
    """The first holds its lock until it is done; the second finds what it has kept."""
    kept = tmp_path / "kept"
    made(tmp_path / "before", "MIX", kept=kept)
    (file,) = kept.glob("*.safetensors")
    with FileLock(file.with_suffix(".lock"), thread_local=False) as held:
        away = file.rename(tmp_path / "away")
        found = []
        second = Thread(target=lambda: found.append(made(tmp_path / "second", "DESC", kept=kept)))
        second.start()
        second.join(1)
        assert second.is_alive() and not found
        away.rename(file)
        held.release()
    second.join()
    assert len(found) == 1 and trainings == ["MIX"]


def test_an_epoch_is_told_twice_around_as_it_was():
    entry = {"train_top1": 1.0, "train_exits_as_MIX_top1": 2.0, "valid_loss": 0.5}
    entry |= {f"{part}_{name}": 3.0 for part in ("train", "valid") for name in ("top5", "exits_as_MIX_top5")}
    entry |= {"valid_top1": 4.0, "valid_exits_as_MIX_top1": 5.0}
    told = retold(entry, "DESC", "MIX")
    assert (told["train_top1"], told["train_exits_as_DESC_top1"], told["valid_loss"]) == (2.0, 1.0, 0.5)
    assert retold(told, "MIX", "DESC") == entry
    assert list(retold(told, "MIX", "DESC")) == list(entry)
