from itertools import chain, combinations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import top_k_accuracy_score

from natv2.aep.costs import all_subsets, mac_costs, parameter_costs
from natv2.aep.pruning import ExitLogits, accuracies, evaluate_subsets, exit_logits, format_exits, parse_exits
from natv2.exits.weightings import exit_weights
from natv2.images.batches import evaluation_batches
from tests.aep.tiny import tiny
from tests.tiny import splits


def test_all_subsets_are_all():
    assert len(all_subsets((1, 2, 3, 4, 5, 6, 7))) == 127
    powerset = chain.from_iterable(combinations((1, 3, 4), size) for size in (1, 2, 3))
    assert all_subsets((1, 3, 4)) == list(powerset)
    assert [parse_exits(format_exits(kept)) for kept in all_subsets((2, 5, 10))] == all_subsets((2, 5, 10))


@given(st.integers(1, 4), st.integers(1, 40), st.integers(2, 12), st.integers(0, 10**6))
@settings(max_examples=40)
def test_accuracies_are_scikit_learns(exits, images, classes, seed):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(exits, images, classes, generator=generator)
    labels = torch.randint(classes, (images,), generator=generator)
    weights = torch.rand(3, exits, generator=generator)
    top1, top5 = accuracies(logits, labels, weights)
    for row in range(3):
        ensemble = (weights[row][:, None, None] * logits).sum(dim=0).numpy()
        assert top1[row] == np.mean(ensemble.argmax(axis=1) == labels.numpy())
        if classes > 5:
            theirs = top_k_accuracy_score(labels.numpy(), ensemble, k=5, labels=np.arange(classes))
            assert np.isclose(top5[row], theirs)
        else:
            assert top5[row] == 1


def test_equal_logits_count_as_argmax_counts_them():
    top1, _ = accuracies(torch.zeros(1, 3, 4), torch.tensor([0, 1, 0]), torch.ones(1, 1))
    assert np.isclose(top1[0], 2 / 3)


def test_judged_from_one_pass_as_each_cut_network_by_itself():
    network, images = tiny(), splits(valid=40)
    batches = evaluation_batches(images, images.valid, 16)
    _, weights = exit_weights("ASC", 4)
    costs = {"params": parameter_costs(network), "macs": mac_costs(network, 16)}
    table = evaluate_subsets(exit_logits(network, batches, 16), weights, costs)
    assert len(table) == 15
    for row in table.to_dict("records"):
        cut = network.keep(parse_exits(row["kept"])).eval()
        right = 0
        for batch in batches:
            logits = sum(
                weights[exit - 1] * output for exit, output in zip(cut.exits, cut(batch.at(16)), strict=True)
            )
            right += int((logits.argmax(dim=1) == batch.labels).sum())
        assert row["top1"] == right / 40
        assert row["params"] == sum(p.numel() for p in cut.parameters())


def test_best_first_by_top1_then_top5_then_parameters():
    # Exit 1 and exit 2 say the same: the cheaper one is to be kept.
    logits = torch.randn(1, 60, 8).expand(2, -1, -1)
    said = ExitLogits(exits=(1, 2), logits_ENC=logits, labels=torch.randint(8, (60,)))
    table = evaluate_subsets(said, (0.5, 0.5), {"params": parameter_costs(tiny().keep((1, 2)))})
    assert list(table["kept"]) == ["1", "2", "1+2"]
    assert list(table["non_dominated"]) == [True, False, False]
    assert list(table["top1"]) == sorted(table["top1"], reverse=True)


def test_of_equal_top1_the_better_top5_goes_first():
    far, near = torch.arange(8.0), torch.arange(8.0)
    near[0] = 6.5  # the right answer is second instead of last; both are wrong
    said = ExitLogits(exits=(1, 2), logits_ENC=torch.stack([far, near])[:, None], labels=torch.tensor([0]))
    table = evaluate_subsets(said, (0.5, 0.5), {"params": parameter_costs(tiny().keep((1, 2)))})
    assert table["kept"][0] == "2"
    assert list(table["top5"]) == sorted(table["top5"], reverse=True)
