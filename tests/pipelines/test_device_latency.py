"""A search with the latency table of another device: nothing of it is measured here."""

import json
import logging
from dataclasses import replace
from types import SimpleNamespace

import pandas as pd
import pytest
from kedro.pipeline import Node, Pipeline

from natv2.baselines.plain import PlainClassifier, PlainHeader
from natv2.costs.latency_table import LatencyTable
from natv2.costs.measured_on import origin_of
from natv2.errors import UserError
from natv2.pipelines.baselines.nodes import plan_baselines
from natv2.pipelines.natv2_plan.pipeline import plan_stages
from natv2.pipelines.natv2_search.nodes import know_costs, report_search, search_networks
from natv2.pipelines.postprocess.nodes import draw_results
from natv2.pipelines.postprocess.nodes import test_networks as last_node
from natv2.postprocess.refine import chosen_networks
from natv2.runs.preflight import check_device_file, check_device_table
from natv2.search.device_table import device_latency_table
from natv2.search.kit_contents import KitContents
from natv2.spaces.architecture import architecture_of
from natv2.spaces.space import SearchSpace
from natv2.training.state_store import StateStore
from tests.configs import RUN, goal, parameters, training
from tests.designs import DESIGNS
from tests.device_kit.kits import CLASSES, results
from tests.pipelines.slices import family
from tests.pipelines.test_objectives import IMAGES, finish

NAME = "EE_B_OFAMobileNetV3"
SPACE = SearchSpace(design=DESIGNS[NAME], resolutions=(16,), widths=(0.1, 0.2))
DEVICE = "Raspberry Pi 4 (onnxruntime 1.20.0, 2 threads, 2026-11-28)"


@pytest.fixture(autouse=True)
def never_measured(monkeypatch):
    def refused(*given):
        raise AssertionError("something is measured here")

    for place in ("natv2.search.latency.measure", "natv2.costs.latency.measure"):
        monkeypatch.setattr(place, refused)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("device") / "times.json"
    path.write_text(json.dumps(results(KitContents.of(SPACE, CLASSES))))
    return path


def values_with(path, **changes):
    return parameters(search={"latency": {"table": str(path), "force": False}, **changes}, supernet=NAME)


def table_from(path):
    search = values_with(path).search
    frame, _ = device_latency_table(path, SPACE, CLASSES, search.latency)
    return frame


def expected_ms(frame, architecture):
    table = LatencyTable.from_frame(frame, SPACE)
    return float(table(SPACE.encode(architecture)[None])[0])


def plain():
    header = PlainHeader(
        network="resnet20_050",
        resolution=16,
        class_names=IMAGES.class_names,
        mean=IMAGES.mean,
        std=IMAGES.std,
        record={"kind": "plain", "teacher": "none", "valid_accuracy": 0.5, "epochs": 1},
    )
    return PlainClassifier.new(header, 0).stored()


@pytest.fixture(scope="module")
def searched(path, tmp_path_factory):
    """A whole search for accuracy and latency, and all that it gave."""
    search, folder = values_with(path).search, tmp_path_factory.mktemp("search")
    asked, supernets = goal("accuracy+latency"), family(NAME, IMAGES)
    table, check = know_costs(
        *(*supernets, IMAGES, search, asked, training(supernet=NAME), RUN),
        *(StateStore(folder / "store"), StateStore(folder / "costs")),
    )
    archive, by_turn, _, history, summary, *adapted = search_networks(
        *supernets, IMAGES, table, search, asked, "natv2", RUN, StateStore(folder)
    )
    front, *_ = report_search(archive, by_turn, history, summary)
    return SimpleNamespace(
        table=table,
        check=check,
        archive=archive,
        front=front,
        summary=summary,
        adapted=adapted,
        folder=folder,
    )


def test_networks_are_judged_by_the_devices_table_and_the_results_say_whose_it_is(searched, path):
    assert origin_of(searched.table) is not None and len(searched.check) == 30
    for row in searched.archive.to_dict("records"):
        assert row["latency"] == pytest.approx(expected_ms(searched.table, architecture_of(row)))
    told = searched.summary["latency"]
    assert (told["device"], told["runtime"], told["threads"]) == ("Raspberry Pi 4", "onnxruntime 1.20.0", 2)
    assert told["measured"] == "2026-11-28T10:30:00+00:00" and told["spearman"] == pytest.approx(1)
    assert json.loads(json.dumps(searched.summary)) == searched.summary


def test_searches_with_tables_of_different_devices_are_told_apart(searched):
    from natv2.search.identity import search_settings

    search, supernets = parameters().search, family(NAME, IMAGES)
    origin = origin_of(searched.table)
    told = [
        search_settings(search, goal(), supernets, IMAGES, latency)
        for latency in (None, origin, replace(origin, times="another"))
    ]
    assert len(set(told)) == 3
    assert told[0] == search_settings(search, goal(), supernets, IMAGES)


@pytest.fixture(scope="module")
def finished(searched):
    postprocess = parameters(supernet=NAME).postprocess.model_copy(update={"method": "both"})
    chosen = chosen_networks(searched.front.assign(high_tradeoff=True), postprocess)
    return finish(chosen, searched.adapted, postprocess, searched.folder / "finish")


def ending(searched, finished, values, networks=None, asked=None, **summary):
    found, made = finished
    given = (found, made, networks or {}, IMAGES, values.baselines, values.search)
    asked = asked or goal("accuracy+latency")
    return last_node(*given, asked, RUN, searched.summary | summary, searched.table)


