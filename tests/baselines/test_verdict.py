"""Intervals against the exact distribution, verdicts and their sentences on made-up tables."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom, multinomial

from natv2.baselines.verdict import (
    Right,
    gain_interval,
    judge,
    pretrained_clause,
    sentence,
    with_verdict,
)

IMAGES = 200

MORE = "More epochs may change this: budget, or those of supernets and of postprocess.full."


def answers(*counts: int) -> tuple[Right, Right]:
    """Of one network and another: how many images both, the first alone, the second alone, neither know."""
    both, one, other, neither = counts
    first = [True] * (both + one) + [False] * (other + neither)
    second = [True] * both + [False] * one + [True] * other + [False] * neither
    order = np.random.default_rng(0).permutation(len(first))
    return np.array(first)[order], np.array(second)[order]


def exact(better: int, worse: int, count: int) -> tuple[float, float]:
    """Quantiles of (B - W) / n, where (B, W, rest) is multinomial: every outcome with its probability."""
    shares = [better / count, worse / count, 1 - (better + worse) / count]
    probability = np.zeros(2 * count + 1)
    for b in range(count + 1):
        w = np.arange(count + 1 - b)
        outcomes = np.stack([np.full_like(w, b), w, count - b - w], axis=1)
        probability[count + b - w] += multinomial.pmf(outcomes, count, shares)
    assert probability.sum() == pytest.approx(1)
    cumulated = probability.cumsum()
    low, high = (int(np.searchsorted(cumulated, level)) - count for level in (0.025, 0.975))
    return low / count, high / count


@pytest.mark.parametrize("counts", [(100, 40, 20, 40), (150, 10, 30, 10), (0, 100, 100, 0), (195, 1, 2, 2)])
def test_the_interval_is_that_of_the_exact_distribution(counts):
    gain, low, high = gain_interval(*answers(*counts), seed=0)
    _, better, worse, _ = counts
    assert gain == pytest.approx((better - worse) / IMAGES)
    expected_low, expected_high = exact(better, worse, IMAGES)
    # 10,000 draws may miss a quantile by one outcome: an image, or two where exactly one is always right.
    step = 2 if better + worse == IMAGES else 1
    assert low == pytest.approx(expected_low, abs=1.01 * step / IMAGES)
    assert high == pytest.approx(expected_high, abs=1.01 * step / IMAGES)


def test_where_one_is_never_worse_it_is_binomial():
    gain, low, high = gain_interval(*answers(100, 30, 0, 70), seed=1)
    expected = binom.ppf([0.025, 0.975], IMAGES, 30 / IMAGES) / IMAGES
    assert gain == 0.15
    assert [low, high] == pytest.approx(expected.tolist(), abs=1.01 / IMAGES)


def test_it_is_what_drawing_images_anew_gives():
    one, other = answers(90, 50, 30, 30)
    generator = np.random.default_rng(5)
    gains = []
    for _ in range(4000):
        images = generator.integers(0, IMAGES, IMAGES)
        gains.append(one[images].mean() - other[images].mean())
    gain, low, high = gain_interval(one, other, seed=0)
    assert gain == pytest.approx(one.mean() - other.mean())
    assert [low, high] == pytest.approx(np.quantile(gains, [0.025, 0.975]).tolist(), abs=2.01 / IMAGES)


def test_pairs_count_not_accuracies_alone():
    """Two networks of the same accuracies: the more often they agree, the surer the difference."""
    agreeing = gain_interval(*answers(115, 20, 0, 65), seed=0)
    differing = gain_interval(*answers(70, 65, 45, 20), seed=0)
    assert agreeing[0] == pytest.approx(differing[0]) == pytest.approx(0.1)
    assert agreeing[2] - agreeing[1] < differing[2] - differing[1]
    assert agreeing[1] > 0 > differing[1]


def test_a_network_beside_itself_and_the_other_way_round():
    one, other = answers(100, 40, 20, 40)
    assert gain_interval(one, one, seed=0) == (0, 0, 0)
    here, there = gain_interval(one, other, seed=0), gain_interval(other, one, seed=0)
    assert here[0] == -there[0]
    assert here[1:] == pytest.approx((-there[2], -there[1]), abs=1.01 / IMAGES)
    assert gain_interval(one, other, seed=0) == here


# ── made-up tables ───────────────────────────────────────────────────────────────────────────────

# Right about the first so many images: differences are differences of these numbers.
KNOWN = {"strong": 180, "middle": 120, "even": 121, "weak": 60, "small": 110, "large": 150, "larger": 155}
RIGHT = {name: np.arange(IMAGES) < count for name, count in KNOWN.items()}
PLAIN = pd.DataFrame(
    {
        "name": ["small", "middle", "large", "larger"],
        "macs": [10, 20, 30, 40],
        "params": [900, 400, 300, 200],
        "valid_accuracy": [0.5, 0.6, 0.8, 0.7],
        "test_accuracy": [0.55, 0.6, 0.75, 0.775],
    }
)


def finished(**macs: int) -> pd.DataFrame:
    networks = pd.DataFrame({"name": list(macs), "macs": list(macs.values()), "params": [500] * len(macs)})
    return networks.assign(accuracy_after=0.55, test_accuracy=0.9)


def judged(networks: pd.DataFrame, plain: pd.DataFrame = PLAIN, costs=("macs",)) -> pd.DataFrame:
    return judge(networks, plain, RIGHT, costs, 0)


def told(networks: pd.DataFrame, plain: pd.DataFrame = PLAIN, costs=("macs",)) -> str:
    return sentence(judged(networks, plain, costs), networks, plain)


def test_each_is_beside_the_best_on_validation_of_at_most_its_cost():
    """Not beside the best on test images: `larger` knows more of them than `large`."""
    verdict = judged(finished(strong=45, weak=25, even=10), costs=("macs", "params"))
    assert verdict["name"].tolist() == ["strong", "strong", "weak", "weak", "even", "even"]
    assert verdict["cost"].tolist() == ["macs", "params"] * 3
    assert verdict["best_plain"].tolist() == ["large", "large", "middle", "large", "small", "large"]
    gains = [(180 - 150), (180 - 150), (60 - 120), (60 - 150), (121 - 110), (121 - 150)]
    assert verdict["gain"].tolist() == pytest.approx([gain / IMAGES for gain in gains])
    for row in verdict.to_dict("records"):
        expected = gain_interval(RIGHT[row["name"]], RIGHT[row["best_plain"]], 0)
        assert (row["gain"], row["gain_low"], row["gain_high"]) == expected


def test_wins():
    verdict = judged(finished(strong=45))
    assert (verdict["gain_low"] > 0).all()
    assert told(finished(strong=45)) == (
        "Verdict: the finished network beats the best plain network of at most its MACs beyond noise."
    )
    assert told(finished(strong=45, even=10)) == (
        "Verdict: 2 of 2 finished networks beat the best plain network of at most their MACs beyond noise."
    )


def test_a_tie_is_no_win_and_the_plain_one_is_taken():
    verdict = judged(finished(even=20))
    assert verdict["gain"].tolist() == [pytest.approx(1 / IMAGES)] and verdict["gain_low"].tolist() == [0]
    assert told(finished(even=20)) == (
        "Verdict: the finished network is within noise of the best plain network of at most its MACs. "
        "Take the plain network middle instead, middle.safetensors of finished_plain_networks. " + MORE
    )


def test_losses():
    assert told(finished(weak=25, even=35)) == (
        "Verdict: none of 2 finished networks beats the best plain network of at most its MACs beyond noise: "
        "2 are beaten by it. Take the plain network large instead, large.safetensors of "
        "finished_plain_networks. " + MORE
    )
    assert told(finished(weak=25)).startswith(
        "Verdict: the finished network is beaten by the best plain network of at most its MACs beyond noise. "
    )
    assert told(finished(strong=45, weak=25)) == (
        "Verdict: 1 of 2 finished networks beats the best plain network of at most its MACs beyond noise, "
        "1 is beaten by it."
    )


def test_every_network_is_told_of_once():
    networks = finished(strong=45, weak=25, middle=20, even=9, small=9)
    assert told(networks) == (
        "Verdict: 1 of 5 finished networks beats the best plain network of at most its MACs beyond noise, "
        "1 is beaten by it, 1 is within noise of it. For the other 2 no plain network costs as little."
    )


def test_where_no_plain_network_is_small_enough():
    verdict = judged(finished(strong=9, even=20))
    assert verdict["best_plain"].isna().tolist() == [True, False]
    assert verdict[["gain", "gain_low", "gain_high"]].isna().all(axis=1).tolist() == [True, False]
    assert told(finished(strong=9)) == (
        "Verdict: there is no plain network of at most the MACs of the finished network, "
        "so nothing is compared by MACs."
    )
    assert told(finished(strong=9, weak=8)) == (
        "Verdict: there is no plain network of at most the MACs of any of 2 finished networks, "
        "so nothing is compared by MACs."
    )
    assert told(finished(strong=45, weak=9)) == (
        "Verdict: 1 of 2 finished networks beats the best plain network of at most its MACs beyond noise. "
        "For the other one no plain network costs as little."
    )
    assert told(finished(strong=9, weak=20)) == (
        "Verdict: none of 2 finished networks beats the best plain network of at most its MACs beyond noise: "
        "1 is beaten by it. For the other one no plain network costs as little. "
        "Take the plain network middle instead, middle.safetensors of finished_plain_networks. " + MORE
    )


def test_what_is_as_accurate_as_the_best_plain_one_for_less_is_told_in_its_place():
    """The demo once said to take the plain network where a smaller one of ours was the best of all."""
    networks = finished(strong=9, weak=20).assign(accuracy_after=[0.8, 0.9], test_accuracy=[0.9, 0.3])
    assert told(networks).endswith(
        "For the other one no plain network costs as little. strong is as accurate on validation "
        "images as the plain network large, with 30 % of its MACs (test top-1 90.0 %, there 75.0 %)."
    )
    # Or as the one that would be named, where the best of all is out of reach.
    huge = PLAIN.iloc[-1:].assign(name="huge", valid_accuracy=0.99, macs=1000)
    beside = finished(strong=9, even=35).assign(accuracy_after=[0.8, 0.7])
    assert "strong is as accurate on validation images as the plain network large, with" in told(
        beside, pd.concat([PLAIN, huge])
    )
    costly = networks.assign(macs=[9, 31], accuracy_after=[0.79, 0.9])
    assert "Take the plain network large instead" in told(costly)


@pytest.mark.parametrize("plain", [PLAIN.iloc[:0], pd.DataFrame(columns=["name", "plain", "valid_accuracy"])])
def test_where_there_is_no_plain_network_at_all(plain):
    verdict = judged(finished(strong=45), plain)
    assert verdict["best_plain"].isna().all() and verdict["gain"].isna().all()
    assert told(finished(strong=45), plain) == (
        "Verdict: none, for no plain network was trained beside these networks."
    )


def test_each_cost_has_its_part_of_the_sentence():
    plain = PLAIN.assign(latency=[4.0, 3.0, 2.0, 1.0])
    networks = finished(strong=25, weak=25).assign(latency=[2.5, 0.5])
    one = "1 of 2 finished networks beats the best plain network of at most its"
    assert told(networks, plain, ("macs", "params", "latency")) == (
        f"Verdict: {one} MACs beyond noise, 1 is beaten by it. {one} parameters beyond noise, 1 is beaten by "
        f"it. {one} latency beyond noise. For the other one no plain network costs as little."
    )


def test_results_have_the_verdict_by_the_first_cost_and_those_of_others_by_their_names():
    networks = finished(strong=45, weak=9)
    verdict = judged(networks, costs=("params", "macs"))
    table = with_verdict(networks, verdict)
    assert table["name"].tolist() == ["strong", "weak"]
    assert table["best_plain"].tolist() == ["large", "large"]
    assert table["gain"].tolist() == pytest.approx([0.15, -0.45])
    assert table["best_plain_macs"].isna().tolist() == [False, True]
    assert table["gain_macs"].tolist() == pytest.approx([0.15, np.nan], nan_ok=True)
    assert [name for name in table if name.startswith("gain_")] == [
        *("gain_low", "gain_high", "gain_macs", "gain_low_macs", "gain_high_macs")
    ]
    assert with_verdict(finished(), judged(finished())).empty


def test_pretrained_ones_are_told_of_where_they_are_better_at_no_more_of_a_cost():
    """`large` costs 30 of MACs: nothing is said of it beside networks of less."""
    assert pretrained_clause(judged(finished(weak=25, strong=45))) == (
        "Fine-tuned from ImageNet, middle beats 1 of 2 at no more MACs beyond noise."
    )
    both = judged(finished(weak=25, even=35), costs=("macs", "params"))
    assert pretrained_clause(both) == (
        "Fine-tuned from ImageNet, middle and large beat 2 of 2 at no more MACs, "
        "2 of 2 at no more parameters beyond noise."
    )
    for nothing in (finished(strong=45), finished(even=20), finished(weak=9), finished()):
        assert pretrained_clause(judged(nothing)) == ""
    assert pretrained_clause(judged(finished(weak=25), PLAIN.iloc[:0])) == ""


# ── classes that count alike ──────────────────────────────────────────────────────────────────────

LABELS = np.array([0] * 160 + [1] * 40)
# The one knows 150 of the large class and 10 of the small one, the other 130 and 30.
OF_LARGE = np.concatenate([np.arange(160) < 150, np.arange(40) < 10])
OF_BOTH = np.concatenate([np.arange(160) < 130, np.arange(40) < 30])


def test_by_hand_the_gain_over_classes_is_the_mean_of_their_gains():
    assert gain_interval(OF_BOTH, OF_LARGE, 0)[0] == 0
    gain, low, high = gain_interval(OF_BOTH, OF_LARGE, 0, LABELS)
    assert gain == pytest.approx((-20 / 160 + 20 / 40) / 2)
    # In no class is one both better and worse, so a draw of it is binomial: normal enough at these sizes.
    spread = np.sqrt((1 / 8) * (7 / 8) / 160 + (1 / 2) ** 2 / 40) / 2
    assert [low, high] == pytest.approx([gain - 1.96 * spread, gain + 1.96 * spread], abs=0.01)


def test_it_is_what_drawing_the_images_of_each_class_anew_gives():
    generator, gains = np.random.default_rng(5), []
    for _ in range(4000):
        drawn = [
            generator.choice(np.flatnonzero(label == LABELS), (label == LABELS).sum()) for label in (0, 1)
        ]
        each = [OF_BOTH[images].mean() - OF_LARGE[images].mean() for images in drawn]
        gains.append(np.mean(each))
    found = gain_interval(OF_BOTH, OF_LARGE, 0, LABELS)
    assert found[1:] == pytest.approx(np.quantile(gains, [0.025, 0.975]).tolist(), abs=0.01)


def test_one_part_is_no_parts_to_the_bit():
    one, other = answers(100, 40, 20, 40)
    assert gain_interval(one, other, 3, np.zeros(IMAGES, np.int64)) == gain_interval(one, other, 3)


def test_a_verdict_by_macro_accuracy_sees_the_small_class():
    right = {"found": OF_BOTH, "plain": OF_LARGE}
    plain = pd.DataFrame({"name": ["plain"], "macs": [20], "valid_accuracy": [0.6], "test_accuracy": [0.59]})
    networks = pd.DataFrame(
        {"name": ["found"], "macs": [20], "accuracy_after": [0.8], "test_accuracy": [0.78]}
    )
    by_top1 = judge(networks, plain, right, ("macs",), 0)
    by_macro = judge(networks, plain, right, ("macs",), 0, LABELS)
    assert not (by_top1["gain_low"] > 0).any() and (by_macro["gain_low"] > 0).all()
    assert "the finished network beats" in sentence(by_macro, networks.assign(metric="macro"), plain)
    smaller = networks.assign(macs=10, metric="macro")
    told = sentence(by_top1, smaller, plain)
    assert "(test macro accuracy 78.0 %, there 59.0 %)" in told and "top-1" not in told
