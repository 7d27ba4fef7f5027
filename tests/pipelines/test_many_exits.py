"""Networks with several exits through the nodes: searched, finished, tested, drawn."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from natv2.costs.parts import MACS, architecture_cost
from natv2.errors import UserError
from natv2.exits.ensembles import ensemble
from natv2.exits.leaving import stopped
from natv2.exits.weightings import exit_weights
from natv2.images.batches import calibration_batches, evaluation_batches
from natv2.objectives.costs import space_costs
from natv2.pipelines.natv2_plan.pipeline import plan_stages
from natv2.pipelines.natv2_search.nodes import search_networks
from natv2.pipelines.postprocess.nodes import draw_leaving, draw_results
from natv2.pipelines.postprocess.nodes import test_networks as last_node
from natv2.search.adaptation.start import common_space, target_supernets
from natv2.search.adaptation.subnets import AdaptableFamily
from natv2.search.latency import NO_TABLE
from natv2.search.latency_time import unmeasured_table
from natv2.search.search import Search
from natv2.spaces.architecture import architecture_of
from natv2.supernets.classifier import SubnetClassifier
from natv2.training.recalibration import calibrate
from natv2.training.state_store import StateStore
from tests.configs import RUN, goal, parameters, training
from tests.pipelines.slices import family
from tests.pipelines.test_objectives import finish
from tests.tiny import splits

NAME = "EE_D_OFAMobileNetV3"
IMAGES = splits(valid=60, test=41)
CHANGED = {"archive_size": 12, "candidates": 3, "high_tradeoff": 6, "exits": "many"}
PARAMETERS = parameters(supernet=NAME, search=CHANGED, objectives="accuracy+mean_macs")
SEARCH, GOAL = PARAMETERS.search, goal("accuracy+mean_macs")


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """What a search over untrained supernets gives."""
    store = StateStore(tmp_path_factory.mktemp("search"))
    return search_networks(*family(NAME, IMAGES), IMAGES, NO_TABLE, SEARCH, GOAL, "natv2", RUN, store)


def test_an_archive_says_what_is_true_of_networks_that_nobody_leaves_early(searched):
    archive, _, _, _, _, *adapted = searched
    supernets = {each.width: each.supernet() for each in adapted}
    whole = archive[archive["leaving"].isna()]
    assert (archive["leaving"] > 0).any()
    labels = IMAGES.valid.labels
    for row in whole.to_dict("records")[:6]:
        architecture = architecture_of(row)
        supernet = supernets[architecture.width]
        batches = calibration_batches(IMAGES, SEARCH.calibration, seed=0)
        network = supernet.subnet(architecture, calibrate(supernet, architecture, batches))
        weighting = row["exit_weighting"] if isinstance(row["exit_weighting"], str) else "UNIF"
        beta = exit_weights(weighting, len(architecture.exits)).output
        with torch.no_grad():
            said = [
                ensemble(network(batch.at(architecture.resolution)), beta)
                for batch in evaluation_batches(IMAGES, IMAGES.valid, 16)
            ]
        right = torch.cat(said).argmax(dim=1) == labels
        assert row["accuracy"] == pytest.approx(float(right.double().mean()))
        macs = int(architecture_cost(supernet.design, architecture, 4)[MACS])
        assert row["macs"] == row["mean_macs"] == macs


def test_real_supernets_restricted_to_one_exit_give_the_archive_of_one_exit(tmp_path):
    results = []
    for exits in ("one", "many"):
        supernets = target_supernets(*family(NAME, IMAGES), IMAGES, SEARCH.of_one_exit, RUN)
        config = supernets.config.model_copy(update={"exits": exits, "archive_size": 8, "candidates": 2})
        store = StateStore(tmp_path / exits)
        costs_of = space_costs(supernets.space, 4, NO_TABLE)
        subnets = AdaptableFamily(supernets, store)
        search = Search(supernets.space, subnets, costs_of, config, goal(), 0, store)
        results.append(search.run().archive.to_frame())
    assert results[0].equals(results[1])


@pytest.mark.parametrize("recipe", ["full", "thesis", "none"])
def test_what_was_found_is_finished_as_a_network_that_images_leave(searched, tmp_path, recipe):
    archive, _, _, _, summary, *adapted = searched
    several = archive[archive["kept"].str.len() > 1]
    leaves = several[several["leaving"] > 0].head(2)
    chosen = leaves.reset_index(drop=True).assign(leaving=[leaves["leaving"].iloc[0], np.nan])
    chosen.insert(0, "name", ["leaves", "stays"])
    method = {"method": "none"} if recipe == "none" else {"recipe": recipe, "method": "both"}
    found, finished = finish(chosen, adapted, PARAMETERS.postprocess.model_copy(update=method), tmp_path)
    # the search has chosen the exits: no ensemble with others is made
    assert list(finished) == [f"{name}{'_standard' * (recipe != 'none')}" for name in chosen["name"]]
    bounded = goal("accuracy+mean_macs", max_mean_macs=1, min_macro_accuracy=0.001)
    given = (found, finished, {}, IMAGES, PARAMETERS.baselines, SEARCH, bounded, RUN, summary, NO_TABLE)
    tested, results, *_ = last_node(*given)
    assert not results["meets_constraints"].any()
    for row, (name, stored) in zip(results.to_dict("records"), tested.items(), strict=True):
        classifier = SubnetClassifier.build(stored)
        exits = classifier.network.exits
        assert row["kept"] == "-".join(map(str, exits))
        assert classifier.stops == name.startswith("leaves")
        assert sum(classifier.header.weights) == pytest.approx(1)
        whole = architecture_cost(classifier.network.design, classifier.network.architecture, 4)[MACS]
        assert row["macs"] == whole
        if not classifier.stops:
            assert row["mean_macs"] == whole
            continue
        (batch,) = evaluation_batches(IMAGES, IMAGES.test, 64)
        with torch.no_grad():
            said = torch.stack(classifier.network(classifier.prepared(batch)))
            logits, left = stopped(said, classifier.header.weights, classifier.stopping())
            alone = classifier.decide(classifier.prepared(batch))[1]
        assert (alone.numpy() == left + 1).mean() > 0.95  # but for rounding
        assert row["test_accuracy"] == float((logits.argmax(dim=1) == batch.labels).double().mean())
        # Along the way of each image: what is computed until it leaves.
        paid = []
        for at in left:
            cut = replace(classifier.network.architecture, exits=exits[: at + 1])
            paid.append(int(architecture_cost(classifier.network.design, cut, 4)[MACS]))
        assert row["mean_macs"] == pytest.approx(np.mean(paid))
        shares = [row[f"share_{exit}"] for exit in exits]
        assert shares == pytest.approx(np.bincount(left, minlength=len(exits)) / len(left))
    assert draw_leaving(tested, IMAGES, SEARCH, RUN).data[0].y is not None
    assert len(draw_results(results, pd.DataFrame(columns=["plain", "kind"]), archive, summary)) == 2


def test_latency_on_average_is_expected_and_measured(tmp_path):
    supernets, asked = family(NAME, IMAGES), goal("accuracy+mean_latency")
    space = common_space(*supernets, SEARCH)
    table = unmeasured_table(space, 4)  # every part takes as long
    store = StateStore(tmp_path / "search")
    found = search_networks(*supernets, IMAGES, table, SEARCH, asked, "natv2", RUN, store)
    archive, summary, adapted = found[0], found[4], found[5:]
    early = archive[archive["leaving"] > 0]
    assert (early["mean_latency"] < early["latency"]).all()
    chosen = early.head(1).assign(name="leaves").reset_index(drop=True)
    networks = finish(chosen, adapted, PARAMETERS.postprocess.model_copy(update={"method": "none"}), tmp_path)
    given = (*networks, {}, IMAGES, PARAMETERS.baselines, SEARCH, asked, RUN, summary, table)
    _, results, *_ = last_node(*given)
    assert (results["mean_latency"] > 0).all()


def test_a_search_of_several_exits_is_planned(tmp_path, monkeypatch):
    monkeypatch.setattr("natv2.training.timing._ENOUGH_S", 0.0)
    given = (training(supernet=NAME), SEARCH, GOAL, RUN, PARAMETERS.widths, PARAMETERS.source)
    plan = plan_stages(IMAGES, *given, StateStore(tmp_path))
    assert (plan.set_index("stage").loc["turns", ["evaluation", "search"]] > 0).all()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"supernet": "SE_B_OFAMobileNetV3"}, "search.exits=many: SE_B_OFAMobileNetV3 has no early exits"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_runs(changes, told):
    asked = {"supernet": NAME, "objectives": "accuracy+mean_macs", "search": {"exits": "many"}, **changes}
    with pytest.raises(UserError, match=told.replace(".", r"\.")):
        parameters(**asked)
