import copy
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from natv2.aep.config import AepConfig
from natv2.aep.joint_training import JointTraining, Meters, quicken_norms, train
from natv2.aep.network.multi_exit import MultiExitNetwork
from natv2.aep.pruning import accuracies, exit_logits
from natv2.exits.ensembles import ensemble
from natv2.exits.weightings import ExitWeights, exit_weights
from natv2.images.batches import evaluation_batches, training_batches
from natv2.training.loop import History
from natv2.training.state_store import StateStore
from tests import configs
from tests.aep.tiny import tiny
from tests.tiny import splits

IMAGES = splits(train=64, valid=24)
RUN = configs.RUN.model_copy(update={"seed": 1})
CONFIG = configs.aep_training(
    aep={
        "lr": 0.01,
        "max_epochs": 4,
        "resolution": 16,
        "batch_size": 16,
        "patience": 4,
        "evaluation_batch_size": 10,
    }
).aep


def learn(network: MultiExitNetwork, folder: Path, config: AepConfig = CONFIG) -> History:
    """Train `network`, weighted by MIX."""
    store = StateStore(folder, "aep")
    return train(network, "MIX", images=IMAGES, config=config, run=RUN, store=store)


def test_a_step_is_algorithm_4_1():
    """Branch by branch, loss by loss, with torch's own Adam."""
    network, by_hand = tiny(), tiny()
    weights = exit_weights("MIX", 4)
    optimiser = torch.optim.Adam(by_hand.parameters(), lr=0.01)
    training = JointTraining(network, weights, CONFIG)
    for module in (network, by_hand):
        for layer in module.modules():
            if isinstance(layer, nn.Dropout):
                layer.p = 0.0
    ours = torch.optim.Adam(network.parameters(), lr=0.01)
    for batch in training_batches(IMAGES, IMAGES.train, batch_size=16, seed=0, purpose="t", epoch=0):
        optimiser.zero_grad()
        net_loss = 0.0
        for index, logits in enumerate(by_hand.train()(batch.at(16))):
            net_loss = net_loss + weights.loss[index] * cross_entropy(logits, batch.labels)
        net_loss.backward()
        optimiser.step()
        ours.zero_grad()
        loss = training.step()(batch, 0, 0)
        ours.step()
        assert loss.item() == pytest.approx(net_loss.item(), rel=1e-5)
    for a, b in zip(network.parameters(), by_hand.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-5)


def test_each_epoch_tells_what_the_network_then_does(tmp_path):
    """The best entry's validation figures are those of the network that one gets."""
    network = tiny()
    history = learn(network, tmp_path, CONFIG.model_copy(update={"lr": 0.03}))
    best = min(history, key=lambda entry: entry["valid_loss"])
    assert best is not history[-1]  # the last network is another
    losses, outputs = exit_weights("MIX", 4)
    found = exit_logits(network, evaluation_batches(IMAGES, IMAGES.valid, 24), 16)
    weights = torch.cat([torch.eye(4), torch.tensor([outputs])])
    top1, top5 = accuracies(found.logits_ENC, found.labels, weights)
    for exit in range(4):
        assert best[f"valid_exit_{exit + 1}_top1"] == pytest.approx(top1[exit])
        loss = cross_entropy(found.logits_ENC[exit], found.labels).item()
        assert best[f"valid_exit_{exit + 1}_loss"] == pytest.approx(loss, rel=1e-4)
    assert best["valid_top1"] == pytest.approx(top1[4])
    assert best["valid_top5"] == pytest.approx(top5[4])
    each = [cross_entropy(logits, found.labels) for logits in found.logits_ENC]
    assert best["valid_loss"] == pytest.approx(ensemble(each, losses).item(), rel=1e-4)
    assert history[-1]["train_top1"] > history[0]["train_top1"]


def test_the_baseline_and_the_ensemble_see_the_same_images_in_the_same_order(tmp_path):
    """As many of each batch, whatever the nodes are called that train them."""
    seen = {}
    for node, exits in (("train_baseline", (4,)), ("train_ensemble", (1, 2, 3, 4))):
        network, shown = tiny().keep(exits), []
        network.stages[0].register_forward_pre_hook(lambda module, x, shown=shown: shown.append(x[0]))
        store = StateStore(tmp_path / node).child(node)
        history = train(network, "UNIF", images=IMAGES, config=CONFIG, run=RUN, store=store)
        assert len(history) == CONFIG.max_epochs
        seen[node] = shown
    baseline, ensemble_ = seen.values()
    assert len(baseline) == len(ensemble_) > 4 * 64 / 16
    assert all(torch.equal(a, b) for a, b in zip(baseline, ensemble_, strict=True))


@pytest.mark.parametrize("changes", [{}, {"losses": "learned", "diversity": 0.1}], ids=["thesis", "beyond"])
def test_a_stopped_training_goes_on_to_the_same_end(tmp_path, changes, monkeypatch):
    config = CONFIG.model_copy(update=changes)
    whole, parts = tiny(), tiny()
    history = learn(whole, tmp_path / "a", config)
    saved = StateStore.save
    calls = []

    def killed(self, key, state):
        saved(self, key, state)
        calls.append(key)
        if len(calls) == 3:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(StateStore, "save", killed)
        with pytest.raises(KeyboardInterrupt):
            learn(parts, tmp_path / "b", config)
    again = tiny(seed=5)
    assert learn(again, tmp_path / "b", config) == history
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name])


def test_learned_weights_move_and_are_told(tmp_path):
    config = CONFIG.model_copy(update={"losses": "learned"})
    history = learn(tiny(), tmp_path, config)
    weights = [[entry[f"loss_weight_exit_{exit}"] for exit in range(1, 5)] for entry in history]
    assert all(sum(row) == pytest.approx(1) for row in weights)
    assert weights[0] != weights[-1]
    # With one exit there is nothing to weigh.
    alone = learn(tiny().keep((4,)), tmp_path / "1", config)
    assert not any("loss_weight" in name for name in alone[0])


def test_running_statistics_follow_within_an_epoch():
    network = tiny()
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    for steps, own, wanted in ((10, 0.01, 0.1), (1000, 0.01, 0.01), (100, 0.01, 0.0295), (10, 0.3, 0.3)):
        for norm in norms:
            norm.momentum = own
        quicken_norms(network, steps)
        assert norms[0].momentum == pytest.approx(wanted, abs=1e-4)
    assert (1 - 0.0295) ** 100 < 0.0501


def test_meters_are_means_over_images_of_uneven_batches():
    meters = Meters((1, 2), ExitWeights((0.7, 0.3), (0.5, 0.5)))
    logits, labels = torch.randn(2, 10, 6), torch.randint(6, (10,))
    for part in (slice(0, 7), slice(7, 10)):
        meters.add([output[part] for output in logits], labels[part])
    told = meters.take("x")
    whole = copy.deepcopy(meters)
    whole.add(list(logits), labels)
    assert told == pytest.approx(whole.take("x"), rel=1e-5)
    assert told["x_exit_2_loss"] == pytest.approx(cross_entropy(logits[1], labels).item(), rel=1e-5)
    assert meters.take("x")["x_top1"] == 0
