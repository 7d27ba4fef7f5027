import copy
import dataclasses

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from natv2.aep.measuring import epoch_seconds
from natv2.aep.pruning import ExitLogits, exit_logits
from natv2.aep.results import result
from natv2.exits.stopping_curve import stopping_curve
from natv2.images.batches import evaluation_batches
from tests.aep.test_classifier import classifier
from tests.aep.test_training import IMAGES, RUN
from tests.aep.tiny import tiny
from tests.configs import aep_training
from tests.tiny import splits


def test_where_images_leave_early_the_table_tells_what_they_took_one_by_one():
    images = splits(valid=8, test=40)
    batches = evaluation_batches(images, images.test, 16)
    said = exit_logits(classifier().network, batches, 16)
    curve = stopping_curve(said.logits_ENC, said.labels, classifier().header.weights, np.arange(1.0, 5))
    all_exits = curve[curve.filter(like="share_").min(axis=1) > 0]
    row = all_exits.loc[all_exits["mean_cost"].idxmin()]  # most leave at the first
    early = classifier(thresholds=tuple(row.filter(like="threshold_")))
    row = result(early, said, said)
    module, taken, right, left = early.early_stopping(), [], [], set()
    with torch.inference_mode():
        for batch in batches:
            for image, label in zip(batch.at(16), batch.labels, strict=True):
                with FlopCounterMode(display=False) as counter:
                    logits, exit = module.decide(image[None])
                taken.append(counter.get_total_flops() / 2)
                right.append(logits.argmax().item() == label.item())
                left.add(exit)
    assert left == {0, 1, 2, 3}
    assert row["macs"] == pytest.approx(sum(taken) / len(taken))
    assert row["test_top1"] == pytest.approx(sum(right) / len(right))


def test_each_exit_tells_its_own_top_1_and_top_5():
    labels = torch.arange(40) % 7
    logits = torch.randn(4, 40, 7, generator=torch.Generator().manual_seed(0))
    said = ExitLogits(exits=(1, 2, 3, 4), logits_ENC=logits, labels=labels)
    seven = classifier()
    seven.header = dataclasses.replace(seven.header, class_names=tuple("abcdefg"))
    row = result(seven, said, said)
    for exit in range(4):
        first = logits[exit].topk(5).indices == labels[:, None]
        assert row[f"exit_{exit + 1}"] == pytest.approx(first[:, 0].float().mean().item())
        assert row[f"exit_{exit + 1}_top5"] == pytest.approx(first.any(dim=1).float().mean().item())


def test_timing_an_epoch_leaves_the_networks_as_they_were():
    network = tiny()
    before = copy.deepcopy(network.state_dict())
    training = aep_training(aep={"batch_size": 32})
    (seconds,) = epoch_seconds([(network, "MIX")], IMAGES, training, RUN)
    assert seconds > 0
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, before[name])


def test_top5_of_few_classes_is_not_told_and_unequal_classes_are():
    network = classifier()
    labels = torch.tensor([0] * 18 + [1, 1])
    logits_ENC = torch.zeros(4, 20, 4)
    logits_ENC[..., 0] = 1.0  # always the larger class
    said = ExitLogits(exits=(1, 2, 3, 4), logits_ENC=logits_ENC, labels=labels)
    row = result(network, said, said)
    assert row["test_top1"] == row["largest_class"] == 0.9
    assert row["test_macro"] == 0.5
    assert not [name for name in row if "top5" in name]
    equal = ExitLogits(exits=(1, 2, 3, 4), logits_ENC=logits_ENC[:, :8], labels=torch.arange(8) % 4)
    assert "test_macro" not in result(network, equal, equal)
