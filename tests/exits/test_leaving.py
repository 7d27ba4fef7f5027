import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from natv2.aep.costs import mac_costs
from natv2.errors import UserError
from natv2.exits.ensembles import ensemble
from natv2.exits.leaving import EarlyStopping, Stopping, running_ensembles, stopped
from natv2.exits.stopping_curve import check_mean_cost, choose_stopping, stopping_curve
from natv2.exits.weightings import exit_weights
from tests.aep.test_beyond import said
from tests.aep.tiny import tiny

COSTS = np.array([1.0, 2.0, 4.0])


def test_at_the_last_exit_the_full_ensemble_speaks():
    logits, _ = said(4, 9, 5)
    _, weights = exit_weights("ASC", 4)
    running = running_ensembles(logits, weights)
    assert torch.allclose(running[-1], ensemble(list(logits), weights), atol=1e-5)
    assert torch.allclose(running[0], logits[0], atol=1e-5)


@pytest.mark.parametrize("weighting", ["MIX", "DESC"])
def test_what_is_foreseen_from_logits_is_what_the_module_does_image_by_image(weighting):
    network = tiny().eval()
    images = torch.randn(60, 3, 16, 16)
    _, weights = exit_weights(weighting, 4)
    with torch.no_grad():
        logits = torch.stack(network(images))
    labels = torch.randint(4, (60,))
    curve = stopping_curve(logits, labels, weights, mac_costs(network, 16).when_stopping())
    # The row in which the images are spread over the exits most evenly.
    row = curve.loc[curve.filter(like="share_").min(axis=1).idxmax()]
    stopping = Stopping(thresholds=tuple(row.filter(like="threshold_")))
    foreseen, left = stopped(logits, weights, stopping)
    assert len(set(left)) == 4  # images leave at all exits
    module = EarlyStopping(network, stopping, weights)
    run: list[int] = []
    for number, stage in enumerate(network.stages):
        stage.register_forward_hook(lambda *_, number=number: run.append(number))
    with torch.no_grad():
        for index in range(len(images)):
            run.clear()
            answer, exit = module.decide(images[index : index + 1])
            assert exit == left[index]
            assert run == list(range(exit + 1))  # what lies behind was not computed
            assert torch.allclose(answer[0], foreseen[index], atol=1e-5)
            assert torch.equal(module(images[index : index + 1]), answer)


@given(st.integers(2, 5), st.integers(10, 50), st.integers(2, 6), st.integers(0, 10**6))
@settings(max_examples=25)
def test_the_curve_tells_what_its_thresholds_do(exits, images, classes, seed):
    logits, labels = said(exits, images, classes, seed)
    costs = np.cumsum(np.arange(1.0, exits + 1))
    weights = (1 / exits,) * exits
    curve = stopping_curve(logits, labels, weights, costs)
    assert curve["mean_cost"].is_monotonic_increasing
    assert curve["mean_cost"].iloc[0] == costs[0]  # everyone at the first exit
    assert curve["mean_cost"].iloc[-1] == costs[-1]  # nobody before the last
    full = ensemble(list(logits), weights).argmax(dim=1)
    assert curve["top1"].iloc[-1] == pytest.approx((full == labels).double().mean().item(), abs=1.5 / images)
    for row in curve.iloc[::40].to_dict("records"):
        stopping = Stopping(thresholds=tuple(row[f"threshold_{exit}"] for exit in range(1, exits + 1)))
        answers, left = stopped(logits, weights, stopping)
        assert row["mean_cost"] == pytest.approx(np.mean([costs[exit] for exit in left]))
        assert row["top1"] == pytest.approx((answers.argmax(dim=1) == labels).double().mean().item())
        assert sum(row[f"share_{exit}"] for exit in range(1, exits + 1)) == pytest.approx(1)


def test_one_row_divides_the_images_evenly():
    """Shares are of all images, thresholds of those that have not left before."""
    logits, labels = said(3, 300, 6)
    shares = stopping_curve(logits, labels, (1 / 3,) * 3, COSTS).filter(like="share_")
    assert ((shares - 1 / 3).abs() < 0.02).all(axis=1).any()


def test_the_aim_is_kept_and_nothing_better_is_passed_over():
    logits, labels = said(3, 300, 6)
    weights = exit_weights("UNIF", 3)[1]
    curve = stopping_curve(logits, labels, weights, COSTS)
    _, cheap = choose_stopping(curve, mean_cost=2.0)
    within = curve[curve["mean_cost"] <= 2.0]
    assert curve["top1"][cheap] == within["top1"].max()
    accuracy = float(curve["top1"].iloc[-1])
    _, row = choose_stopping(curve, accuracy=accuracy)
    enough = curve[curve["top1"] >= accuracy]
    assert curve["mean_cost"][row] == enough["mean_cost"].min()


def test_aims_that_cannot_be_met_say_what_can(caplog):
    logits, labels = said(3, 50, 6)
    curve = stopping_curve(logits, labels, (0.2, 0.3, 0.5), COSTS)
    with pytest.raises(UserError, match=r"mean cost of 0\.5 MACs cannot be had; the least is 1"):
        choose_stopping(curve, mean_cost=0.5)
    with pytest.raises(UserError, match=r"mean_cost 0\.1 cannot be had; the first exit takes 0\.\d+"):
        check_mean_cost(COSTS, 0.1)
    check_mean_cost(COSTS, COSTS[0] / COSTS[-1])
    assert choose_stopping(curve, accuracy=1.0) == choose_stopping(curve, accuracy=curve["top1"].max())
    assert "a validation top-1 of 1 cannot be had" in caplog.text
    with pytest.raises(UserError, match="2 images cannot stop early together"):
        EarlyStopping(nn.Module(), Stopping(thresholds=(0.0,)), (1.0,))(torch.zeros(2, 3, 16, 16))
