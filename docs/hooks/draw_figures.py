"""The drawings of the documentation: `PYTHONPATH=src python docs/hooks/draw_figures.py` writes them anew.

Each is made of data: docs/evidence or the package's own tables. The SVG says of which, so that a test finds
a figure that is older than its data.
"""

from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path

import matplotlib
import numpy as np
from evidence_tables import EVIDENCE, networks_of, seeds, shown_name
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.transforms import Bbox

from natv2.reporting.style import BLACK, BLUE, GREY, ORANGE, SKY, VERMILION
from natv2.shrinking.phases import unlocked_by_phase
from natv2.spaces.design import DESIGNS

FIGURES = Path(__file__).parents[1] / "figures"
_SET = "fashion_mnist"
_LARGEST = 2.5e6  # MACs; ResNet-20, the teacher, is far to the right
_MARK = 6.0  # pixels from the middle of a mark to its rim
_PLACES = (
    *(((8.0, -8.0), "left"), ((8.0, 8.0), "left"), ((9.0, 0.0), "left")),
    *(((-8.0, -8.0), "right"), ((-8.0, 8.0), "right"), ((-9.0, 0.0), "right")),
    *(((0.0, -12.0), "center"), ((0.0, 12.0), "center")),
)
"""Where a name may stand beside its point, the best first: how many points away, and its alignment."""

_DIMENSIONS = {
    "kernels": "kernel size",
    "masks": "active blocks",
    "exits": "exit",
    "depths": "depth",
    "expand_ratios": "expand ratio",
}


def front() -> Figure:
    """Test top-1 against MACs on FashionMNIST: what was found beside plain and random networks."""
    figure, axes = _figure(7.6, 4.4)
    rows = networks_of(_SET)
    rows = rows[(rows["macs"] <= _LARGEST) & (rows["test"] > 80)]
    random = rows[(rows["kind"] == "random") & rows["taught"]]
    plain = rows[rows["kind"] == "plain"].sort_values("valid").groupby(["seed", "macs", "params"]).tail(1)
    found = rows[rows["kind"] == "finished"].sort_values("macs")
    axes.plot(
        random["macs"], random["test"], "o", color=GREY, ms=5, label="random networks of the same space"
    )
    axes.plot(
        plain["macs"], plain["test"], "x", color=BLACK, ms=8, mew=2, label="plain networks, trained as long"
    )
    for seed, own in found.groupby("seed"):
        label = "found by NATv2 and finished" if seed == found["seed"].min() else None
        axes.plot(own["macs"], own["test"], "o-", color=BLUE, ms=9, lw=1.5, label=label)
    axes.set_xscale("log")
    axes.set_xticks([3e5, 5e5, 1e6, 2e6], ["0.3 M", "0.5 M", "1 M", "2 M"])
    axes.minorticks_off()
    axes.set_xlim(2.6e5, 3.2e6)
    axes.set(xlabel="multiply-accumulates for one image", ylabel="test top-1 (%)")
    axes.set_title(f"FashionMNIST, 3,000 training images, {seeds(_SET)}", fontsize=10, loc="left")
    figure.legend(frameon=False, fontsize=9, loc="outside lower center", ncols=3)
    axes.grid(alpha=0.25)
    lowest = plain.sort_values("test").drop_duplicates("macs")  # below all others of its name
    named = lowest.to_dict("records")
    _write_beside(figure, axes, {shown_name(str(row["name"])): (row["macs"], row["test"]) for row in named})
    return figure


def phases() -> Figure:
    """Figure 5.3 redrawn: what each phase of EPS unlocks in the supernet that has every dimension."""
    design = DESIGNS["EE_DP_OFAMobileNetV3"]
    unlocked = unlocked_by_phase(design, "eps")
    figure, axes = _figure(9.6, 3.1)
    for column, (phase, now) in enumerate(unlocked.items()):
        for line, dimension in enumerate(_DIMENSIONS):
            values = getattr(now, dimension)
            before = list(unlocked.values())[column - 1] if column else now
            is_new = column > 0 and values != getattr(before, dimension)
            share = len(values) / len(getattr(design, dimension))
            colour = ORANGE if is_new else SKY
            axes.add_patch(
                Rectangle((column, -line), 0.94, 0.9, color=colour, alpha=0.25 + 0.5 * share, lw=0)
            )
            axes.text(
                column + 0.47, 0.45 - line, _short(dimension, values), ha="center", va="center", fontsize=7
            )
        axes.text(column + 0.47, 1.15, phase.replace("_", "\n"), ha="center", va="bottom", fontsize=8)
    for line, title in enumerate(_DIMENSIONS.values()):
        axes.text(-0.15, 0.45 - line, title, ha="right", va="center", fontsize=8)
    axes.set(xlim=(-2.2, len(unlocked)), ylim=(-4.2, 2.1))
    axes.axis("off")
    return figure


def elastic() -> Figure:
    """Figure 3.2 redrawn: what a smaller network takes of the largest one."""
    figure = Figure(figsize=(9.6, 2.6), layout="constrained")
    panels = figure.subplots(1, 4)
    design = DESIGNS["OFAMobileNetV3"]
    _resolution(panels[0])
    _kernel(panels[1], design.kernels)
    _depth(panels[2], design.depths)
    _width(panels[3], design.expand_ratios)
    for axes in panels:
        axes.axis("off")
        axes.set_aspect("equal")
        axes.autoscale_view()
    return figure


