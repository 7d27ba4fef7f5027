"""A teacher's soft labels for epochs that several students share: computed once, then read from disk."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from natv2.finished_network import Classifier
from natv2.images.batches import Batch
from natv2.images.datasets import Channels
from natv2.ranks.world import world
from natv2.training.mixing import Mix
from natv2.training.state_store import State, StateStore


@dataclass(frozen=True, kw_only=True, eq=False)
class FinishingTeacher:
    """A classifier in evaluation mode: `logits` of prepared images, of its own size and normalisation.

    `name` says in records what it is, `mark` is a digest of all that its answers follow from.
    """

    name: str
    mark: str
    logits: Callable[[Tensor], Tensor]
    resolution: int
    mean: Channels
    std: Channels

    @classmethod
    def of(cls, classifier: Classifier, name: str, device: str) -> "FinishingTeacher":
        """A finished network as a teacher, on `device`."""
        classifier.eval().requires_grad_(False).to(device)
        header, size = classifier.header, classifier.resolution
        return cls(
            name=name,
            mark=teacher_mark(classifier.network, size, header.mean, header.std, header.weights),
            logits=classifier.logits,
            resolution=size,
            mean=header.mean,
            std=header.std,
        )

    @torch.no_grad()
    def answer(self, batch: Batch, mix: Mix | None = None) -> Tensor:
        """Logits (N, classes) for the images of `batch`, mixed as the student's."""
        images = batch.normalised(self.mean, self.std).at(self.resolution)
        return self.logits(images if mix is None else mix.images(images))


@dataclass(frozen=True, eq=False)
class SoftLabels:
    """What `teacher` says of each batch, at its own resolution and normalisation, mixed as the student's.

    Logits are kept in `store` an epoch at a time, float16: students whose epochs have the same draws learn
    from them without asking the teacher again. So a store belongs to one teacher and to one kind of epochs
    (`Finishing.soft_labels` sees to it).
    """

    teacher: FinishingTeacher
    store: StateStore
    _kept: dict[str, list[Tensor]] = field(default_factory=dict, init=False, repr=False)

    def logits(self, batch: Batch, mix: Mix | None, epoch: int, step: int) -> Tensor:
        """Logits, float32 (N, classes), for the images of a step, the steps of an epoch in their order."""
        key = _key(epoch)
        if key not in self._kept:
            self._kept.clear()
            state = self.store.load(key)
            self._kept[key] = (
                [] if state is None else [state.tensors[str(n)] for n in range(len(state.tensors))]
            )
        known = self._kept[key]
        if step >= len(known):
            known.append(self.teacher.answer(batch, mix).half())
        return known[step].to(batch.labels.device).float()

    def holds(self, epoch: int) -> bool:
        """Whether the epoch is kept."""
        return self.store.holds(_key(epoch))

    def end(self, epoch: int) -> None:
        """Keep what was said in an epoch that has ended."""
        key = _key(epoch)
        if key in self._kept and not self.store.holds(key):
            self.store.save(key, State(tensors={str(n): each for n, each in enumerate(self._kept[key])}))


def _key(epoch: int) -> str:
    # A rank of several that train one network sees a slice of each batch: what it is told is its own.
    these = world()
    slices = f"_rank_{these.rank}_of_{these.size}" if these.size > 1 else ""
    return f"epoch_{epoch + 1:04}{slices}"


def teacher_mark(network: nn.Module, *known: object) -> str:
    """A digest of all weights of `network` and of what else is `known` of it, which tells it from others."""
    found = blake2b(json.dumps(known).encode(), digest_size=8)
    for name, tensor in network.state_dict().items():
        found.update(name.encode())
        found.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return found.hexdigest()


def distilled_loss(logits: Tensor, taught: Tensor, temperature: float) -> Tensor:
    """T² times the cross-entropy of softened logits with the teacher's (Hinton et al., 2015)."""
    return temperature**2 * cross_entropy(logits / temperature, (taught / temperature).softmax(dim=1))
