"""All ways to use a path's exits at once, against each of them image by image."""

import pytest
import torch

from natv2.exits.leaving import Stopping, confidence, running_ensembles, stopped
from natv2.exits.variants import LEAVING, ExitAnswers, Variant, variants
from natv2.exits.weightings import EXIT_WEIGHTINGS, OUTPUT_WEIGHTINGS, exit_weights


def said(exits: int, images: int, classes: int = 5) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(exits)
    labels = torch.randint(classes, (images,), generator=generator)
    logits = torch.randn(exits, images, classes, generator=generator)
    logits[:, torch.arange(images), labels] += torch.linspace(0.5, 2, exits)[:, None]
    return logits, labels


def naive_threshold(logits, weights, images, share):
    """The confidence that divides the surest `share` of `images` from the others, before the last exit."""
    sure = confidence(running_ensembles(logits, weights))[:-1]
    surest = sorted((max(float(row[image]) for row in sure) for image in images), reverse=True)
    count = max(1, round(share * len(images)))
    return (surest[count - 1] + (surest[count] if count < len(images) else 0.0)) / 2


def naively(logits, labels, variant):
    """Flags of right answers, and the share of images at each exit, of one variant, image by image."""
    kept = logits[[exit - 1 for exit in variant.exits]]
    weights = exit_weights(variant.weighting, len(kept)).output
    right, left = [], [0] * len(logits)
    for image in range(len(labels)):
        others = [other for other in range(len(labels)) if other % 2 != image % 2]
        threshold = 2.0  # nobody is as sure
        if variant.leaving is not None:
            threshold = naive_threshold(kept, weights, others, variant.leaving)
        stopping = Stopping(thresholds=(*[threshold] * (len(kept) - 1), 0.0))
        answer, at = stopped(kept[:, image : image + 1], weights, stopping)
        right.append(bool(answer.argmax() == labels[image]))
        left[variant.exits[int(at[0])] - 1] += 1
    return right, [count / len(labels) for count in left]


@pytest.mark.parametrize(("exits", "images"), [(1, 9), (3, 41), (5, 12)])
def test_all_at_once_is_each_image_by_image(exits, images):
    logits, labels = said(exits, images)
    found = ExitAnswers.of(logits, labels).judged()
    assert len(found.right) == len(variants(exits))
    for variant, right, shares in zip(variants(exits), found.right, found.shares, strict=True):
        expected, left = naively(logits, labels, variant)
        assert right.tolist() == expected, variant
        assert shares.tolist() == pytest.approx(left), variant


def test_a_path_offers_each_of_its_sets_in_each_way_once():
    every = variants(5)
    assert len(set(every)) == len(every) == 1 + 15 * len(OUTPUT_WEIGHTINGS) * (1 + len(LEAVING))
    assert every[0] == Variant((5,), "UNIF", None)
    assert all(variant.exits[-1] == 5 for variant in every)
    outputs = {exit_weights(weighting, 3).output for weighting in OUTPUT_WEIGHTINGS}
    assert outputs == {exit_weights(weighting, 3).output for weighting in EXIT_WEIGHTINGS}


def test_one_exit_by_itself_says_what_it_says():
    logits, labels = said(4, 50)
    found = ExitAnswers.of(logits, labels).judged()
    assert torch.equal(found.right[0], logits[-1].argmax(dim=1) == labels)


def test_images_in_parts_are_judged_as_all_together():
    logits, labels = said(4, 31)
    whole = ExitAnswers.of(logits, labels)
    parts = [ExitAnswers.of(logits[:, at : at + 8], labels[at : at + 8]) for at in range(0, 31, 8)]
    joined = ExitAnswers.joined(parts).judged()
    assert torch.equal(joined.right, whole.judged().right)
    assert torch.equal(joined.shares, whole.judged().shares)


def test_as_many_leave_as_are_meant_to():
    logits, labels = said(5, 4000)
    found = ExitAnswers.of(logits, labels).judged()
    for variant, shares in zip(variants(5), found.shares, strict=True):
        assert float(shares.sum()) == pytest.approx(1)
        assert float(shares[:-1].sum()) == pytest.approx(variant.leaving or 0.0, abs=0.03)
