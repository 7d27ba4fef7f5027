import pytest
import torch
from torch import nn
from torch.nn.functional import dropout

from natv2.nn.dropout import Dropout, drawing_from, drop


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_what_is_dropped_is_torchs_with_the_same_seed(share: float) -> None:
    x = torch.randn(6, 50)
    with drawing_from(torch.Generator().manual_seed(3)):
        dropped = Dropout(share)(x)
    torch.manual_seed(3)
    assert torch.equal(dropped, dropout(x, share))


def test_nothing_is_dropped_in_evaluation() -> None:
    x = torch.randn(6, 50)
    assert Dropout(0.5).eval()(x) is x


def test_torchs_own_generator_stays_as_it_is_and_is_drawn_from_outside() -> None:
    x = torch.ones(100)
    state = torch.get_rng_state()
    with drawing_from(torch.Generator()):
        drop(x, 0.5, x.shape)
    assert torch.equal(torch.get_rng_state(), state)
    nn.Sequential(Dropout(0.5))(x)
    assert not torch.equal(torch.get_rng_state(), state)


def test_along_a_one_all_is_dropped_together() -> None:
    x = torch.ones(200, 3, 4)
    with drawing_from(torch.Generator().manual_seed(0)):
        dropped = drop(x, 0.5, (200, 1, 1)).flatten(1)
    assert (dropped == dropped[:, :1]).all()
    assert set(dropped[:, 0].tolist()) == {0.0, 2.0}
