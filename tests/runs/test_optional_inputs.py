"""What a pipeline can do without: plain networks beside those of a search, of the same search or none."""

import logging
from pathlib import Path

import pandas as pd
import pytest
import torch
from kedro.io import DataCatalog, Version
from kedro.pipeline import Node, Pipeline
from kedro_datasets.json import JSONDataset

from natv2.baselines.plain import PlainClassifier, PlainHeader
from natv2.catalog.networks import NetworksDataset
from natv2.errors import UserError
from natv2.finished_network import StoredNetwork, StoredNetworks
from natv2.pipelines.postprocess.nodes import draw_results
from natv2.pipelines.postprocess.nodes import test_networks as last_node
from natv2.postprocess.extract import Extraction
from natv2.postprocess.methods import PostprocessPlan
from natv2.runs.companions import Companions
from natv2.runs.lineage import Record, Recorder
from natv2.runs.preflight import check_inputs
from natv2.search.latency import NO_TABLE
from natv2.spaces.architecture import constant, described
from tests.configs import RUN, goal, parameters
from tests.designs import DESIGNS
from tests.finishing import IMAGES
from tests.pipelines.slices import family

SEARCH = Pipeline([Node(lambda run: (run, run), "params:run", ["front", "adapted"], name="search")])
PLAIN = Pipeline([Node(lambda front, adapted: {}, ["front", "adapted"], "plain", name="plain")])
FINISH = Pipeline([Node(lambda *inputs: 0, ["front", "adapted", "plain"], "results", name="finish")])
COMMANDS = {
    name: f"This makes it anew: kedro run --pipeline {maker}"
    for name, maker in (("front", "natv2_search"), ("adapted", "natv2_search"), ("plain", "baselines"))
}
NETWORKS: StoredNetworks = {"one": StoredNetwork({"weight": torch.ones(2)}, {"kind": "plain_network"})}


class Project:
    """A catalog in which runs leave a search's outputs and plain networks, of versions 1, 2, 3 ..."""

    def __init__(self, root: Path) -> None:
        self.root, self.runs = root, 0

    def catalog(self, load=()) -> DataCatalog:
        def place(name: str) -> dict[str, object]:
            version = Version(dict(load).get(name), str(self.runs))
            return {"filepath": f"{self.root}/{name}", "version": version}

        entries = {name: JSONDataset(**place(name)) for name in ("front", "adapted", "results")}
        return DataCatalog({**entries, "plain": NetworksDataset(**place("plain"), optional=True)})

    def run(self, pipeline: Pipeline, load=(), images=()) -> tuple[dict[str, str], StoredNetworks]:
        """Which versions it takes, and the plain networks that its nodes would read."""
        self.runs += 1
        catalog = self.catalog(load)
        companions = Companions(pipeline, catalog, self.root, {})
        # As a run does it: before the images are looked at, and after.
        companions.take({}, COMMANDS)
        companions.take(dict(images), COMMANDS)
        companions.say(COMMANDS)
        about = Record(run=str(self.runs), pipeline="toy")
        recorder = Recorder(catalog, self.root, about, companions.taken)
        read = catalog.load("plain") if "plain" in pipeline.inputs() else {}
        for node in pipeline.nodes:
            for name in node.outputs:
                catalog.save(name, NETWORKS if name == "plain" else self.runs)
                recorder.saved(name, object(), node)
        return {name: record.run for name, record in companions.taken.items()}, read


@pytest.fixture
def project(tmp_path) -> Project:
    return Project(tmp_path)


def test_without_them_a_run_goes_on_and_says_what_makes_them(project, caplog):
    project.run(SEARCH)
    taken, networks = project.run(FINISH)
    assert (taken, networks) == ({"front": "1", "adapted": "1"}, {})
    warnings = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    assert warnings == ["there are no plain. This makes it anew: kedro run --pipeline baselines"]


def test_those_of_the_same_search_are_read_without_a_word(project, caplog):
    project.run(SEARCH)
    project.run(PLAIN)
    taken, networks = project.run(FINISH)
    assert taken == {"front": "1", "adapted": "1", "plain": "2"} and list(networks) == ["one"]
    assert not [record for record in caplog.records if record.levelno == logging.WARNING]


def test_those_of_an_older_search_are_not_taken_and_make_the_front_no_older(project, caplog):
    project.run(SEARCH)
    project.run(PLAIN)
    project.run(SEARCH)
    taken, networks = project.run(FINISH)
    assert (taken, networks) == ({"front": "3", "adapted": "3"}, {})
    assert (
        "there are no plain; those of the run of 2 do not belong to the rest. "
        "This makes it anew: kedro run --pipeline baselines" in caplog.text
    )
    # Whoever asks for the older front has its plain networks.
    taken, networks = project.run(FINISH, load={"front": "1"})
    assert taken == {"front": "1", "adapted": "1", "plain": "2"} and list(networks) == ["one"]


def test_of_several_the_newest_that_belong_there_are_read(project, caplog):
    project.run(SEARCH)
    for _ in range(2):
        project.run(PLAIN)
    assert project.run(FINISH)[0]["plain"] == "3"
    project.run(SEARCH)
    project.run(PLAIN)
    assert project.run(FINISH)[0] == {"front": "5", "adapted": "5", "plain": "6"}
    assert project.run(FINISH, load={"front": "1"})[0] == {"front": "1", "adapted": "1", "plain": "3"}