@pytest.mark.parametrize("named_again", [True, False])
def test_finished_networks_have_what_the_table_expects_and_say_so(searched, finished, path, named_again):
    """Even where the parameter is not given with `postprocess`: there is never a mix of two devices."""
    values = values_with(path) if named_again else parameters(supernet=NAME)
    tested, table, *_ = ending(searched, finished, values)
    _, made = finished
    single = table["exits"] == 1
    assert single.any()
    for row in table[single].to_dict("records"):
        stored = made[row["name"]]
        architecture = replace_lists(stored.header["architecture"])
        assert row["latency"] == pytest.approx(expected_ms(searched.table, architecture))
        assert row["latency_before"] == pytest.approx(row["latency"])
    assert (table["latency_of"][single] == f"expected on {DEVICE}").all()
    assert table["latency"][~single].isna().all()
    assert (table["latency_of"][~single] == f"not known on {DEVICE}").all()
    assert "latency_spread" not in table
    for row in table.to_dict("records"):
        record = tested[row["name"]].header["record"]
        assert record["latency_of"] == row["latency_of"]
        assert record.get("latency") == (row["latency"] if row["exits"] == 1 else None)


def replace_lists(values):
    from natv2.spaces.architecture import Architecture

    return Architecture.from_dict(
        {name: list(v) if isinstance(v, tuple) else v for name, v in values.items()}
    )


def test_what_is_not_known_of_ensembles_is_said(searched, finished, caplog):
    _, table, *_ = ending(searched, finished, parameters(supernet=NAME), constraints={"max_latency": 1e9})
    single = table["exits"] == 1
    assert 0 < single.sum() < len(table)
    assert table["meets_constraints"].tolist() == single.tolist()
    for name in table["name"][~single]:
        assert (
            f"whether {name} as it is finished keeps constraints.max_latency=1000000000.0 is not known"
            in caplog.text
        )
    assert "does not keep" not in caplog.text


def test_plain_networks_have_no_latency_and_are_judged_by_macs(searched, finished, caplog):
    caplog.set_level(logging.INFO, logger="natv2")
    values = parameters(supernet=NAME)
    _, table, _, beside, verdict, sentence, *_ = ending(searched, finished, values, {"resnet20_050": plain()})
    assert beside["latency"].isna().all() and beside["latency_of"].tolist() == [f"not known on {DEVICE}"]
    assert verdict["cost"].unique().tolist() == ["macs"]
    assert "nothing is compared by MACs" in sentence
    assert f"plain networks have no latency on {DEVICE}: they are judged by macs" in caplog.text
    for figure in draw_results(table, beside, searched.archive, searched.summary):
        assert figure.to_json()


def test_plain_networks_stand_beside_by_what_is_known_of_them(searched, path, monkeypatch, caplog):
    caplog.set_level(logging.INFO, logger="natv2")
    values, asked = parameters(supernet=NAME), []

    def watched(chosen, space, classes, costs, config, seed, latency, weights):
        asked.append(costs)
        return pd.DataFrame()

    monkeypatch.setattr("natv2.pipelines.baselines.nodes.choose_baselines", watched)
    for objectives in ("accuracy+latency", "accuracy+params+latency"):
        plan_baselines(
            *(searched.front, *searched.adapted, IMAGES, values.baselines, values.postprocess, values.search),
            *(goal(objectives), RUN, searched.table),
        )
    assert asked == [["macs"], ["params"]]
    assert f"plain networks have no latency on {DEVICE}: those near in macs count" in caplog.text


def test_a_search_is_planned_without_the_time_of_a_table(path, tmp_path, monkeypatch):
    monkeypatch.setattr("natv2.training.timing._ENOUGH_S", 0.0)
    values = values_with(path)
    given = (IMAGES, training(supernet=NAME), values.search, goal("accuracy+latency"), RUN)
    plan = plan_stages(*given, values.widths, values.source, StateStore(tmp_path))
    assert "latency table" not in plan["stage"].tolist() and "turns" in plan["stage"].tolist()
    with pytest.raises(UserError, match=r"has no width 0\.3"):
        widths = values.widths.model_copy(update={"wide": 0.3})
        plan_stages(*given, widths, values.source, StateStore(tmp_path))


class Catalog(dict):
    def load(self, name):
        assert name == "target_images"
        return IMAGES


def pipeline_of(node: str) -> Pipeline:
    return Pipeline([Node(lambda: 0, inputs=None, outputs="x", name=node)])


@pytest.mark.parametrize("node", ["costs", "search_plan"])
def test_a_table_that_does_not_fit_is_refused_before_anything_runs(path, node, caplog):
    values = values_with(path, resolutions=[16, 20])
    latency = values.model_copy(update={"objectives": ("accuracy", "latency")})
    with pytest.raises(UserError, match="has no resolution 20: it has 16"):
        check_device_table(pipeline_of(node), Catalog(), latency)
    check_device_table(pipeline_of("finish_networks"), Catalog(), latency)
    check_device_file(pipeline_of(node), latency)
    assert "is not read" not in caplog.text
    check_device_table(pipeline_of(node), Catalog(), values)  # which asks for no latency
    check_device_file(pipeline_of(node), values)
    assert f"search.latency.table={path} is not read" in caplog.text


def test_a_file_that_is_not_there_is_refused_before_images_are_looked_at(tmp_path):
    values = values_with(tmp_path / "absent.json").model_copy(update={"objectives": ("accuracy", "latency")})
    with pytest.raises(UserError, match="there is no such file"):
        check_device_file(pipeline_of("costs"), values)
    check_device_file(pipeline_of("finish_networks"), values)


def test_a_table_changed_meanwhile_is_another_run(path, tmp_path):
    from natv2.runs.resume import _own_code

    copy = tmp_path / "times.json"
    copy.write_bytes(path.read_bytes())
    values = values_with(copy)
    first = _own_code(values)
    copy.write_bytes(path.read_bytes() + b" ")
    assert first != _own_code(values) and list(first) == [str(copy)]
