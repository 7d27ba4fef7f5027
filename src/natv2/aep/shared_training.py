"""Trainings that runs have in common: one single-exit network for all weightings, one for DESC and MIX.

A training is kept by all that it follows from. Whoever needs it next takes it, to the same bits.
"""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import torch
from filelock import FileLock, Timeout
from torch import Tensor

from natv2.aep.config import AepTraining
from natv2.aep.joint_training import told_as
from natv2.aep.network.multi_exit import MultiExitNetwork
from natv2.config import digest
from natv2.exits.weightings import ExitWeighting, exit_weights
from natv2.images.image_set import ImageSplits
from natv2.own_network import code_digest
from natv2.ranks.sameness import package_digest
from natv2.run import Run
from natv2.training.loop import History
from natv2.training.state_store import State, StateStore

_TOLD = "told"  # to this run's tracker, when it was another's training
_METRICS = ("top1", "top5")

logger = logging.getLogger("natv2")


@dataclass(frozen=True, kw_only=True)
class SharedTraining:
    """A training by `exit_weighting`, kept as `key` for all runs that would train the same.

    `kept` is what they have in common, `store` this run's own.
    """

    key: str
    exit_weighting: ExitWeighting
    kept: StateStore
    store: StateStore

    def history(self, network: MultiExitNetwork, train: Callable[[], History]) -> History:
        """Give `network`, in place, the weights of this training; its epochs.

        They are another run's where one has trained so; else `train` makes them. While another process is at
        it, it is waited for.
        """
        self.kept.folder.mkdir(parents=True, exist_ok=True)
        with self._turn():
            state = self.kept.load(self.key)
            return self._trained(network, train) if state is None else self._taken(network, state)

    def _turn(self) -> AbstractContextManager[object]:
        lock = FileLock(self.kept.folder / f"{self.key}.lock")
        try:
            return lock.acquire(timeout=0)
        except Timeout:
            logger.info("%s: another run trains the same, which is waited for", self.store.name)
            return lock.acquire()

    def _trained(self, network: MultiExitNetwork, train: Callable[[], History]) -> History:
        history = train()
        self.store.save(_TOLD, State())
        values = {"exit_weighting": self.exit_weighting, "history": history}
        self.kept.save(self.key, State(tensors=network.state_dict(), values=values))
        return history

    def _taken(self, network: MultiExitNetwork, state: State) -> History:
        network.load_state_dict(dict(state.tensors))
        made_by: ExitWeighting = state.values["exit_weighting"]
        history = [retold(entry, made_by, self.exit_weighting) for entry in state.values["history"]]
        if not self.store.holds(_TOLD):
            logger.info("%s is known from an earlier run on the same images, by %s", self.store.name, made_by)
            for epoch, entry in enumerate(history):
                self.store.track(entry, epoch)
            self.store.save(_TOLD, State())
        return history


def training_key(
    network: MultiExitNetwork,
    exit_weighting: ExitWeighting,
    images: ImageSplits,
    training: AepTraining,
    run: Run,
) -> str:
    """What the training of `network`, as it is before, is kept as: all that its weights follow from."""
    aep = training.aep
    mark = {
        "network": [training.network, code_digest(training.network), _tensors_digest(network.state_dict())],
        "losses": exit_weights(exit_weighting, len(network.exits)).loss,
        "beyond": [aep.losses, aep.diversity, aep.resolution],
        "images": [images.name, *images.class_names, images.report and images.report.fingerprint],
        "normalised": [images.mean, images.std],
        "splits": [_tensors_digest(vars(part)) for part in (images.train, images.valid)],
        "run": [run.seed, run.device, run.precision, torch.get_num_threads(), run.workers, run.hosts],
        "code": [package_digest(), torch.__version__],
    }
    return digest(mark, aep)


def retold(entry: dict[str, float], made_by: ExitWeighting, wanted: ExitWeighting) -> dict[str, float]:
    """An epoch of a training by `made_by` as `wanted`, which trains alike, would tell it."""
    if f"valid_{told_as(wanted)}_top1" not in entry:
        return entry  # they put exits together alike
    other = {
        f"{part}_{metric}": f"{part}_{told_as(wanted)}_{metric}"
        for part in ("train", "valid")
        for metric in _METRICS
    }
    exchanged = other | {theirs: own for own, theirs in other.items()}
    return {
        name.replace(told_as(wanted), told_as(made_by)): entry[exchanged.get(name, name)] for name in entry
    }


def _tensors_digest(values: dict[str, Any]) -> str:
    """A digest of the tensors among `values`, but for a pool of images: names, types, shapes and contents."""
    found = blake2b(digest_size=8)
    for name, tensor in sorted(values.items()):
        if isinstance(tensor, Tensor) and name != "pool":
            content = tensor.detach().cpu().contiguous()
            found.update(f"{name} {content.dtype} {tuple(content.shape)}".encode())
            found.update(content.reshape(-1).view(torch.uint8).numpy().data)
    return found.hexdigest()
