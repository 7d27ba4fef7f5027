"""A new objective is one row of OBJECTIVES: nothing else has to be told of it."""

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from natv2.costs.parts import MACS, PARAMS, architecture_cost
from natv2.errors import UserError
from natv2.images.batches import evaluation_batches
from natv2.images.config import CalibrationConfig
from natv2.objectives.costs import known_costs, space_costs
from natv2.objectives.objectives import OBJECTIVES, KnownNetworks, Objective, as_costs, parse_objectives
from natv2.postprocess.extract import Extraction
from natv2.postprocess.refine import refine
from natv2.postprocess.report.figure import finished_figure
from natv2.postprocess.results import tested_networks as results_of
from natv2.reporting.fields import known_fields
from natv2.reporting.front import front_figure, front_image
from natv2.reporting.tables import results_table
from natv2.search.archive import Archive, columns
from natv2.search.latency import NO_TABLE
from natv2.search.moo.survival import non_dominated
from natv2.search.report.comparison import searched_networks, searches_table
from natv2.search.report.comparison_figures import supernets_figure
from natv2.search.report.description import describe_turns
from natv2.search.report.fronts_by_turn import fronts_figure
from natv2.search.report.turns import search_figure
from natv2.search.search import SearchResult
from natv2.spaces.architecture import described
from natv2.training.state_store import StateStore
from tests.configs import RUN, goal, parameters
from tests.pipelines.slices import family
from tests.search.known_front import THESIS
from tests.search.known_search import CLASSES, KnownSubnets, trial
from tests.tiny import splits

BOTH = ("accuracy", "energy")
AXIS = "Energy of one image (mJ)"
SMALL = {
    "archive_size": 20,
    "pre_processing": 2,
    "turns": 2,
    "candidates": 5,
    "top": 10,
    "population": 12,
    "generations": 3,
    "folds": 2,
}


def energy(counted: NDArray[np.int64]) -> NDArray[np.float64]:
    """Of parameters and MACs (N, 2)."""
    return 0.3 * counted[:, MACS] + 2 * counted[:, PARAMS]


def energy_of(networks: KnownNetworks) -> NDArray[np.float64]:
    return energy(networks.counted)


@pytest.fixture(scope="module", autouse=True)
def row() -> Iterator[None]:
    """All that is added."""
    with pytest.MonkeyPatch.context() as patch:
        new = Objective(
            title="Energy",
            unit="mJ",
            axis=AXIS,
            format="hundredths",
            direction="minimise",
            dtype=float,
            cost=energy_of,
        )
        patch.setitem(OBJECTIVES, "energy", new)
        yield


@pytest.fixture(scope="module")
def result(row: None, tmp_path_factory: pytest.TempPathFactory) -> SearchResult:
    small = trial(0, BOTH, **SMALL)
    return small.search(KnownSubnets(known=small.known), tmp_path_factory.mktemp("search"))


@pytest.fixture(scope="module")
def by_turn(result: SearchResult) -> pd.DataFrame:
    return describe_turns(result.archives, THESIS, BOTH, 4)


@pytest.fixture(scope="module")
def last(by_turn: pd.DataFrame) -> pd.DataFrame:
    return by_turn[by_turn["at_turn"] == by_turn["at_turn"].max()]


@pytest.fixture(scope="module")
def front(last: pd.DataFrame) -> pd.DataFrame:
    return last[last["non_dominated"]]


def test_it_can_be_asked_for() -> None:
    assert parse_objectives("energy+accuracy+macs") == ("energy", "accuracy", "macs")
    assert goal("accuracy+energy").axis == "energy"
    with pytest.raises(UserError, match=r"allowed are accuracy, .*energy, joined"):
        parse_objectives("accuracy+enrgy")


def test_an_archive_keeps_its_column() -> None:
    codes = THESIS.sample_architectures(6, np.random.default_rng(0))
    costs = space_costs(THESIS, CLASSES, NO_TABLE)(codes)
    archive = Archive.evaluated(codes, accuracy=np.linspace(0.1, 0.9, 6), costs=costs, turn=0)
    assert columns()["energy"] is float
    expected = energy(costs[["params", "macs"]].to_numpy())
    np.testing.assert_array_equal(archive.values["energy"], expected)
    np.testing.assert_array_equal(archive.costs(("energy", "accuracy"))[:, 0], expected)
    text = archive.to_frame().to_csv(index=False)
    back = Archive.from_frame(pd.read_csv(io.StringIO(text)), THESIS)
    pd.testing.assert_frame_equal(back.to_frame(), archive.to_frame())
    with pytest.raises(UserError, match="energy is missing"):
        Archive.from_frame(archive.to_frame().drop(columns="energy"), THESIS)


