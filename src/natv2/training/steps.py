"""The kinds of training step: the largest network with all its exits, sampled subnets, or both."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from natv2.exits.ensembles import ensemble
from natv2.exits.weightings import ExitWeighting, ExitWeights, exit_weights
from natv2.images.batches import Batch
from natv2.spaces.architecture import Architecture
from natv2.supernets.supernet import Supernet
from natv2.training.config import Distillation
from natv2.training.distillation import Teacher, joint_loss, soft_labels, student_loss
from natv2.training.evaluation import Family
from natv2.training.loop import Step, backward
from natv2.training.meter import Seen, unseen


def joint_step(
    supernet: Supernet,
    architecture: Callable[[int, int], Architecture],
    weights: Sequence[float],
    *,
    label_smoothing: float,
    seen: Seen = unseen,
) -> Step:
    """Train one network with all its exits jointly, as AEP does (section 5.1.4).

    `architecture` gives, for an epoch and step, the network and with it the images' resolution. `seen`, of
    each kind of step, is shown what the networks say.
    """

    def step(batch: Batch, epoch: int, index: int) -> Tensor:
        network = architecture(epoch, index)
        logits = supernet(batch.at(network.resolution), network)
        seen(logits, batch.labels)
        loss = joint_loss(logits, batch.labels, weights, label_smoothing=label_smoothing)
        return backward(loss)

    return step


def elastic_step(
    family: Family,
    sample: Callable[[int, int], Sequence[Architecture]],
    teacher: Teacher | None,
    *,
    kd_ratio: float,
    label_smoothing: float,
    teacher_resolution: int | None = None,
    exit_weighting: ExitWeighting = "UNIF",
    seen: Seen = unseen,
) -> Step:
    """Train sampled subnets, their gradients summed (Algorithms 3.1 and 5.1).

    Several exits of one are trained jointly, their losses weighed by `exit_weighting`. Each subnet sees the
    batch at its own resolution; the teacher sees it at `teacher_resolution`, by default at the subnet's. The
    loss returned is the subnets' mean.
    """

    def step(batch: Batch, epoch: int, index: int) -> Tensor:
        taught: dict[int, tuple[Tensor, ...]] = {}
        losses = []
        for subnet in sample(epoch, index):
            size = teacher_resolution or subnet.resolution
            if teacher is not None and kd_ratio > 0 and size not in taught:
                taught[size] = teacher.logits(batch, size)  # once a batch
            logits = family[subnet.width](batch.at(subnet.resolution), subnet)
            seen(logits, batch.labels)
            each = [
                student_loss(
                    output,
                    batch.labels,
                    teacher.soft_labels(taught[size], exit) if teacher and taught else None,
                    kd_ratio=kd_ratio,
                    label_smoothing=label_smoothing,
                )
                for output, exit in zip(logits, subnet.exits, strict=True)
            ]
            losses.append(backward(ensemble(each, exit_weights(exit_weighting, len(each)).loss)))
        return torch.stack(losses).mean()

    return step


def sandwich_step(
    supernet: Supernet,
    largest: Callable[[int, int], Architecture],
    sample: Callable[[int, int], Sequence[Architecture]],
    weights: ExitWeights,
    *,
    kd: Distillation,
    label_smoothing: float,
    seen: Seen = unseen,
) -> Step:
    """Train the largest network on the labels and subnets on its soft labels (Yu and Huang, 2019).

    `weights` are those of its exits; without distillation the subnets learn the labels too.
    """

    def step(batch: Batch, epoch: int, index: int) -> Tensor:
        network = largest(epoch, index)
        logits = supernet(batch.at(network.resolution), network)
        seen(logits, batch.labels)
        loss = joint_loss(logits, batch.labels, weights.loss, label_smoothing=label_smoothing)
        found = [backward(loss)]
        taught = [output.detach().float() for output in logits]
        for subnet in sample(epoch, index):
            (output,) = supernet(batch.at(subnet.resolution), subnet)
            seen([output], batch.labels)
            if kd == "none":
                loss = cross_entropy(output, batch.labels, label_smoothing=label_smoothing)
            else:
                loss = cross_entropy(
                    output, soft_labels(taught, network.exits, subnet.exits[0], weights.output, kd)
                )
            found.append(backward(loss))
        return torch.stack(found).mean()

    return step
