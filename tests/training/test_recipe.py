from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from natv2.exits.weightings import exit_weights
from natv2.images.batches import Epochs, calibration_batches, evaluation_batches
from natv2.images.config import CalibrationConfig
from natv2.spaces.architecture import constant
from natv2.supernets.network import Network
from natv2.training import recipe
from natv2.training.config import RecipeConfig
from natv2.training.loop import fit
from natv2.training.recalibration import calibrate
from natv2.training.recipe import FoundEpochs, fine_tune, validate
from natv2.training.schedule import RateSchedule
from natv2.training.state_store import StateStore
from tests.configs import RUN
from tests.tiny import new_supernet, splits

IMAGES = splits(train=24, valid=8, test=8)
TRAIN, BOTH = set(range(24)), {*range(24), *range(1000, 1008)}
CONFIG = RecipeConfig(
    optimizer="sgd",
    lr=0.02,
    momentum=0.9,
    weight_decay=1e-4,
    batch_size=8,
    max_epochs=6,
    epochs="found",
    patience=2,
)
RUN_3 = RUN.model_copy(update={"seed": 3})


def found_network(exits: tuple[int, ...] = (3,)) -> Network:
    supernet = new_supernet("EE_D_OFAMobileNetV3", dropout=0.2)
    architecture = constant(
        supernet.design, resolution=16, width=0.1, exits=exits, depth=2, kernel=5, expand_ratio=4, mask=4
    )
    batches = calibration_batches(IMAGES, CalibrationConfig(images=24, batch_size=8), 0)
    return supernet.subnet(architecture, calibrate(supernet, architecture, batches))


def tuned(
    network: Network, folder: Path, config: RecipeConfig = CONFIG, name: str = "", weighting: str = "UNIF"
) -> tuple[Network, FoundEpochs]:
    store = StateStore(folder, name)
    return fine_tune(
        network,
        images=IMAGES,
        config=config,
        exit_weighting=weighting,
        evaluation_batch_size=5,
        run=RUN_3,
        store=store,
    )


