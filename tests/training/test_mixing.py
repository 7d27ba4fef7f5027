"""mixup and CutMix, pixel by pixel."""

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy, one_hot

from natv2.training.mixing import Mix, Mixing
from tests.tiny import images_of

BOTH = Mixing(mixup=0.4, cutmix=1.0)
DRAWS = 300


def drawn(mixing: Mixing, count: int = 6, epoch: int = 0, step: int = 0, seed: int = 0, name="x") -> Mix:
    mix = mixing.draw(count, seed, name, epoch, step)
    assert mix is not None
    return mix


def equal(one: Mix, other: Mix) -> bool:
    return (one.share, one.box) == (other.share, other.box) and torch.equal(one.partners, other.partners)


def of_partners(mix: Mix, size: int) -> np.ndarray:
    """Which pixels come from the partner, (size, size): images are 0, their partners 1."""
    x = torch.stack([torch.zeros(3, size, size), torch.ones(3, size, size)])
    alone = Mix(share=mix.share, partners=torch.tensor([1, 0]), box=mix.box)
    (own, other) = alone.images(x)
    assert torch.equal(own, 1 - other) and torch.equal(own[0], own[1]) and torch.equal(own[0], own[2])
    return own[0].numpy()


def test_mixup_is_the_weighted_mean_of_both_images():
    x, mix = images_of(6, 3, 8, 8), drawn(Mixing(mixup=0.4))
    assert mix.box is None and 0 < mix.share < 1
    values, expected = x.double().numpy(), np.empty((6, 3, 8, 8))
    for n, partner in enumerate(mix.partners.tolist()):
        expected[n] = mix.share * values[n] + (1 - mix.share) * values[partner]
    assert np.allclose(mix.images(x).numpy(), expected, atol=1e-6)


def test_cutmix_takes_a_box_of_the_partner_and_nothing_else():
    x = images_of(6, 3, 16, 16)
    before = x.clone()
    for step in range(10):
        mix = drawn(Mixing(cutmix=1.0), step=step)
        mixed, taken = mix.images(x), of_partners(mix, 16)
        rows, columns = np.flatnonzero(taken.any(axis=1)), np.flatnonzero(taken.any(axis=0))
        assert taken.sum() == len(rows) * len(columns)  # a whole box
        for n, partner in enumerate(mix.partners.tolist()):
            for row in range(16):
                for column in range(16):
                    source = partner if taken[row, column] else n
                    assert torch.equal(mixed[n, :, row, column], x[source, :, row, column])
    assert torch.equal(x, before)


@pytest.mark.parametrize("size", [16, 40])
def test_shares_of_labels_are_those_of_pixels_up_to_rounding_boxes_cut_at_the_edge_too(size):
    cut = 0
    for step in range(DRAWS):
        mix = drawn(Mixing(cutmix=1.0), step=step)
        top, left, bottom, right = mix.box
        assert 0 <= top <= bottom <= 1 and 0 <= left <= right <= 1
        at_edge = 0 in (top, left) or 1 in (bottom, right)
        cut += at_edge
        if not at_edge:
            assert bottom - top == pytest.approx(right - left)
        height, width = bottom - top, right - left
        rounding = (height + width + 1 / size) / size  # each side by at most a pixel
        assert abs(of_partners(mix, size).mean() - (1 - mix.share)) <= rounding + 1e-9
    assert DRAWS / 4 < cut < DRAWS


def test_boxes_are_as_large_as_the_share_says_around_a_centre_anywhere_in_the_image():
    """Of a share of a half, which so narrow a distribution always gives."""
    side, whole, ends = 0.5**0.5, 0, []
    for step in range(DRAWS):
        box = drawn(Mixing(cutmix=1e9), step=step).box
        for low, high in ((box[0], box[2]), (box[1], box[3])):
            if low > 0 and high < 1:
                assert high - low == pytest.approx(side, abs=1e-3)
                whole += 1
            else:
                assert side / 2 - 1e-3 <= high - low <= side + 1e-3
            ends.append(low + high)
    assert whole / (2 * DRAWS) == pytest.approx(1 - side, abs=0.08)  # centres are anywhere
    assert np.mean(ends) == pytest.approx(1, abs=0.08)


def test_two_resolutions_show_the_same_box():
    for step in range(20):
        mix = drawn(Mixing(cutmix=1.0), step=step)
        small, large = of_partners(mix, 16), of_partners(mix, 64)
        for axis in (0, 1):
            ends = [np.flatnonzero(taken.any(axis=axis)) / len(taken) for taken in (small, large)]
            if all(map(len, ends)):
                assert ends[0][0] == pytest.approx(ends[1][0], abs=1 / 16)
                assert ends[0][-1] + 1 / 16 == pytest.approx(ends[1][-1] + 1 / 64, abs=1 / 16)


def test_a_mix_is_a_function_of_what_it_is_drawn_for():
    first = drawn(BOTH, step=3)
    torch.rand(5)
    np.random.default_rng(0).random()
    assert equal(first, drawn(BOTH, step=3))
    others = [drawn(BOTH), drawn(BOTH, epoch=1, step=3), drawn(BOTH, step=3, seed=1)]
    others.append(drawn(BOTH, step=3, name="y"))
    assert not any(equal(first, other) for other in others)


def test_both_kinds_occur_as_often_and_each_alone_where_the_other_is_off():
    boxes = sum(drawn(BOTH, step=step).box is not None for step in range(DRAWS))
    assert abs(boxes / DRAWS - 0.5) < 4 * 0.5 / DRAWS**0.5
    for step in range(10):
        assert drawn(Mixing(mixup=0.4), step=step).box is None
        assert drawn(Mixing(cutmix=0.4), step=step).box is not None
    assert Mixing().draw(6, 0, "x", 0, 0) is None


@pytest.mark.parametrize("alpha", [0.4, 1.0])
def test_shares_of_mixup_are_drawn_from_its_beta_distribution(alpha):
    shares = np.array([drawn(Mixing(mixup=alpha), step=step).share for step in range(DRAWS)])
    variance = 1 / (4 * (2 * alpha + 1))
    assert shares.mean() == pytest.approx(0.5, abs=4 * (variance / DRAWS) ** 0.5)
    assert shares.var() == pytest.approx(variance, rel=0.25)


def test_partners_are_a_permutation_of_the_batch():
    for count in (2, 7, 8):
        assert drawn(BOTH, count).partners.sort().values.tolist() == list(range(count))


def test_the_loss_is_that_of_mixed_labels():
    logits, labels = images_of(6, 4, memory_format=torch.contiguous_format), torch.tensor([0, 1, 2, 3, 0, 2])
    for step in range(4):
        mix = drawn(BOTH, step=step)
        hot = one_hot(labels, 4).float()
        mixed = mix.share * hot + (1 - mix.share) * hot[mix.partners]
        found = mix.loss(cross_entropy(logits, labels), cross_entropy(logits, labels[mix.partners]))
        assert found.item() == pytest.approx(cross_entropy(logits, mixed).item(), rel=1e-6)
