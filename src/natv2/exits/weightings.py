"""Weights of exits in the loss and in the output (thesis, section 4.2.3)."""

from typing import Literal, NamedTuple, get_args

ExitWeighting = Literal["DESC", "ASC", "MIX", "UNIF"]
EXIT_WEIGHTINGS: tuple[ExitWeighting, ...] = get_args(ExitWeighting)

OUTPUT_WEIGHTINGS: tuple[ExitWeighting, ...] = ("UNIF", "ASC", "DESC")
"""Those whose outputs differ: MIX weighs them as ASC."""


class ExitWeights(NamedTuple):
    """What each exit counts, the shallowest first: α in the loss, β in the output."""

    loss: tuple[float, ...]
    output: tuple[float, ...]


def exit_weights(exit_weighting: ExitWeighting, exits: int) -> ExitWeights:
    """Weights of `exits` exits.

    Linear, positive, summing to one (Table 4.2): i / (1 + … + N), ascending or descending; MIX has
    descending losses and ascending outputs; UNIF is 1/N.
    """
    total = exits * (exits + 1) / 2
    ascending = tuple(i / total for i in range(1, exits + 1))
    descending = ascending[::-1]
    uniform = (1 / exits,) * exits
    return {
        "DESC": ExitWeights(descending, descending),
        "ASC": ExitWeights(ascending, ascending),
        "MIX": ExitWeights(descending, ascending),
        "UNIF": ExitWeights(uniform, uniform),
    }[exit_weighting]


def trained_alike(exit_weighting: ExitWeighting, exits: int) -> dict[ExitWeighting, tuple[float, ...]]:
    """The outputs (β) of other weightings whose losses are those of `exit_weighting`: of MIX, that is DESC.

    A network trained by one of them is the network of the others too. Those with the same outputs as well, as
    all are of one exit, are no others.
    """
    own = exit_weights(exit_weighting, exits)
    every = {name: exit_weights(name, exits) for name in EXIT_WEIGHTINGS}
    return {name: each.output for name, each in every.items() if each.loss == own.loss and each != own}
