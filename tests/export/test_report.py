import pandas as pd
import pytest

from natv2.errors import UserError
from natv2.export.acceptance import Agreement
from natv2.export.certificate import Certificate
from natv2.export.outcome import Outcome
from natv2.export.report.figure import exports_figure
from natv2.export.report.order import order_sentence
from natv2.export.report.shown import refuse_failed, shown
from natv2.export.report.table import exports_table
from natv2.export.timing import Latency


def outcome(network, format, top1, pytorch, *, objections=(), threads=(1, None)) -> Outcome:
    agreement = Agreement(
        images=100,
        largest_logit=10.0,
        logit_difference=0.25,
        rounding=0.0,
        predictions=0.9,
        sure=1.0,
        top1=top1,
        pytorch_top1=pytorch,
    )
    latency = [
        Latency(threads=count, file=2.0 + (count or 0), file_spread=0.1, pytorch=7.0, pytorch_spread=0.2)
        for count in threads
    ]
    certificate = Certificate(
        network=network,
        format=format,
        precision="float",
        files={f"{network}.{format}": "0"},
        bytes=2_500_000,
        images="",
        agreement=agreement,
        whole=agreement,
        params=90,
        folded=10,
        idle=0,
        pytorch_params=100,
        macs=5,
        pytorch_macs=5,
        latency=tuple(latency),
        timed=1,
        machine="",
        versions={},
        note="",
        objections=objections,
    )
    return Outcome(network=network, format=format, certificate=certificate)


OUTCOMES = [
    outcome("a", "onnx", 0.8, 0.8),
    outcome("a", "onnx_int8", 0.5, 0.8, objections=("top-1 differ",)),
    outcome("b", "onnx_int8", 0.7, 0.7),
    outcome("c", "onnx_int8", 0.6, 0.6, threads=(None,)),
    Outcome(network="b", format="python", why="left", left_out=True),
    Outcome(network="c", format="onnx", why="the exporter failed"),
]


def test_the_table_has_a_row_for_each_network_and_format():
    table = exports_table(OUTCOMES)
    assert list(table["holds"]) == [True, False, True, True, False, False]
    assert list(table["failed"]) == [False, True, False, False, False, True]
    assert table["latency_1"].tolist()[:3] == [3.0, 3.0, 3.0] and table["latency_1"].isna().sum() == 3
    assert table["latency_all"].tolist()[:4] == [2.0] * 4
    assert list(table["why"]) == ["", "top-1 differ", "", "", "left", "the exporter failed"]
    told = shown(table)
    assert list(told["Holds"]) == ["yes", "no", "yes", "yes", "left out", "no"]
    assert told["Top-1 (%)"].tolist()[:2] == [80.0, 50.0] and told["MB"].tolist()[0] == 2.5


def test_a_run_ends_with_the_names_of_what_failed():
    with pytest.raises(UserError, match=r"^2 of 6 exports .*a as onnx_int8: top-1 differ; c as onnx: "):
        refuse_failed(exports_table(OUTCOMES))
    refuse_failed(exports_table(OUTCOMES[:1]))


def test_what_rounding_does_to_the_order_is_said():
    # a, b, c by PyTorch; b, c, a in 8 bits: both pairs of a change.
    assert order_sentence(exports_table(OUTCOMES)) == (
        "onnx_int8: of 3 pairs of networks 2 change places or become equal by validation top-1; the best is "
        "no longer a but b."
    )
    rest = order_sentence(exports_table(OUTCOMES[2:4]))
    assert rest.startswith("onnx_int8: of 1 pairs of networks 0 ") and rest.endswith("is still b.")
    assert order_sentence(exports_table(OUTCOMES[:1])) == "Nothing was rounded that has an order."


def test_the_figure_has_each_file_and_marks_what_did_not_hold():
    figure = exports_figure(exports_table(OUTCOMES))
    (marks,) = (trace for trace in figure.data if trace.name == "onnx_int8")
    assert list(marks.x) == [3.0, 3.0, 2.0] and list(marks.y) == pytest.approx([50, 70, 60])
    assert [symbol.endswith("-open") for symbol in marks.marker.symbol] == [True, False, False]
    assert {trace.name for trace in figure.data if trace.name} == {"onnx", "onnx_int8"}
    assert isinstance(exports_figure(exports_table(OUTCOMES[4:])), type(figure))  # none was timed


def test_an_empty_table_is_shown_too():
    assert shown(exports_table(OUTCOMES[4:])).isna().sum().sum() > 0
    assert isinstance(exports_table([]), pd.DataFrame)
