"""Random architectures and codes of any design, and the settings of the tests that draw them."""

from typing import Any

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

from natv2.spaces.architecture import Architecture
from natv2.spaces.design import STAGES, Design
from natv2.spaces.space import Codes, SearchSpace

few = settings(max_examples=5, derandomize=True)
some = settings(max_examples=20, derandomize=True)


def _each(values: Any, count: int) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(st.sampled_from(values), min_size=count, max_size=count).map(tuple)


def fields(
    design: Design,
    *,
    resolutions: tuple[int, ...] = (16, 17, 24, 32),
    widths: tuple[float, ...] = (0.1,),
    several_exits: bool = False,
) -> st.SearchStrategy[dict[str, Any]]:
    """Values for all the fields of an architecture, inactive blocks' too."""
    most = len(design.exits) if several_exits else 1
    return st.fixed_dictionaries(
        {
            "resolution": st.sampled_from(resolutions),
            "width": st.sampled_from(widths),
            "exits": st.sets(st.sampled_from(design.exits), min_size=1, max_size=most).map(
                lambda exits: tuple(sorted(exits))
            ),
            "depths": _each(design.depths, len(STAGES)),
            "kernels": _each(design.kernels, design.levels),
            "expand_ratios": _each(design.expand_ratios, design.levels),
            "masks": _each(design.masks, design.levels),
        }
    )


def architectures(design: Design, **options: Any) -> st.SearchStrategy[Architecture]:
    """Architectures of `design`; `options` are those of `fields`."""
    return fields(design, **options).map(lambda values: Architecture(**values))


def codes(space: SearchSpace) -> st.SearchStrategy[Codes]:
    """Integer strings within the bounds of `space`, canonical or not."""
    values = [st.integers(int(a), int(b)) for a, b in zip(space.lower, space.upper, strict=True)]
    return st.tuples(*values).map(lambda code: np.array(code, np.int64))
