import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from natv2.spaces.architecture import Architecture, constant
from natv2.spaces.design import DESIGNS as NINE
from natv2.spaces.space import SearchSpace
from tests.designs import DESIGNS
from tests.strategies import architectures, codes, some

RESOLUTIONS, WIDTHS = (48, 56, 64), (1.0, 1.2)
ALL = pytest.mark.parametrize("name", DESIGNS)
THE_NINE = pytest.mark.parametrize("name", NINE)


def space_of(name: str) -> SearchSpace:
    return SearchSpace(design=DESIGNS[name], resolutions=RESOLUTIONS, widths=WIDTHS)


def naive_decode(name: str, code: list[int]) -> Architecture:
    """Figure 6.1, read value by value; what a skipped level or a missing stage holds does not matter."""
    design = DESIGNS[name]
    per_stage = max(design.depths)
    head, levels = code[: -5 * per_stage], code[-5 * per_stage :]
    depths, kernels, ratios, masks = [], [], [], []
    for stage in range(5):
        kept = [value for value in levels[per_stage * stage : per_stage * (stage + 1)] if value > 0]
        depths.append(len(kept))
        for value in kept + [1] * (per_stage - len(kept)):
            rest, kernel = divmod(value - 1, len(design.kernels))
            level, ratio = divmod(rest, len(design.expand_ratios))
            kernels.append(design.kernels[kernel])
            ratios.append(design.expand_ratios[ratio])
            masks.append(design.masks[level])
    return Architecture(
        resolution=RESOLUTIONS[head[0]],
        width=WIDTHS[head[1]],
        exits=(head[2] + 1 if design.early_exits else 5,),
        depths=tuple(depths),
        kernels=tuple(kernels),
        expand_ratios=tuple(ratios),
        masks=tuple(masks),
    )


def naive_encode(name: str, a: Architecture) -> list[int]:
    design = DESIGNS[name]
    code = [RESOLUTIONS.index(a.resolution), WIDTHS.index(a.width)]
    code += [a.exits[0] - 1] if design.early_exits else []
    for level in range(5 * max(design.depths)):
        stage, position = divmod(level, max(design.depths))
        if stage >= a.exits[0]:
            code.append(int(position < min(design.depths)))
        elif position >= a.depths[stage]:
            code.append(0)
        else:
            pairs = len(design.kernels) * len(design.expand_ratios)
            value = 1 + pairs * design.masks.index(a.masks[level])
            if a.masks[level] & 4:
                value += len(design.kernels) * design.expand_ratios.index(a.expand_ratios[level])
                value += design.kernels.index(a.kernels[level])
            code.append(value)
    return code


@ALL
@some
@given(data=st.data())
def test_encode_and_decode_undo_each_other(name, data):
    space = space_of(name)
    architecture = data.draw(architectures(space.design, resolutions=RESOLUTIONS, widths=WIDTHS))
    code = space.encode(architecture)
    assert code.tolist() == naive_encode(name, architecture)
    assert space.decode(code) == architecture


@ALL
@some
@given(data=st.data())
def test_any_code_within_the_bounds_decodes(name, data):
    space = space_of(name)
    code = data.draw(codes(space))
    architecture = space.decode(code)
    assert architecture == naive_decode(name, code.tolist())
    canonical = space.canonical(code)
    assert np.array_equal(space.encode(architecture), canonical)
    assert np.array_equal(space.canonical(canonical), canonical)
    assert np.all(canonical >= space.lower)
    assert np.all(canonical <= space.upper)
    assert np.array_equal(space.canonical(np.stack([code, canonical])), np.stack([canonical, canonical]))


@THE_NINE
def test_variables_and_bounds(name):
    space, parallel = space_of(name), "P_" in name
    assert space.variables == (23 if name.startswith("EE") else 22)
    head = [2, 1, 4] if name.startswith("EE") else [2, 1]
    assert space.lower.tolist() == [0] * len(head) + [1, 1, 0, 0] * 5
    assert space.upper.tolist() == head + [63 if parallel else 9] * 20


@THE_NINE
def test_a_zero_in_the_third_place_makes_the_stage_shorter(name):
    space = space_of(name)
    code = space.encode(space.largest())
    code[space.first_level + 4 * 1 + 2] = 0
    code[space.first_level + 4 * 1 + 3] = (
        space.upper[-1] - 8
    )  # the last block keeps what it is, one place earlier
    architecture = space.decode(code)
    largest = space.largest()
    assert architecture.depths == (4, 3, 4, 4, 4)
    assert architecture.kernels == (*largest.kernels[:6], 3, 0, *largest.kernels[8:])
    assert architecture.expand_ratios == (*largest.expand_ratios[:6], 3, 0, *largest.expand_ratios[8:])
    assert all(space.decode(code) == architecture for _ in range(5))
    expected = code[space.first_level :][4:8][[0, 1, 3, 2]]
    assert np.array_equal(space.encode(architecture)[space.first_level :][4:8], expected)