def _resolution(axes: Axes) -> None:
    for size, colour in ((64, SKY), (56, BLUE), (48, ORANGE)):
        axes.add_patch(Rectangle((0, 0), size, size, fill=False, ec=colour, lw=2))
        axes.text(size - 1, size - 1, f"{size}", ha="right", va="top", fontsize=7, color=colour)
    axes.set_title("resolution: one a batch", fontsize=9)


def _kernel(axes: Axes, kernels: tuple[int, ...]) -> None:
    largest = kernels[-1]
    for kernel, colour in zip(reversed(kernels), (SKY, BLUE, ORANGE), strict=True):
        edge = (largest - kernel) / 2
        for x, y in np.ndindex(kernel, kernel):
            axes.add_patch(Rectangle((edge + x, edge + y), 0.92, 0.92, color=colour, lw=0))
    axes.set_title("kernel: the centre, through a matrix", fontsize=9)


def _depth(axes: Axes, depths: tuple[int, ...]) -> None:
    for row, depth in enumerate(depths):
        for block in range(depths[-1]):
            colour = BLUE if block < depth else "#dddddd"
            axes.add_patch(Rectangle((1.3 * block, -1.5 * row), 1, 1, color=colour, lw=0))
        axes.text(-0.4, 0.5 - 1.5 * row, str(depth), ha="right", va="center", fontsize=8)
    axes.set_title("depth: the first blocks", fontsize=9)


def _width(axes: Axes, ratios: tuple[int, ...]) -> None:
    heights = np.linspace(3, 0.6, 12)
    for row, ratio in enumerate(reversed(ratios)):
        for channel, height in enumerate(heights):
            kept = channel < 2 * ratio
            axes.add_patch(
                Rectangle((channel, -4 * row), 0.8, height, color=VERMILION if kept else "#dddddd", lw=0)
            )
        axes.text(-0.5, -4 * row + 1, str(ratio), ha="right", va="center", fontsize=8)
    axes.set_title("width: the most important channels", fontsize=9)


def _short(dimension: str, values: tuple[int, ...]) -> str:
    if dimension == "masks":
        return "all three" if len(values) == 1 else "2 or 3" if len(values) == 4 else "any"
    return ", ".join(map(str, values)) if len(values) < 4 else f"{values[0]}-{values[-1]}"


def _write_beside(figure: Figure, axes: Axes, names: Mapping[str, tuple[float, float]]) -> None:
    """Names beside their points, each where it touches no mark, no other name and no axis."""
    figure.draw_without_rendering()  # places are known from here on
    places = [axes.transData.transform(np.asarray(line.get_xydata())) for line in axes.lines]
    taken = [Bbox.from_bounds(x - _MARK, y - _MARK, 2 * _MARK, 2 * _MARK) for x, y in np.concatenate(places)]
    room = axes.get_window_extent().padded(-_MARK / 2)
    for name, point in names.items():
        text = axes.annotate(
            name, point, (0, 0), textcoords="offset points", fontsize=8, color=BLACK, va="center"
        )
        boxes = []
        for offset, side in _PLACES:
            text.set(position=offset, ha=side)
            boxes.append(text.get_window_extent())
        touched = [
            _area(box) - _shared(box, room) + sum(_shared(box, each) for each in taken) for box in boxes
        ]
        best = touched.index(min(touched))
        text.set(position=_PLACES[best][0], ha=_PLACES[best][1])
        taken.append(boxes[best])


def _area(box: Bbox) -> float:
    return float(box.width * box.height)


def _shared(one: Bbox, other: Bbox) -> float:
    """The area that two boxes have in common."""
    both = Bbox.intersection(one, other)
    return 0.0 if both is None else _area(both)


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def evidence_digest() -> str:
    """Of the networks that the front is drawn from, and of how."""
    return sha256((EVIDENCE / "networks.csv").read_bytes()).hexdigest()[:16]


def plan_digest() -> str:
    """Of the phases and elastic values that are drawn."""
    design = DESIGNS["EE_DP_OFAMobileNetV3"]
    return sha256(repr((design, dict(unlocked_by_phase(design, "eps")))).encode()).hexdigest()[:16]


DRAWN: Mapping[str, tuple[Callable[[], Figure], Callable[[], str]]] = {
    "front": (front, evidence_digest),
    "phases": (phases, plan_digest),
    "elastic": (elastic, plan_digest),
}
"""Figures by the names of their files, each with the digest of what it is drawn from."""


def main() -> None:
    """Write all of them."""
    matplotlib.rcParams |= {"svg.hashsalt": "natv2", "svg.fonttype": "path"}
    for name, (draw, digest) in DRAWN.items():
        about = {"Date": None, "Creator": "docs/hooks/draw_figures.py", "Description": digest()}
        draw().savefig(FIGURES / f"{name}.svg", metadata=about, facecolor="white")


if __name__ == "__main__":
    main()
