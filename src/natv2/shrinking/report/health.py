"""How a fixed set of subnets fares from phase to phase."""

from itertools import pairwise

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from natv2.reporting.style import BLUE, GREEN, VERMILION, percentages, style
from natv2.reporting.traces import band, curve
from natv2.shrinking.probes import rank_stability, recalibration_gain

_TINTS = {"all": "rgba(0, 114, 178, 0.12)", "middle half": "rgba(0, 114, 178, 0.25)"}


def health_table(probes: pd.DataFrame) -> pd.DataFrame:
    """A row a phase: the spread of the probes' top-1, the order's stability, the gain from recalibration.

    `probes` has a row for each phase and probe: phase, probe, accuracy, uncalibrated (fractions).
    `kendall` compares their order with that after the phase before; missing for the first.
    """
    accuracies = probes.pivot(index="probe", columns="phase", values="accuracy")
    accuracies = accuracies[list(dict.fromkeys(probes["phase"]))]
    table = accuracies.quantile([0, 0.25, 0.5, 0.75, 1]).T
    table.columns = pd.Index(["worst", "low", "median", "high", "best"])
    table["kendall"] = float("nan")
    for before, after in pairwise(accuracies.columns):
        table.loc[after, "kendall"] = rank_stability(accuracies[before].tolist(), accuracies[after].tolist())
    for phase, rows in probes.groupby("phase"):
        table.loc[phase, "gain"] = recalibration_gain(
            rows["accuracy"].tolist(), rows["uncalibrated"].tolist()
        )
    return table.rename_axis("phase").reset_index()


def health_figure(probes: pd.DataFrame) -> go.Figure:
    """Ribbons of the probes' accuracy, their rank stability and the gain from recalibration, by phase."""
    table = health_table(probes)
    phases = [str(phase).replace("_", " ") for phase in table["phase"]]
    figure = make_subplots(rows=3, cols=1, shared_xaxes=True, row_heights=[0.5, 0.25, 0.25])
    for name, (low, high) in {"all": ("worst", "best"), "middle half": ("low", "high")}.items():
        area = band(phases, percentages(table[low]), percentages(table[high]), name, _TINTS[name])
        figure.add_trace(area, row=1, col=1)
    for row, (column, name, colour) in enumerate(
        (("median", "median", BLUE), ("kendall", "Kendall", GREEN), ("gain", "gain", VERMILION)), start=1
    ):
        values = table[column].tolist() if column == "kendall" else percentages(table[column])
        line = curve(phases, values, name, {"color": colour}, "%{x}: %{y:.2f}", showlegend=row == 1)
        figure.add_trace(line, row=row, col=1)
    lowest = table["kendall"].min()  # of one phase alone there is none
    figure.update_yaxes(title="Validation<br>top-1 (%)", row=1)
    figure.update_yaxes(title="Order kept<br>(Kendall)", range=[min(-0.1, lowest - 0.05), 1.05], row=2)
    figure.update_yaxes(title="Gain from own<br>statistics (points)", row=3)
    figure.update_xaxes(title="After phase", categoryorder="array", categoryarray=phases, row=3)
    title = f"The same {probes['probe'].nunique()} subnets after every phase"
    return style(figure, title).update_layout(height=760)