def copy_of(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.fixture
def phases(monkeypatch):
    """What each of the two phases started from, trained on (ids, an epoch each) and ended with."""
    record = []

    class Watched(Epochs):
        def __call__(self, epoch):
            ids = []
            record[-1]["epochs"].append(ids)
            for batch in super().__call__(epoch):
                ids.extend(batch.ids.tolist())
                yield batch

    def recording(module, step, epochs, **options):
        entry = {"start": copy_of(module), "epochs": [], "options": options}
        record.append(entry)
        entry["history"] = fit(module, step, Watched(**vars(epochs)), **options)
        entry["end"] = copy_of(module)
        return entry["history"]

    monkeypatch.setattr(recipe, "fit", recording)
    return record


@pytest.fixture
def validations(monkeypatch):
    """Makes the second epoch the best; gives the sets of ids that were validated on."""
    losses, seen = iter([3.0, 1.0, 2.0, 2.0, 2.0, 2.0]), []

    def scripted(network, batches, weights, metric, loss_weights):
        seen.append({i for batch in batches for i in batch.ids.tolist()})
        loss = next(losses)
        return {"valid_loss": loss, "valid_accuracy": 1 / loss}

    monkeypatch.setattr(recipe, "validate", scripted)
    return seen


def test_phase_two_starts_again_on_all_images_for_the_found_epochs(tmp_path, phases, validations):
    network = found_network()
    before = copy_of(network)
    best, result = tuned(network, tmp_path, name="network")
    find, final = phases
    # both start from the found weights, which stay as they are
    assert same(find["start"], before)
    assert same(final["start"], before)
    assert same(copy_of(network), before)
    assert not same(find["end"], before)
    # phase one: training images, until patience ends it; validated on validation images
    assert [set(ids) for ids in find["epochs"]] == [TRAIN] * 4
    assert validations == [set(range(1000, 1008))] * 4
    # phase two: each training and validation image once an epoch, for the two epochs that were found
    assert [sorted(ids) for ids in final["epochs"]] == [sorted(BOTH)] * 2
    assert final["epochs"][0] != final["epochs"][1]
    assert result.epochs == len(final["history"]) == 2
    assert result.valid_accuracy == 1.0
    assert same(copy_of(best), final["end"])
    assert not best.training
    # both follow the same schedule
    assert find["options"]["schedule"] == final["options"]["schedule"] == RateSchedule(lr=0.02, epochs=6)
    assert find["options"]["optimiser"] == final["options"]["optimiser"] == CONFIG
    rates = [[entry["learning_rate"] for entry in phase["history"]] for phase in (find, final)]
    assert rates[0][:2] == rates[1]


@pytest.mark.parametrize("epochs", [1, 3])
def test_the_best_epoch_is_the_one_with_the_lowest_validation_loss(tmp_path, phases, monkeypatch, epochs):
    losses = iter([0.5 if epoch == epochs else 1.0 for epoch in range(1, 7)])
    monkeypatch.setattr(recipe, "validate", lambda *_: {"valid_loss": next(losses), "valid_accuracy": 0.1})
    _, result = tuned(found_network(), tmp_path)
    assert result.epochs == epochs
    assert len(phases[1]["epochs"]) == epochs


def test_all_epochs_are_the_whole_schedule_in_both_phases(tmp_path, phases, validations):
    config = CONFIG.model_copy(update={"epochs": "all"})
    _, result = tuned(found_network(), tmp_path, config)
    assert [len(phase["epochs"]) for phase in phases] == [6, 6]
    assert result.epochs == 6
    assert result.valid_accuracy == 0.5  # of the last epoch, not of the best
    rates = [entry["learning_rate"] for entry in phases[1]["history"]]
    assert rates[-1] < 0.1 * rates[0]


@pytest.mark.parametrize("where", [0.1, 0.97], ids=["phase one", "phase two"])
def test_a_stopped_fine_tuning_goes_on(tmp_path, monkeypatch, where):
    steps, limit, forward = 0, float("inf"), Network.forward

    def stopping(self, x):
        nonlocal steps, limit
        steps += self.training
        if self.training and steps >= limit:
            limit = float("inf")
            raise KeyboardInterrupt
        return forward(self, x)

    monkeypatch.setattr(Network, "forward", stopping)
    undisturbed = tuned(found_network(), tmp_path / "a")
    steps, limit = 0, round(where * steps)
    with pytest.raises(KeyboardInterrupt):
        tuned(found_network(), tmp_path / "b")
    resumed = tuned(found_network(), tmp_path / "b")
    assert resumed[1] == undisturbed[1]
    assert same(copy_of(resumed[0]), copy_of(undisturbed[0]))


def test_validation_is_the_mean_over_images_in_evaluation_mode():
    network = found_network()
    (whole,) = evaluation_batches(IMAGES, IMAGES.valid, 8)
    with torch.no_grad():
        (logits,) = network(whole.at(16))
    network.train()
    found = validate(network, list(evaluation_batches(IMAGES, IMAGES.valid, 3)), (1.0,))
    log_probabilities = logits.double().log_softmax(dim=1)
    losses = [-log_probabilities[i, label].item() for i, label in enumerate(whole.labels)]
    right = [int(logits[i].argmax() == label) for i, label in enumerate(whole.labels)]
    assert found["valid_loss"] == pytest.approx(sum(losses) / 8, rel=1e-5)
    assert found["valid_accuracy"] == sum(right) / 8


@pytest.mark.parametrize("weighting", ["DESC", "MIX"])
def test_several_exits_are_trained_jointly_and_judged_as_an_ensemble(tmp_path, weighting):
    network = found_network((1, 2, 3))
    losses, outputs = (
        (1 / 2, 1 / 3, 1 / 6),
        (1 / 6, 1 / 3, 1 / 2) if weighting == "MIX" else (1 / 2, 1 / 3, 1 / 6),
    )
    (whole,) = evaluation_batches(IMAGES, IMAGES.valid, 8)
    step = recipe._step(network, weighting)
    torch.manual_seed(0)  # the same dropout
    taken = step(whole, 0, 0)
    trained = {name: p.grad.clone() for name, p in network.named_parameters()}
    network.zero_grad()
    torch.manual_seed(0)
    by_hand = sum(
        weight * cross_entropy(logits, whole.labels)
        for weight, logits in zip(losses, network.train()(whole.at(16)), strict=True)
    )
    by_hand.backward()
    assert taken == pytest.approx(by_hand.item(), rel=1e-5)
    for name, parameter in network.named_parameters():
        torch.testing.assert_close(parameter.grad, trained[name], rtol=1e-3, atol=1e-5)

    with torch.no_grad():
        logits = sum(w * o for w, o in zip(outputs, network.eval()(whole.at(16)), strict=True))
    judged = validate(network, [whole], exit_weights(weighting, 3).output)
    assert judged["valid_accuracy"] == (logits.argmax(1) == whole.labels).double().mean()
    assert judged["valid_loss"] == pytest.approx(cross_entropy(logits, whole.labels).item(), rel=1e-5)

    best, found = tuned(network, tmp_path, weighting=weighting)
    assert best.architecture.exits == (1, 2, 3) and found.epochs >= 1


def test_by_macro_all_classes_count_alike_in_what_chooses_and_in_what_is_told(tmp_path, monkeypatch):
    keep = torch.tensor([0, 4, 1, 2, 3])  # of class 0 two images
    images = replace(IMAGES, valid=IMAGES.valid.subset(keep))
    seen = []

    def watched(*given):
        seen.append(validate(*given))
        return seen[-1]

    monkeypatch.setattr(recipe, "validate", watched)
    _, found = fine_tune(
        found_network(),
        images=images,
        config=CONFIG.model_copy(update={"max_epochs": 1, "epochs": "all"}),
        exit_weighting="DESC",
        evaluation_batch_size=2,
        run=RUN,
        store=StateStore(tmp_path),
        metric="macro",
    )
    (whole,) = evaluation_batches(images, images.valid, 8)
    with torch.no_grad():
        (logits,) = found.network(whole.at(16))
    losses, right = cross_entropy(logits, whole.labels, reduction="none"), logits.argmax(1) == whole.labels
    by_class = [whole.labels == label for label in whole.labels.unique()]
    expected = torch.stack([losses[own].mean() for own in by_class]).mean()
    assert seen[-1]["valid_loss"] == pytest.approx(expected.item(), rel=1e-5)
    assert found.valid_accuracy == pytest.approx(np.mean([right[own].double().mean() for own in by_class]))
