"""Trainings of supernets side by side (thesis, Tables 5.3 and 5.4)."""

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from natv2.reporting.runs import mean_over_seeds, newest
from natv2.reporting.style import SERIES, style
from natv2.reporting.traces import curve
from natv2.shrinking.report.phases import STEPS, shrinking_table

TRAINING = ["source", "width", "supernet", "schedule", "teacher", "kd", "passes", "settings"]
"""What tells one training from another; runs that differ in their seed alone are the same one."""

_DASHES = ("solid", "dash", "dot", "dashdot")


def comparison_table(rows: pd.DataFrame) -> pd.DataFrame:
    """A row for each training: mean and best top-1 (%) after each step, averaged over its seeds.

    `rows` has a row a tested subnet: the columns of TRAINING, seed, run, phase, step, accuracy (a fraction).
    Of several runs with the same seed the newest counts. Columns: those of TRAINING, seeds, "<step> mean",
    "<step> best", their standard deviations over the seeds ("... sd", missing for one seed), run (one a
    seed), training.
    """
    rows = rows.assign(settings=rows["settings"].fillna("") if "settings" in rows else "")
    rows = newest(rows, [*TRAINING, "seed"])
    tables = []
    for _, frame in rows.groupby([*TRAINING, "seed"]):
        table = shrinking_table(frame)
        for name in (*TRAINING, "seed", "run"):
            table[name] = frame[name].iloc[0]
        tables.append(table)
    every = pd.concat(tables, ignore_index=True)
    values = [f"{step} {kind}" for step in STEPS for kind in ("mean", "best")]
    table = mean_over_seeds(every, TRAINING, values, values, digits=2)
    return table.assign(training=_names(table))


def best_at_each_step(table: pd.DataFrame) -> pd.DataFrame:
    """The training with the highest mean and the one with the best subnet, for each width and step.

    `table` is a `comparison_table`.
    """
    found = []
    for (source, width), frame in table.groupby(["source", "width"]):
        for step in STEPS:
            for kind in ("mean", "best"):
                name = f"{step} {kind}"
                best = frame.dropna(subset=name).nlargest(2, name)
                if len(best):
                    first, *others = best[name].tolist()
                    found.append(
                        {
                            "source": source,
                            "width": width,
                            "step": step,
                            "of": kind,
                            "training": best["training"].iloc[0],
                            "top1": first,
                            "ahead_by": round(first - others[0], 2) if others else float("nan"),
                            "run": best["run"].iloc[0],
                        }
                    )
    return pd.DataFrame(found)


def comparison_figure(table: pd.DataFrame) -> go.Figure:
    """Mean (above) and best (below) top-1 after each step, a line for each training, a panel a width."""
    panels = list(table.groupby(["source", "width"]))
    figure = make_subplots(
        rows=2,
        cols=max(1, len(panels)),
        shared_xaxes=True,
        shared_yaxes="rows",
        subplot_titles=[f"{source}, width {width}" for (source, width), _ in panels],
        vertical_spacing=0.06,
        horizontal_spacing=0.04,
    )
    members: dict[str, list[str]] = {}  # a colour for each supernet, a dash for each way of training it
    for supernet, rows in table.groupby("supernet"):
        members[str(supernet)] = list(dict.fromkeys(rows["training"]))
    colours = dict(zip(members, SERIES * len(members), strict=False))
    for column, (_, frame) in enumerate(panels, start=1):
        for _, training in frame.iterrows():
            name, supernet = training["training"], str(training["supernet"])
            dash = _DASHES[members[supernet].index(name) % len(_DASHES)]
            shown = name not in {trace.name for trace in figure.data}
            for row, kind in enumerate(("mean", "best"), start=1):
                values = training[[f"{step} {kind}" for step in STEPS]].astype(float).tolist()
                line = {"color": colours[supernet], "dash": dash}
                trace = curve(list(STEPS), values, name, line, "%{x}: %{y:.2f} %", legendgroup=name)
                trace.update(showlegend=shown and row == 1, connectgaps=True)
                figure.add_trace(trace, row=row, col=column)
    figure.update_yaxes(title="Mean test top-1 (%)", row=1, col=1)
    figure.update_yaxes(title="Best test top-1 (%)", row=2, col=1)
    figure.update_xaxes(title="After step", row=2)
    figure = style(figure, "Supernets and how they were trained")
    return figure.update_layout(height=820, legend={"y": -0.12, "yanchor": "top", "x": 0, "xanchor": "left"})


def _names(table: pd.DataFrame) -> pd.Series:
    """A name for each training; with its settings where these alone tell it from another."""
    names = table.apply(_name, axis=1)
    several = table.groupby(names)["settings"].transform("nunique") > 1
    return names.where(~several, names + ", settings " + table["settings"])


def _name(row: pd.Series) -> str:
    """A training in a few words: supernet, schedule, teacher, distillation, budget."""
    supernet, schedule, teacher, kd, passes = (row[name] for name in TRAINING[2:-1])
    taught = "no teacher" if teacher == "none" else f"{teacher} teacher, {kd}"
    return f"{supernet.removesuffix('_OFAMobileNetV3')}, {schedule}, {taught}, {passes} passes"