def test_a_search_is_after_it(result: SearchResult) -> None:
    assert [len(archive) for archive in result.archives] == [20, 20, 20]
    assert (result.archive.values["turn"] > 0).any()
    for archive in result.archives:
        expected = energy(archive.values[["params", "macs"]].to_numpy())
        np.testing.assert_array_equal(archive.values["energy"], expected)
    first = result.archives[0].costs(BOTH)
    assert result.hypervolume.ideal == tuple(first.min(axis=0))
    assert (result.history["hypervolume"] > 0).all()


def test_the_front_minimises_it(front: pd.DataFrame, last: pd.DataFrame) -> None:
    assert front.index.tolist() == last.index[non_dominated(as_costs(last, BOTH))].tolist()
    ordered = front.sort_values("accuracy")
    assert len(ordered) > 1 and ordered["energy"].is_monotonic_increasing


def test_figures_of_the_search_are_drawn_against_it(by_turn: pd.DataFrame, front: pd.DataFrame) -> None:
    assert by_turn["energy"].notna().all()
    figure = front_figure(by_turn, front, None, "energy")
    assert figure.layout.xaxis.title.text == AXIS
    points = next(trace for trace in figure.data if trace.name == "Front")
    assert list(points.x) == front["energy"].tolist()
    assert f"Energy (mJ): {front['energy'].iloc[0]:.2f}" in points.text[0]
    assert front_image(front_figure(by_turn, front, None, "energy")).axes[0].get_xlabel() == AXIS
    assert fronts_figure(by_turn, "energy").layout.xaxis.title.text == AXIS


def test_the_reference_point_is_told_in_its_unit(result: SearchResult) -> None:
    summary = {"objectives": list(BOTH), "hypervolume": result.hypervolume.to_dict()}
    notes = [note.text for note in search_figure(result.history, summary).layout.annotations]
    assert f"Energy (mJ) {result.hypervolume.reference[1]:.2f}" in notes[0]


def test_searches_are_compared_by_it(front: pd.DataFrame) -> None:
    same = {"run": "1", "source": "tiny", "dataset": "digits", "supernet": "EE_D", "preset": "nat", "seed": 0}
    summaries = pd.DataFrame([same | {"objectives": list(BOTH)}])
    networks = searched_networks(front.assign(run="1"), summaries, pd.DataFrame({"run": []}))
    (told,) = searches_table(networks).to_dict("records")
    assert told["hypervolume"] > 0
    assert told["best energy"] == front.nlargest(1, "accuracy")["energy"].item()
    figure = supernets_figure(networks)
    assert figure.layout.xaxis.title.text.replace("<br>", " ") == AXIS
    assert list(figure.data[0].x) == sorted(front["energy"][front["high_tradeoff"]])


def test_tables_show_it() -> None:
    assert known_fields()["energy"].title == "Energy (mJ)"
    assert known_fields()["energy_change"].title == "Energy change (%)"
    shown = results_table(pd.DataFrame({"energy": [1.256, np.nan], "macs": [1_000_000, 2_000_000]}))
    assert shown.to_dict("list") == {"MACs (M)": ["1.00", "2.00"], "Energy (mJ)": ["1.26", "–"]}


def test_post_processing_knows_it(tmp_path: Path) -> None:
    images, config = splits(), parameters(postprocess={"method": "none"}).postprocess
    narrow, wide = family("EE_D_OFAMobileNetV3", images)
    calibration = CalibrationConfig(images=16, batch_size=16)
    extraction = Extraction(narrow, wide, images, calibration=calibration, dropout=0.0, run=RUN)
    architecture = replace(wide.supernet(dropout=0.0).largest(16), exits=(5,))
    counted = architecture_cost(wide.design, architecture, len(images.class_names))[None]
    costs = known_costs(KnownNetworks(counted, None, lambda: [architecture]))
    assert costs["energy"].tolist() == energy(counted).tolist()
    chosen = pd.DataFrame([{"name": "one", "accuracy": 0.5, **described(architecture)}])
    found, finished = refine(chosen, extraction, config, 16, None, StateStore(tmp_path))
    batches = evaluation_batches(images, images.test, 16)
    results, *_ = results_of(found, finished, batches, None, [])
    assert results["energy"].tolist() == results["energy_before"].tolist() == costs["energy"].tolist()
    assert results_table(results)["Energy (mJ)"].tolist() == [f"{costs['energy'].item():.2f}"]
    assert finished_figure(results, "energy").layout.xaxis.title.text == AXIS
