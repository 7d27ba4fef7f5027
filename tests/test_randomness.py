"""Seeds are stable across processes and machines, and independent of each other."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from natv2.randomness import derived_seed, numpy_generator, process_generator, torch_generator

PURPOSES = st.lists(st.integers(-5, 5) | st.text(max_size=3), max_size=3)


def test_seed_is_the_same_on_every_machine() -> None:
    assert derived_seed(0, "crops", 3) == 5509400111255789953
    assert derived_seed(np.int64(0), "crops", np.int64(3)) == derived_seed(0, "crops", 3)  # type: ignore[arg-type]


@given(st.integers(0, 9), PURPOSES, st.integers(0, 9), PURPOSES)
def test_different_purposes_have_different_seeds(
    a: int, purpose_a: list[str | int], b: int, purpose_b: list[str | int]
) -> None:
    same = (a, purpose_a) == (b, purpose_b)
    assert (derived_seed(a, *purpose_a) == derived_seed(b, *purpose_b)) == same
    assert 0 <= derived_seed(a, *purpose_a) < 2**63


def test_torchs_own_generator_is_seeded_for_a_while() -> None:
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    with process_generator(5):
        first = torch.rand(3)
        with process_generator(6):
            other = torch.rand(3)
        second = torch.rand(3)
    assert torch.equal(before, torch.random.get_rng_state())
    torch.manual_seed(5)
    assert torch.equal(torch.rand(6), torch.cat([first, second]))
    assert not torch.equal(other, first)


def test_generators_do_not_touch_or_read_global_state() -> None:
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    first = torch.rand(3, generator=torch_generator(7, "a"))
    assert torch.equal(before, torch.random.get_rng_state())
    torch.manual_seed(2)
    assert torch.equal(first, torch.rand(3, generator=torch_generator(7, "a")))
    assert numpy_generator(7, "a").random() == numpy_generator(7, "a").random()
    assert numpy_generator(7, "a").random() != numpy_generator(7, "b").random()