@pytest.mark.parametrize("exit", [1, 2, 3, 4])
def test_stages_beyond_the_exit_read_1_1_0_0(exit):
    space = space_of("EE_DP_OFAMobileNetV3")
    code = space.encode(space.largest())
    code[2] = exit - 1
    blocks = space.encode(space.decode(code))[space.first_level :].reshape(5, 4)
    assert blocks[:exit].tolist() == [[63] * 4] * exit
    assert blocks[exit:].tolist() == [[1, 1, 0, 0]] * (5 - exit)


def test_several_exits_have_no_code():
    space = space_of("EE_B_OFAMobileNetV3")
    with pytest.raises(ValueError, match=r"exits \(1, 5\): only networks with one exit"):
        space.encode(space.largest(exits=(1, 5)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"resolution": 32}, r"resolution 32: allowed are \(48, 56, 64\)"),
        ({"width": 1.1}, r"width 1.1: allowed are \(1.0, 1.2\)"),
        ({"exits": (4,)}, r"exit 4: allowed are \(5,\)"),
        ({"mask": 7}, r"level masks \[7\]: OFAMobileNetV3 has \(4,\)"),
    ],
    ids=str,
)
def test_an_architecture_of_another_space_is_refused(change, message):
    values = {
        "resolution": 48,
        "width": 1.0,
        "exits": (5,),
        "depth": 2,
        "kernel": 3,
        "expand_ratio": 3,
        "mask": 4,
    }
    space = space_of("OFAMobileNetV3")
    with pytest.raises(ValueError, match=message):
        space.encode(constant(space.design, **{**values, **change}))


@ALL
def test_what_leaves_the_bounds_is_named_with_them(name):
    space = space_of(name)
    inside = space.encode(space.smallest())
    for variable, (low, high) in enumerate(zip(space.lower, space.upper, strict=True)):
        for value in (low - 1, high + 1):
            code = inside.copy()
            code[variable] = value
            message = f"value {value} of variable {variable}: allowed are {low} to {high}"
            for method in (space.decode, space.canonical, space.check):
                with pytest.raises(ValueError, match=message):
                    method(code)
            with pytest.raises(ValueError, match=message):
                space.check(np.stack([inside, code]))
    with pytest.raises(ValueError, match=f"{space.variables - 1} values.*{space.variables}"):
        space.decode(inside[:-1])


@THE_NINE
def test_largest_and_smallest(name):
    space = space_of(name)
    last = 7 if "P_" in name else 4
    largest, smallest = space.largest(), space.smallest()
    blocks = (largest.kernels, largest.expand_ratios, largest.masks)
    assert (largest.resolution, largest.width, largest.exits) == (64, 1.2, (5,))
    assert (largest.depths, *blocks) == ((4,) * 5, (7,) * 20, (6,) * 20, (last,) * 20)
    assert np.array_equal(space.encode(largest)[-20:], space.upper[-20:])
    assert space.encode(smallest).tolist() == [0] * space.first_level + [1, 1, 0, 0] * 5
    first = 1 if name.startswith("EE") else 5
    assert (smallest.resolution, smallest.width, smallest.exits) == (48, 1.0, (first,))
    assert space.largest(1.0).width == 1.0
    assert space.smallest(1.2).width == 1.2


@ALL
@some
@given(data=st.data())
def test_one_hot_has_a_single_one_for_each_variable(name, data):
    space = space_of(name)
    rows = np.stack(data.draw(st.lists(codes(space), min_size=1, max_size=3)))
    encoded = space.one_hot(rows)
    sizes = space.upper - space.lower + 1
    assert encoded.shape == (len(rows), sizes.sum())
    assert set(np.unique(encoded)) == {0.0, 1.0}
    parts = np.split(encoded, np.cumsum(sizes)[:-1], axis=1)
    for variable, part in enumerate(parts):
        assert np.all(part.sum(axis=1) == 1)
        assert np.array_equal(part.argmax(axis=1) + space.lower[variable], rows[:, variable])


@pytest.mark.parametrize("values", [(), (64, 48), (48, 48), (0, 48)], ids=str)
def test_unsorted_values_are_refused(values):
    with pytest.raises(ValueError, match="ascending"):
        SearchSpace(design=DESIGNS["OFAMobileNetV3"], resolutions=values, widths=(1.0,))
