"""A network with several exits: stages in a row, and a head after those stages whose exits it has."""

from collections.abc import Iterator, Mapping, Sequence

from torch import Tensor, nn

from natv2.aep.network.dropping import replace_dropping
from natv2.aep.network.heads import classifier, exit_head
from natv2.aep.network.tracing import cut, memory, shapes
from natv2.errors import UserError
from natv2.files import one_line


class MultiExitNetwork(nn.Module):
    """Stages, counted from 1, with `heads` after some of them; nothing comes after the deepest head.

    `exits` are the numbers of the stages with a head, ascending.
    """

    def __init__(self, stages: Sequence[nn.Module], heads: Mapping[int, nn.Module]) -> None:
        super().__init__()
        self.exits = tuple(sorted(heads))
        self.stages = nn.ModuleList(stages[: self.exits[-1]])
        self.heads = nn.ModuleDict({str(exit): heads[exit] for exit in self.exits})

    @property
    def stage_parts(self) -> list[nn.Module]:
        """The stages, each with all that comes before its head."""
        return list(self.stages)

    def outputs(self, x: Tensor) -> Iterator[Tensor]:
        """Logits (N, classes) of each exit of images (N, 3, R, R), computed when they are asked for."""
        for number, stage in enumerate(self.stages, start=1):
            x = stage(x)
            if str(number) in self.heads:
                yield self.heads[str(number)](x)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Map images (N, 3, R, R) to logits (N, classes), one for each exit, the shallowest first."""
        return tuple(self.outputs(x))

    def keep(self, exits: Sequence[int]) -> "MultiExitNetwork":
        """The network cut to some of its exits; it shares its weights with this one (section 4.1).

        Raises UserError where there is no such exit, or none is to be kept.
        """
        if not exits or not set(exits) <= set(self.exits):
            raise UserError(f"exits {list(exits)}: some of {list(self.exits)} are needed")
        heads = {exit: self.heads[str(exit)] for exit in exits}
        return MultiExitNetwork(list(self.stages), heads)


def with_exits(module: nn.Module, names: Sequence[str], resolution: int) -> MultiExitNetwork:
    """`module`, a classifier of images (N, 3, `resolution`, `resolution`), with exits after modules `names`.

    The last exit is the module's own end, weights included; the others are its last layers, those after the
    last of `names`, rescaled. Raises UserError where a name is wrong, the images are
    too small for the network, or parts of it share weights.
    """
    stages, tail = cut(module, names)
    _refuse_end(tail, list(stages)[-1])
    _refuse_shared(type(module).__name__, [*stages.values(), tail])
    training = module.training
    try:
        *found, _ = shapes([*stages.values(), tail], resolution)
    except (RuntimeError, AssertionError) as error:
        raise UserError(
            f"images of {resolution} pixels do not go through {type(module).__name__}: {one_line(error)}"
        ) from None
    finally:
        module.train(training)
    sizes = dict(zip(stages, found, strict=True))
    _refuse_lost([name for name, size in sizes.items() if 0 in size])
    *before, own = sizes.values()
    heads: dict[int, nn.Module] = {len(stages): tail}
    for number, (size, name) in enumerate(zip(before, sizes, strict=False), start=1):
        heads[number] = exit_head(tail, own, size, name)
    network = MultiExitNetwork(list(stages.values()), heads)
    replace_dropping(network)
    return network


def _refuse_end(tail: nn.Module, last: str) -> None:
    try:
        classifier(tail)
    except LookupError as error:
        raise UserError(
            f"exit {last!r} leaves nothing to copy ({error} after it); the last exit must be a module "
            "before the network's classifier"
        ) from None


def _refuse_shared(network: str, parts: Sequence[nn.Module]) -> None:
    """Shared weights cannot be saved twice, nor be counted for one part."""
    owners: dict[tuple[object, ...], str] = {}
    for part in parts:
        for name, tensor in part.state_dict().items():
            place = memory(tensor)
            if tensor.numel() and place in owners:
                same = " = ".join(dict.fromkeys((owners[place], name)))
                raise UserError(
                    f"{network}: parameter {same} is used more than once; each part of a network with exits "
                    "must have its own, under one name"
                )
            owners[place] = name


def _refuse_lost(empty: Sequence[str]) -> None:
    if empty:
        raise UserError(f"nothing is left of the images after {empty[0]}; larger ones are needed")
