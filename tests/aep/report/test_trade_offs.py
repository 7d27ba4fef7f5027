"""The figure of chapter 4 shows every point once a panel, told apart by colour and symbol."""

import pandas as pd
import pytest

from natv2.aep.report.trade_offs import trade_offs_figure

NAN = float("nan")
POINTS = pd.DataFrame(
    [
        ("TR-64", "EEmix", "MIX", "", "ensemble", 12.5, 2.9, 5.3, 7.8, 48),
        ("TR-64", "EEmix*", "MIX", "", "pruned", 13.3, -41.0, -18.0, -16.3, 48),
        ("FT-64", "EEasc*", "ASC", "", "pruned", 4.7, -14.3, -2.0, NAN, 1),
        ("FT-64", "EEunif* outputs=search", "UNIF", "outputs=search", "pruned", 5.0, -11.0, -1.0, 0.1, 1),
    ],
    columns=["scenario", "series", "weights", "extras", "variant", "test_top1", "params", "macs", "latency",
             "pairs"],
)  # fmt: skip


def panels(figure) -> dict[str, list]:
    """The points of each panel, by the title of its x axis: (x, y, scenario, symbol)."""
    found: dict[str, list] = {}
    for trace in figure.data:
        if trace.text is not None:
            title = figure.layout["xaxis" + trace.xaxis[1:]].title.text
            points = zip(trace.x, trace.y, trace.marker.symbol, strict=True)
            found.setdefault(title, []).extend((x, y, trace.name, symbol) for x, y, symbol in points)
    return found


def test_a_panel_a_cost_a_symbol_each_weights_and_variant():
    shown = panels(trade_offs_figure(POINTS))
    looks = [
        ("TR-64", "diamond-open"),
        ("TR-64", "diamond"),
        ("FT-64", "triangle-up"),
        ("FT-64", "circle-dot"),
    ]
    for cost in ("params", "macs", "latency"):
        known = POINTS.assign(look=looks).dropna(subset=cost)
        title = {"params": "parameters", "macs": "MACs", "latency": "latency"}[cost]
        expected = zip(known[cost], known["test_top1"], known["look"], strict=True)
        assert shown.pop(f"Change of {title} (%)") == [(x, y, *look) for x, y, look in expected]
    assert not shown


def test_a_scenario_has_one_colour_and_one_entry_that_hides_it_everywhere():
    figure = trade_offs_figure(POINTS)
    for scenario in ("TR-64", "FT-64"):
        traces = [trace for trace in figure.data if trace.name == scenario]
        assert len(traces) == 4  # three panels and the entry
        assert len({trace.marker.color for trace in traces}) == 1
        assert {trace.legendgroup for trace in traces} == {scenario}
        assert [trace.legend for trace in traces if trace.showlegend] == ["legend"]


def test_the_legend_of_symbols_names_what_there_is():
    keys = [t.name for t in trade_offs_figure(POINTS.iloc[:3]).data if t.legend == "legend2"]
    assert keys == ["ASC", "MIX", "pruned (*)", "full ensemble", "single exit"]
    keys = [t.name for t in trade_offs_figure(POINTS).data if t.legend == "legend2"]
    assert keys == ["ASC", "MIX", "UNIF", "pruned (*)", "full ensemble", "with extras", "single exit"]


def test_single_exit_networks_are_where_the_lines_at_zero_cross():
    figure = trade_offs_figure(POINTS)
    crosses = [t for t in figure.data if t.marker.symbol == "cross-thin" and t.x == (0,) and t.y == (0,)]
    assert sorted(trace.xaxis for trace in crosses) == ["x", "x2", "x3"]
    assert all(figure.layout[axis].zeroline for axis in ("xaxis", "xaxis2", "xaxis3", "yaxis"))


def test_a_point_says_what_it_is():
    texts = [text for trace in trade_offs_figure(POINTS).data if trace.text for text in trace.text]
    assert (
        "<b>EEmix*, TR-64</b><br>top-1: +13.30 %<br>parameters: -41.00 %<br>MACs: -18.00 %"
        "<br>latency: -16.30 %<br>average of 48 pairs of a network and a data set"
    ) in texts
    assert any(text.endswith("latency: –<br>one network on one data set") for text in texts)


@pytest.mark.parametrize(
    "points", [POINTS.iloc[:0], POINTS.iloc[:0].astype(object)], ids=["typed", "untyped"]
)
def test_no_points_are_nothing_to_compare_and_say_so(points):
    figure = trade_offs_figure(points)
    assert "there are none yet" in figure.layout.title.text
    assert panels(figure) == {} and figure.to_json()
