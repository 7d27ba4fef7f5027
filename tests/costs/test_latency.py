"""How latency is measured, by a clock that is known."""

from types import SimpleNamespace

import numpy as np
import torch
from torch import nn

from natv2.costs import latency
from natv2.costs.config import LatencyConfig
from natv2.costs.latency import Latencies, measure, network_latencies


def test_medians_and_spreads_of_rounds_that_go_through_all(monkeypatch):
    clock = {"now": 0.0}
    monkeypatch.setattr(latency, "time", SimpleNamespace(perf_counter=lambda: clock["now"]))
    ran = []

    class Takes(nn.Module):
        def __init__(self, *milliseconds):
            super().__init__()
            self.milliseconds = iter(milliseconds)

        def forward(self, x):
            assert torch.is_inference_mode_enabled() and torch.get_num_threads() == 1
            ran.append(self)
            clock["now"] += next(self.milliseconds) / 1000
            return x

    # The first repetition warms up and does not count.
    modules = [Takes(500, 1, 9, 5), Takes(900, 2, 2, 2)]
    before = torch.get_num_threads()
    config = LatencyConfig(threads=1, warm_up=1, repetitions=3)
    found = measure(modules, [torch.zeros(1)] * 2, config)
    np.testing.assert_allclose(found.median, [5, 2])
    np.testing.assert_allclose(found.spread, [4, 0], atol=1e-9)
    assert ran == modules * 4
    assert torch.get_num_threads() == before


def test_a_networks_latency_is_the_median_with_its_spread(monkeypatch):
    def known(modules, inputs, config):
        (module,), (x,) = modules, inputs
        assert not module.training and x.shape == (2, 3, 24, 24)
        return Latencies(median=np.array([2.5]), spread=np.array([0.25]))

    monkeypatch.setattr(latency, "measure", known)
    config = LatencyConfig(threads=1, warm_up=0, repetitions=1)
    taken = network_latencies([nn.Identity()], 24, config, batch=2, device="cpu")
    assert (taken.median.tolist(), taken.spread.tolist()) == ([2.5], [0.25])
