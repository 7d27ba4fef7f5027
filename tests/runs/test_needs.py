"""Memory of what ranks train whole at the same time."""

import pytest

from natv2.runs import needs
from tests.configs import RUN, parameters
from tests.tiny import splits

BOTH = {f"{width}.{phase}" for width in ("narrow", "wide") for phase in ("full", "single_stage")}
WIDE = {node for node in BOTH if node.startswith("wide")}


@pytest.mark.parametrize(
    ("nodes", "workers", "device", "times"),
    [
        (BOTH, 1, "cpu", 1),
        (BOTH, 2, "cpu", 2),  # a width a rank
        (BOTH, 3, "cpu", 1),  # all share each step
        (WIDE, 2, "cpu", 1),
        (BOTH, 2, "cuda", 1),  # each has a GPU of its own
    ],
)
def test_widths_that_are_trained_at_once_take_their_memory_at_once(
    nodes: set[str], workers: int, device: str, times: int
) -> None:
    asked, images = parameters(schedule="random"), splits()
    run = RUN.model_copy(update={"workers": workers, "device": device})
    alone = needs._training(nodes, images, asked, RUN.model_copy(update={"device": device})).memory
    found = needs._training(nodes, images, asked, run).memory
    assert [each.least for each in found] == [times * each.least for each in alone]
    assert [each.most for each in found] == [times * each.most for each in alone]
