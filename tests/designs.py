"""The nine supernets, and others with values that theirs leave out."""

from natv2.spaces import design
from natv2.spaces.design import Design

OTHERS = {
    design.name: design
    for design in (
        Design(name="ranges", kernels=(3, 7), expand_ratios=(2, 3, 4, 6), depths=(1, 2, 3)),
        Design(name="deep", early_exits=True, dense=True, kernels=(3, 5, 7, 9), depths=(2, 3, 4, 5)),
        Design(name="fixed", early_exits=True, kernels=(5,), expand_ratios=(4,), depths=(2,)),
        Design(name="four_blocks", blocks=("light", "separable", "pointwise", "inverted_bottleneck")),
        Design(name="bare", early_exits=True, dense=True, blocks=("separable", "light")),
    )
}

DESIGNS = {**design.DESIGNS, **OTHERS}
