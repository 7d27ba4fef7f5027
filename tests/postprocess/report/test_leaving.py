"""The figure of where images leave: what it counts, and whom it shows."""

from dataclasses import replace

import numpy as np
import torch

from natv2.exits.leaving import confidence, running_ensembles
from natv2.postprocess.report.leaving import leaving_figure
from natv2.supernets.classifier import SubnetClassifier
from tests.export.networks import subnet
from tests.tiny import splits

IMAGES = splits(valid=40, size=24)


def test_the_first_to_leave_are_the_surest_and_the_last_the_least_sure():
    whole = subnet("EE_D_OFAMobileNetV3", (1, 5))
    header = replace(whole.header, record={"accuracy_after": 0.5}, mean=IMAGES.mean, std=IMAGES.std)
    x = (IMAGES.valid.images.float() / 255 - 0.5) / 0.25
    with torch.no_grad():
        running = running_ensembles(torch.stack(whole.network(x)), header.weights)
    sure = confidence(running).numpy()
    threshold = float(np.median(sure[0]))
    early = SubnetClassifier(whole.network, replace(header, thresholds=(threshold, 0.0)))
    networks = {"better": whole.stored(), "early": early.stored()}
    figure = leaving_figure(networks, IMAGES, 16)
    leaves = sure[0] >= threshold
    bars, *shown = figure.data
    assert list(bars.x) == ["exit 1", "exit 5"] and list(bars.y) == [leaves.sum(), (~leaves).sum()]
    first = np.flatnonzero(leaves)[np.argsort(-sure[0][leaves])][:8]
    last = np.flatnonzero(~leaves)[np.argsort(sure[1][~leaves])][:8]
    expected = [IMAGES.valid.images[at].permute(1, 2, 0).numpy() for at in (*first, *last)]
    assert all(np.array_equal(trace.z, image) for trace, image in zip(shown, expected, strict=True))


def test_without_such_a_network_the_title_says_so():
    plain = subnet("EE_D_OFAMobileNetV3", (1, 5)).stored()
    figure = leaving_figure({"plain": plain}, IMAGES, 16)
    assert not figure.data and "no finished network" in figure.layout.title.text