def test_what_is_checked_before_a_run_is_what_it_cannot_do_without(project):
    registered = {"natv2_search": SEARCH, "baselines": PLAIN, "postprocess": FINISH}

    def checked() -> dict[str, str]:
        asked = {"env": "demo", "runtime_params": {"seed": 1}}
        return check_inputs(FINISH, project.catalog(), registered, parameters(), **asked)

    with pytest.raises(UserError, match=r"there is no adapted .*--pipeline natv2_search"):
        checked()
    project.run(SEARCH)
    made = "This makes it anew: kedro run --pipeline baselines --env demo --params seed=1"
    assert checked()["plain"] == made


def test_what_a_run_saves_itself_it_reads(project):
    catalog = project.catalog()
    dataset = catalog.get("plain")
    dataset.absent = True
    assert catalog.load("plain") == {}
    catalog.save("plain", NETWORKS)
    assert list(catalog.load("plain")) == ["one"]


# ── the last node, with and without them ─────────────────────────────────────────────────────────


def finished() -> tuple[StoredNetworks, pd.DataFrame]:
    """A network of a search, and the search's archive."""
    design, search = DESIGNS["EE_D_OFAMobileNetV3"], parameters().search
    narrow, wide = family(design.name, IMAGES)
    sizes = {"resolution": 16, "width": 0.1, "depth": 2, "kernel": 3, "expand_ratio": 3, "mask": 4}
    plan = PostprocessPlan.as_it_is(constant(design, exits=(1,), **sizes), "UNIF")
    extraction = Extraction(narrow, wide, IMAGES, calibration=search.calibration, dropout=0.0, run=RUN)
    record = {"network": "network_01", "accuracy_before": 0.3, "accuracy_after": 0.3, "epochs": 0}
    network = extraction.classifier(extraction.network(plan), plan, record | plan.to_dict())
    found = {"accuracy": 0.3, "params": 100, "macs": 1000, "non_dominated": True, "high_tradeoff": True}
    archive = pd.DataFrame([found | described(plan.architecture)])
    return {"network_01": network.stored()}, archive


def plain(kind: str = "plain") -> StoredNetwork:
    """ResNet-20, which is much larger than the network above."""
    header = PlainHeader(
        network="resnet20_050",
        resolution=16,
        class_names=IMAGES.class_names,
        mean=IMAGES.mean,
        std=IMAGES.std,
        record={"kind": kind, "teacher": "none", "valid_accuracy": 0.5, "epochs": 1},
    )
    return PlainClassifier.new(header, 0).stored()


def test_pretrained_networks_are_tested_but_are_no_plain_ones():
    values, summary = parameters(), {"objectives": ["accuracy", "macs"], "constraints": {}}
    ended, archive = finished()
    networks = {"resnet20_050_tuned": plain("pretrained")}
    given = (ended, ended, networks, IMAGES, values.baselines, values.search, goal(), RUN, summary)
    _, results, _, table, verdict, sentence, beside, detail = last_node(*given, NO_TABLE)
    assert detail["networks"].keys() == ended.keys() and detail["beside"].keys() == {"pretrained"}
    (row,), record = table.to_dict("records"), beside["resnet20_050_tuned"].header["record"]
    asked = ("test_accuracy", "params", "macs", "resolution")
    assert {name: record[name] for name in asked} == {name: row[name] for name in asked}
    assert record.items() >= networks["resnet20_050_tuned"].header["record"].items()
    assert table[["name", "kind", "plain"]].values.tolist() == [["resnet20_050_tuned", "pretrained", False]]
    assert verdict["best_plain"].isna().all()
    assert sentence == "Verdict: none, for no plain network was trained beside these networks."
    for figure in draw_results(results, table, archive, summary):
        assert "Fine-tuned from ImageNet" in {trace.name for trace in figure.data}


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (0, "Verdict: none, for no plain network was trained beside these networks."),
        (1, "of at most the MACs of the finished network, so nothing is compared by MACs."),
    ],
)
def test_networks_are_tested_and_judged_without_plain_ones_too(rows, said, tmp_path):
    networks = {"resnet20_050": plain()} if rows else {}
    values, summary = parameters(), {"objectives": ["accuracy", "macs"], "constraints": {}}
    ended, archive = finished()
    given = (ended, ended, networks, IMAGES, values.baselines, values.search, goal(), RUN, summary)
    _, results, classes, table, verdict, sentence, beside, _ = last_node(*given, NO_TABLE)
    assert list(beside) == list(networks)
    assert results["name"].tolist() == ["network_01"] and len(classes) == 4
    assert len(table) == rows and sentence.endswith(said)
    assert verdict["best_plain"].isna().all() and results["gain"].isna().all()
    for figure in draw_results(results, table, archive, summary):
        assert figure.to_json()
    # As a catalog keeps them.
    for name, each in (("table", table), ("verdict", verdict), ("results", results)):
        each.to_csv(tmp_path / f"{name}.csv", index=False)
        assert len(pd.read_csv(tmp_path / f"{name}.csv")) == len(each)
