"""What Extended Progressive Shrinking made of a supernet, phase by phase (thesis, section 5.3)."""

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go
from plotly.colors import hex_to_rgb
from plotly.subplots import make_subplots

from natv2.reporting.style import SERIES, percentages, style
from natv2.reporting.traces import band, curve

STEPS = ("resolution", "kernel", "level", "exit", "depth", "width")
"""The steps in the order of Tables 5.3 and 5.4; a step's phases end in their number."""

_SUPERNET = ["supernet", "width", "schedule", "teacher"]


def shrinking_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Mean and best top-1 (%) of the tested subnets after each step, as in Tables 5.3 and 5.4.

    `rows` has a row a tested subnet: supernet, width, schedule, teacher, phase, step, accuracy (a fraction).
    Gives a row for each supernet, width, schedule and teacher, with the columns "<step> mean" and "<step>
    best"; of several phases of a step the last counts. NaN: the supernet has no use for the step.
    Raises ValueError on a step that is not in STEPS.
    """
    phases = _summary(rows)
    last = phases.drop_duplicates([*_SUPERNET, "step"], keep="last")
    table = last.pivot(index=_SUPERNET, columns="step", values=["mean", "best"])
    columns = [(kind, step) for step in STEPS for kind in ("mean", "best")]
    table = table.reindex(columns=pd.MultiIndex.from_tuples(columns))
    table.columns = pd.Index([f"{step} {kind}" for kind, step in columns])
    return (100 * table).round(2).reset_index()


def shrinking_figure(rows: pd.DataFrame) -> go.Figure:
    """Mean and best top-1 after each phase, over the range of all tested subnets; a panel a width.

    `rows` are as for `shrinking_table`.
    """
    phases = _summary(rows)
    widths = sorted(phases["width"].unique())
    names = list(dict.fromkeys(phases["phase"]))
    figure = make_subplots(
        rows=1,
        cols=max(len(widths), 1),
        shared_yaxes=True,
        subplot_titles=[f"Width {float(width)}" for width in widths],
        horizontal_spacing=0.04,
    )
    trainings = phases.groupby(["supernet", "schedule", "teacher"], sort=False)
    shared, called = _told_apart([(str(a), str(b), str(c)) for (a, b, c), _ in trainings])
    for colour, name, (_, curves) in zip(SERIES * len(phases), called, trainings, strict=False):
        for column, width in enumerate(widths, start=1):
            for trace in _curves(curves[curves["width"] == width], name, colour, shown=column == 1):
                figure.add_trace(trace, row=1, col=column)
    figure.update_xaxes(
        title="After phase", categoryorder="array", categoryarray=[_readable(name) for name in names]
    )
    figure.update_yaxes(title="Top-1 (%)", col=1)
    title = ": ".join(filter(None, ("Extended Progressive Shrinking", shared)))
    above = {"margin_t": 120, "title_y": 0.92, "title_yanchor": "top", "legend_y": 1.08}
    return style(figure, title).update_layout(**above)


def _told_apart(trainings: Sequence[tuple[str, str, str]]) -> tuple[str, list[str]]:
    """What all of `trainings` have in common, and what each is called beside the others.

    Each is a supernet, a schedule and a teacher.
    """
    words = [(supernet, schedule, f"teacher {teacher}") for supernet, schedule, teacher in trainings]
    alike = [len(set(values)) == 1 for values in zip(*words, strict=True)]
    shared = [word for word, same in zip(words[0], alike, strict=True) if same] if words else []
    own = [[word for word, same in zip(each, alike, strict=True) if not same] for each in words]
    return ", ".join(shared), [", ".join(each) for each in own]


def _summary(rows: pd.DataFrame) -> pd.DataFrame:
    """Mean, best and worst accuracy and the number of subnets of each phase, phases in their order."""
    unknown = sorted(set(rows["step"]) - set(STEPS))
    if unknown:
        raise ValueError(f"unknown step {unknown[0]!r}; known: {', '.join(STEPS)}")
    groups = rows.groupby([*_SUPERNET, "step", "phase"], sort=False)["accuracy"]
    summary = groups.agg(mean="mean", best="max", worst="min", subnets="size").reset_index()
    order = pd.DataFrame(
        {
            "step": summary["step"].map(STEPS.index),
            "number": pd.to_numeric(summary["phase"].str.extract(r"_(\d+)$")[0]).fillna(0),
        }
    )
    return summary.loc[order.sort_values(["step", "number"], kind="stable").index].reset_index(drop=True)


def _curves(summary: pd.DataFrame, name: str, colour: str, *, shown: bool) -> Sequence[go.Scatter]:
    phases = [_readable(phase) for phase in summary["phase"]]
    tint = f"rgba{(*hex_to_rgb(colour), 0.15)}"
    worst, best = percentages(summary["worst"]), percentages(summary["best"])
    of = f"{name}: " if name else ""
    traces = [band(phases, best, worst, f"{of}range", tint)]
    for kind, dash in (("mean", "solid"), ("best", "dot")):
        line, told = {"color": colour, "dash": dash}, "%{x}: %{y:.2f} % (%{customdata} subnets)"
        trace = curve(phases, percentages(summary[kind]), f"{of}{kind}", line, told)
        traces.append(trace.update(customdata=summary["subnets"].tolist()))
    return [trace.update(showlegend=shown, legendgroup=trace.name) for trace in traces]


def _readable(phase: str) -> str:
    return phase.replace("_", " ")
