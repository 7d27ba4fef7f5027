"""The search node and those behind it, for every number of objectives."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from natv2.costs.parts import MACS, architecture_cost
from natv2.images.batches import calibration_batches, evaluation_batches
from natv2.pipelines.natv2_plan.pipeline import plan_stages
from natv2.pipelines.natv2_search.nodes import (
    know_costs,
    report_search,
    search_and_keep,
    search_networks,
)
from natv2.pipelines.postprocess.nodes import finish_networks, prepare_finishing
from natv2.pipelines.postprocess.nodes import test_networks as last_node
from natv2.pipelines.postprocess_study.pipeline import create_pipeline as study_pipeline
from natv2.postprocess.refine import chosen_networks
from natv2.search.archive import Archive
from natv2.search.identity import search_settings
from natv2.search.latency import NO_TABLE
from natv2.search.report.description import describe_archive
from natv2.spaces.architecture import Architecture, architecture_of, constant
from natv2.spaces.space import SearchSpace
from natv2.supernets.checkpoint import Checkpoint, read_checkpoint
from natv2.supernets.supernet import Supernet
from natv2.training.evaluation import top1
from natv2.training.recalibration import calibrate
from natv2.training.state_store import StateStore
from tests.configs import RUN, goal, parameters, training
from tests.designs import DESIGNS
from tests.pipelines.slices import family
from tests.tiny import splits

IMAGES = splits()
PARAMETERS = parameters()


def accuracy_of(supernet: Supernet, architecture: Architecture) -> float:
    batches = calibration_batches(IMAGES, PARAMETERS.search.calibration, seed=0)
    tested = supernet.subnet(architecture, calibrate(supernet, architecture, batches))
    return top1(tested, list(evaluation_batches(IMAGES, IMAGES.valid, 16)))


def dominated(costs: np.ndarray) -> list[bool]:
    return [any((other <= row).all() and (other < row).any() for other in costs) for row in costs]


@pytest.mark.parametrize(
    "objectives", [("accuracy",), ("accuracy", "params", "macs"), ("latency", "accuracy")], ids="+".join
)
def test_a_search_ends_well_and_its_archive_says_what_is_true(objectives, tmp_path):
    search = PARAMETERS.search
    supernets = family("EE_B_OFAMobileNetV3", IMAGES)
    asked, known_tables = goal("+".join(objectives)), StateStore(tmp_path / "store")
    table, check = know_costs(
        *supernets, IMAGES, search, asked, training(), RUN, known_tables, StateStore(tmp_path / "costs")
    )
    assert len(check) == (30 if "latency" in objectives else 0)
    archive, by_turn, data, history, summary, *adapted = search_networks(
        *supernets, IMAGES, table, search, asked, "natv2", RUN, StateStore(tmp_path)
    )
    assert summary["objectives"] == list(objectives)
    assert len(archive) == len(data) == search.archive_size
    assert history["turn"].tolist() == list(range(1, search.turns + 1))
    assert all(math.isfinite(value) for value in history["hypervolume"])

    assert by_turn.groupby("at_turn").size().tolist() == [search.archive_size] * (1 + search.turns)
    last = by_turn[by_turn["at_turn"] == search.turns].drop(columns="at_turn")
    assert archive.equals(last.reset_index(drop=True))

    supernets = {checkpoint.width: checkpoint.supernet() for checkpoint in adapted}
    for row in archive.to_dict("records"):
        architecture = architecture_of(row)
        supernet = supernets[architecture.width]
        network = supernet.subnet(architecture)
        # Of the supernets as they are behind the last turn.
        assert row["accuracy"] == pytest.approx(accuracy_of(supernet, architecture))
        assert row["params"] == sum(parameter.numel() for parameter in network.parameters())
        assert row["macs"] == architecture_cost(supernet.design, architecture, len(IMAGES.class_names))[MACS]
    costs = np.stack([1 - archive[n] if n == "accuracy" else archive[n] for n in objectives], axis=1)
    assert archive["non_dominated"].tolist() == [not flag for flag in dominated(costs)]

    front, *_ = report_search(archive, by_turn, history, summary)
    assert len(front) == archive["non_dominated"].sum()
    chosen = chosen_networks(front, PARAMETERS.postprocess)
    found, finished = finish(chosen, adapted, PARAMETERS.postprocess, tmp_path / "finish")
    _, results, *_ = last_node(
        found, finished, {}, IMAGES, PARAMETERS.baselines, search, asked, RUN, summary, table
    )
    assert ("latency" in results) == ("latency_spread" in results) == ("latency" in objectives)
    assert results["name"].tolist() == chosen["name"].tolist()
    assert results["accuracy_before"].tolist() == chosen["accuracy"].tolist()
    assert results["params"].tolist() == chosen["params"].tolist()
    assert results["macs"].tolist() == chosen["macs"].tolist()


def finish(chosen, adapted, postprocess, folder):
    finishing = prepare_finishing(
        *({}, *adapted, IMAGES, PARAMETERS.baselines, postprocess, PARAMETERS.search, RUN),
        StateStore(folder / "kept"),
    )
    return finish_networks(
        chosen, *adapted, finishing, postprocess, PARAMETERS.search, StateStore(folder / "progress")
    )


def front_of(design: str, *exits: int) -> pd.DataFrame:
    """What a search says of small networks with these exits, which all stand out."""
    space = SearchSpace(design=DESIGNS[design], resolutions=(16,), widths=(0.1, 0.2))
    values = {"resolution": 16, "width": 0.1, "depth": 2, "kernel": 3, "expand_ratio": 3, "mask": 4}
    codes = np.stack([space.encode(constant(space.design, exits=(exit,), **values)) for exit in exits])
    costs = pd.DataFrame({"params": codes.sum(axis=1), "macs": codes.sum(axis=1)})
    archive = Archive.evaluated(codes, accuracy=0.5, costs=costs, turn=0)
    return describe_archive(archive, space, ("accuracy",), 1).assign(high_tradeoff=True)


def finished_by(method: str, front: pd.DataFrame, tmp_path):
    postprocess = PARAMETERS.postprocess.model_copy(update={"method": method})
    supernets = family("EE_B_OFAMobileNetV3", IMAGES)
    return finish(chosen_networks(front, postprocess), supernets, postprocess, tmp_path)


def test_a_network_without_earlier_exits_is_not_finished_by_the_same_method_twice(tmp_path):
    _, finished = finished_by("both", front_of("EE_B_OFAMobileNetV3", 1, 5), tmp_path)
    assert list(finished) == ["network_01_standard", "network_02_standard", "network_02_aep"]


@pytest.mark.parametrize(("bound", "kept"), [(1e6, True), (1e-6, False)])
@pytest.mark.parametrize("given", ["then", "now"])
def test_finished_networks_keep_what_bounded_their_search(tmp_path, bound, kept, given):
    """Bounds count whether they are given again or not; a bounded latency is measured."""
    front = front_of("EE_B_OFAMobileNetV3", 3)
    found, finished = finished_by("none", front, tmp_path)
    asked = goal()
    summary = {"objectives": ["accuracy"], "constraints": {}}
    if given == "then":
        summary["constraints"] = {"max_latency": bound}
    else:
        summary["constraints"] = {"max_latency": 3.0}  # the later one counts
        asked = goal(max_latency=bound)
    given = (found, finished, {}, IMAGES, PARAMETERS.baselines, PARAMETERS.search, asked, RUN, summary)
    tested, results, *_ = last_node(*given, NO_TABLE)
    for row in results.to_dict("records"):  # a file says what people ask of it
        record = tested[row["name"]].header["record"]
        names = ("test_accuracy", "params", "macs", "resolution")
        assert {name: record[name] for name in names} == {name: row[name] for name in names}
        assert finished[row["name"]].header["record"].items() <= record.items()
    assert results["meets_constraints"].tolist() == [kept]
    assert (results["latency"] > 0).all()


@pytest.mark.parametrize("latency", [True, False])
def test_a_search_for_latency_is_planned_with_its_table(tmp_path, latency, monkeypatch):
    monkeypatch.setattr("natv2.training.timing._ENOUGH_S", 0.0)  # two steps of each stage
    plan = plan_stages(
        IMAGES,
        training(supernet="EE_B_OFAMobileNetV3"),
        PARAMETERS.search,
        goal(f"accuracy+{'latency' if latency else 'macs'}"),
        RUN,
        PARAMETERS.widths,
        PARAMETERS.source,
        StateStore(tmp_path),
    )
    assert (plan["stage"] == "latency table").sum() == latency
    assert (plan.set_index("stage").loc[["turns", *["latency table"] * latency], "search"] > 0).all()


def test_searches_on_other_images_or_from_other_supernets_are_told_apart():
    narrow, wide = family("EE_B_OFAMobileNetV3", IMAGES)
    elsewhere = replace(wide, origin={"source": "tiny", "teacher": "fixed"})
    digests = {
        search_settings(PARAMETERS.search, goal(), pair, images)
        for pair, images in (
            ((narrow, wide), IMAGES),
            ((narrow, elsewhere), IMAGES),
            ((narrow, wide), splits(train=16)),
        )
    }
    assert len(digests) == 3


def test_the_study_of_refining_asks_for_no_refined_networks():
    inputs = study_pipeline().inputs()
    assert "front" in inputs and "chosen_networks" not in inputs


def test_a_killed_search_tracks_the_turn_that_it_saved_and_has_kept_the_supernets_of_every_turn(tmp_path):
    search = parameters(search={"turns": 2, "keep_supernets": True}).search
    supernets, turns = family("OFAMobileNetV3", IMAGES), list[int]()

    def run(*, fails: bool) -> Any:
        def track(metrics: Mapping[str, float], turn: int) -> None:
            if "search/hypervolume" in metrics:
                if fails:
                    raise InterruptedError
                turns.append(turn)

        inputs = (*supernets, IMAGES, NO_TABLE, search, goal("accuracy"))
        return search_and_keep(*inputs, "nat", RUN, StateStore(tmp_path, "search", track))

    with pytest.raises(InterruptedError):
        run(fails=True)
    assert (tmp_path / "turn_1.safetensors").exists()
    _, by_turn, _, _, _, *adapted, kept = run(fails=False)
    assert turns == [1, 2]
    first, last = (
        [read_checkpoint(kept.files[f"turn_{turn:02}/{width}"]) for width in ("narrow", "wide")]
        for turn in turns
    )
    assert len(kept.files) == 4 and [each.phase for each in last] == ["adaptation of turn 2"] * 2
    assert [_weights(each) for each in adapted] == [_weights(each) for each in last]
    assert [_weights(each) for each in adapted] != [_weights(each) for each in first]
    # What the archive says of the first turn is what its supernets do.
    for row in by_turn[by_turn["at_turn"] == 1].drop_duplicates("width").to_dict("records"):
        supernet = {each.width: each for each in first}[row["width"]].supernet()
        assert row["accuracy"] == pytest.approx(accuracy_of(supernet, architecture_of(row)))


def _weights(checkpoint: Checkpoint) -> dict[str, bytes]:
    return {name: weight.numpy().tobytes() for name, weight in checkpoint.weights.items()}
