"""Pieces of different runs meet: what belongs together is taken, what does not is told."""

import json
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd
import pytest
from kedro.io import DataCatalog, Version
from kedro.pipeline import Node, Pipeline
from kedro_datasets.json import JSONDataset

from natv2.errors import UserError
from natv2.pipeline_registry import NAMES, _pipeline
from natv2.pipelines.natv2_search.pipeline import create_pipeline as search_pipeline
from natv2.pipelines.postprocess.pipeline import create_pipeline as finish_pipeline
from natv2.recorded import RECORD
from natv2.runs.companions import Companions, _named, _text
from natv2.runs.inputs import asked_of
from natv2.runs.lineage import Record, Recorder, _bears_on, contradiction, made_by_metric, told_by
from natv2.search.identity import LARGEST_WARM_UP
from tests.configs import parameters

ENTRIES = ("narrow", "wide", "archive", "adapted", "front", "figure", "results")


def search(narrow: int, wide: int, images: int, run: int, preset: int, metric: int) -> tuple[int, int]:
    return narrow, wide


def report(archive: int) -> tuple[int, int]:
    return archive, archive


def finish(front: int, adapted: int, images: int, metric: int) -> int:
    return front


TRAINING = Pipeline([Node(lambda images: 0, "images", width, name=width) for width in ("narrow", "wide")])
SEARCH = Pipeline(
    [
        Node(
            search,
            ["narrow", "wide", "images", "params:run", "params:preset", "params:metric"],
            ["archive", "adapted"],
            name="search",
        ),
        Node(report, "archive", ["front", "figure"], name="report"),
    ]
)
FINISH = Pipeline([Node(finish, ["front", "adapted", "images", "params:metric"], "results", name="finish")])
COMMANDS = dict.fromkeys(ENTRIES, "This makes it anew: kedro run --pipeline maker")
NONE: Mapping[str, Any] = MappingProxyType({})
CATS, MORE = {"classes of images": ["cat", "dog"]}, {"classes of images": ["cat", "dog", "eel"]}


class Project:
    """A catalog of small files, and runs in it that call their versions 1, 2, 3 ..."""

    def __init__(self, root: Path) -> None:
        self.root, self.runs = root, 0

    def run(
        self,
        pipeline: Pipeline,
        seed: int = 0,
        images=CATS,
        load=(),
        settings=NONE,
        metric: str | None = None,
        **trained: str,
    ) -> dict[str, str]:
        """Run it with `settings`; the versions that it read. `trained` say of which training a width is.

        Without a `metric` it is a run of a version that knew of none.
        """
        self.runs += 1
        versions = {name: Version(dict(load).get(name), str(self.runs)) for name in ENTRIES}
        catalog = DataCatalog(
            {name: JSONDataset(filepath=f"{self.root}/{name}", version=versions[name]) for name in ENTRIES}
        )
        asked = {"seed": seed, **settings}
        assumed = {name: {"metric": "top1"} for name in made_by_metric([SEARCH, FINISH])}
        companions = Companions(pipeline, catalog, self.root, asked, assumed)
        fixed = {} if metric is None else {"metric": metric}
        companions.take({**images, **(fixed if "params:metric" in pipeline.inputs() else {})}, COMMANDS)
        companions.say({})
        about = Record(run=str(self.runs), pipeline="toy", asked=asked, facts=fixed)
        known = {**companions.taken, "images": Record(run="", facts=images)}
        recorder = Recorder(catalog, self.root, about, known)
        for node in pipeline.nodes:
            for name in node.outputs:
                catalog.save(name, self.runs)
                origin = {"settings": trained[name]} if name in trained else {}
                recorder.saved(name, type("Made", (), {"origin": origin})(), node)
        return {name: record.run for name, record in companions.taken.items()}

    def delete(self, name: str, version: str) -> None:
        (self.root / name / version / name).unlink()


@pytest.fixture
def project(tmp_path) -> Project:
    return Project(tmp_path)


def test_the_newest_of_each_is_taken_where_it_belongs_together(project):
    project.run(TRAINING)
    project.run(SEARCH)
    assert project.run(SEARCH) == {"narrow": "1", "wide": "1"}
    assert project.run(FINISH) == {"front": "3", "adapted": "3"}


@pytest.mark.parametrize("lost", ["front", "adapted"])
def test_where_one_is_lost_the_set_before_is_taken_and_that_is_said(project, lost, caplog):
    project.run(TRAINING)
    project.run(SEARCH)
    project.run(SEARCH)
    project.delete(lost, "3")
    assert project.run(FINISH) == {"front": "2", "adapted": "2"}
    (kept,) = {"front", "adapted"} - {lost}
    assert f"{kept} is of the run of 2: that of 3 does not belong with the others" in caplog.text


def test_a_report_made_again_still_belongs_to_its_search(project):
    project.run(TRAINING)
    project.run(SEARCH)
    project.run(SEARCH.only_nodes("report"))
    assert project.run(FINISH) == {"adapted": "2", "front": "3"}


def test_a_chosen_version_brings_its_companions(project):
    project.run(TRAINING)
    project.run(SEARCH)
    project.run(SEARCH)
    for pinned in ("front", "adapted"):
        assert project.run(FINISH, load={pinned: "2"}) == {"front": "2", "adapted": "2"}
    with pytest.raises(
        UserError, match=r"adapted, of the run of 3, and front, of the run of 2, do not belong"
    ):
        project.run(FINISH, load={"front": "2", "adapted": "3"})


def test_widths_of_two_trainings_never_meet(project):
    project.run(TRAINING, narrow="eps", wide="eps")
    project.run(TRAINING.only_nodes("narrow"), narrow="sandwich")
    assert project.run(SEARCH) == {"narrow": "1", "wide": "1"}
    project.delete("narrow", "1")
    with pytest.raises(UserError, match=re.escape("training was")) as error:
        project.run(SEARCH)
    assert "kedro run --pipeline maker" in str(error.value)
    # Another seed of one training is no other training.
    project.run(TRAINING.only_nodes("narrow"), seed=5, narrow="eps")
    assert project.run(SEARCH) == {"narrow": str(project.runs - 1), "wide": "1"}


def test_what_was_made_on_other_images_is_not_read(project):
    project.run(TRAINING)
    project.run(SEARCH)
    project.run(TRAINING, images=MORE)
    project.run(SEARCH, images=MORE)
    assert project.run(FINISH) == {"front": "2", "adapted": "2"}
    assert project.run(FINISH, images=MORE) == {"front": "4", "adapted": "4"}
    with pytest.raises(UserError, match=r"was made with classes of images: cat, dog, eel; now: owl\."):
        project.run(FINISH, images={"classes of images": ["owl"]})


def test_a_few_more_images_change_the_mean_a_little_and_nothing_else(project):
    project.run(TRAINING)
    project.run(SEARCH, images={"mean": [0.5, 0.25]})
    assert project.run(FINISH, images={"mean": [0.51, 0.24]}) == {"front": "2", "adapted": "2"}
    with pytest.raises(UserError, match=r"made with mean: 0\.5, 0\.25; now: 0\.6, 0\.25"):
        project.run(FINISH, images={"mean": [0.6, 0.25]})


def test_of_several_searches_that_with_the_seed_asked_for_is_taken(project, caplog):
    project.run(TRAINING)
    for seed in (1, 2):
        project.run(SEARCH, seed=seed)
    assert project.run(FINISH, seed=1)["front"] == "2"
    assert "was made with seed" not in caplog.text and "does not belong" not in caplog.text
    assert project.run(FINISH, seed=7)["front"] == "3"
    assert "front was made with seed=2, not with 7 as asked for now" in caplog.text


def test_of_several_searches_that_with_the_settings_asked_for_is_taken(project, caplog):
    project.run(TRAINING)
    for rate in (0.1, 0.2):
        project.run(SEARCH, settings={"search.adaptation.lr": rate, "postprocess.lr": 0.5})
    assert project.run(FINISH, settings={"search.adaptation.lr": 0.1, "postprocess.lr": 0.7})["front"] == "2"
    assert "was made with" not in caplog.text
    assert project.run(FINISH, settings={"search.adaptation.lr": 0.3})["front"] == "3"
    assert "was made with search.adaptation.lr=0.2, not with 0.3 as asked for now" in caplog.text


def test_a_run_records_what_was_asked_of_the_nodes_that_it_bears_on():
    nodes = {node.name: node for each in (search_pipeline(), finish_pipeline()) for node in each.nodes}
    asked = asked_of(parameters())
    assert json.loads(json.dumps(asked)) == asked  # as records give it back
    assert not {"search.evaluation_batch_size", "search.keep_supernets"} & asked.keys()

    def bearing(node: str) -> dict[str, int]:
        return Counter(wish.partition(".")[0] for wish in asked if _bears_on(wish, nodes[node]))

    every = Counter(wish.partition(".")[0] for wish in asked)
    assert min(every["search"], every["postprocess"]) > 8
    assert bearing("warm_up_largest_narrow") == {"seed": 1, "images": 1}
    of_all = {"seed": 1, "constraints": 1, "images": 1}
    assert bearing("search") == of_all | {"search": every["search"]}
    assert bearing("choose_networks") == {"postprocess": 1}  # which networks, not how they are refined
    finishing = {"postprocess": every["postprocess"] - 1}
    assert bearing("prepare_finishing") == {"seed": 1, "images": 1, **finishing}
    assert bearing("finish_networks") == finishing
    assert bearing("test_networks") == of_all


def test_a_table_with_columns_as_a_checkpoint_has_fields_is_recorded(tmp_path):
    about, (node,) = Record(run="1", asked={"seed": 3}), SEARCH.only_nodes("search").nodes
    recorder = Recorder(DataCatalog(), tmp_path, about, {})
    recorder.saved("archive", pd.DataFrame({"origin": ["a", "b"], "phase": ["c", "d"]}), node)
    assert (recorder._records["archive"].facts, recorder._records["archive"].asked) == ({}, {"seed": 3})


def test_widths_whose_largest_networks_were_trained_otherwise_do_not_meet():
    def facts(phase: str = LARGEST_WARM_UP, **changes: Any) -> dict[str, Any]:
        search = parameters(search=changes).search.model_dump(mode="json")
        return told_by({"search": search}, phase)

    assert facts()
    assert facts() == facts(turns=2, evaluation_batch_size=7, warm_up={"supernet_epochs": 9})
    for changes in ({"batch_size": 8}, {"warm_up": {"lr": 0.5}}, {"warm_up": {"heads_epochs": 3}}):
        assert str(contradiction(facts(), facts(**changes))).endswith(
            " in the warm-up of the largest network"
        )
    search = parameters().search.model_dump(mode="json")
    del search["warm_up"]["heads_epochs"]  # as an earlier version wrote it
    assert contradiction(facts(), told_by({"search": search}, LARGEST_WARM_UP)) is None
    # What comes later has these facts from what it was made of; how it was trained itself is no fact.
    assert facts("adaptation") == {}


@pytest.mark.parametrize("damage", ["", "{", '{"run": 5}'])
def test_what_has_no_record_or_a_damaged_one_is_read_as_before(project, damage):
    project.run(TRAINING)
    project.run(SEARCH)
    for name in ("front", "adapted"):
        record = project.root / name / "2" / RECORD
        record.write_text(damage) if damage else record.unlink()
    assert project.run(FINISH) == {"front": "2", "adapted": "2"}
    # A newer half of another run still does not meet it.
    project.run(SEARCH)
    project.delete("front", str(project.runs))
    assert project.run(FINISH) == {"front": "2", "adapted": "2"}


# ── what accuracy is ──────────────────────────────────────────────────────────────────────────────


def test_searches_by_different_metrics_are_kept_apart(project):
    project.run(TRAINING)
    project.run(SEARCH, metric="top1")
    project.run(SEARCH, metric="macro")
    assert project.run(FINISH, metric="top1") == {"front": "2", "adapted": "2"}
    assert project.run(FINISH, metric="macro") == {"front": "3", "adapted": "3"}
    project.delete("front", "3")
    with pytest.raises(UserError) as error:
        project.run(FINISH, metric="macro")
    assert error.value.message == (
        "front, of the run of 2, was made with metric: top1; now: macro. "
        "This makes it anew: kedro run --pipeline maker"
    )


def test_what_an_earlier_version_made_is_by_top1_and_supernets_are_by_none(project):
    project.run(TRAINING)
    project.run(SEARCH)
    assert "metric" not in json.loads((project.root / "front/2" / RECORD).read_text())["facts"]
    assert project.run(FINISH, metric="top1")["front"] == "2"
    with pytest.raises(UserError, match=r"was made with metric: top1; now: macro\."):
        project.run(FINISH, metric="macro")
    assert project.run(SEARCH, metric="macro") == {"narrow": "1", "wide": "1"}
    assert project.run(FINISH, metric="macro")["front"] == str(project.runs - 1)


def test_the_metric_bears_on_all_that_is_made_of_a_search_and_on_nothing_before_it():
    made = made_by_metric(_pipeline(name) for name in NAMES[:-1])
    after = {"archive", "front", "narrow.adapted_supernet", "plain_networks", "results"}
    assert after | {"baseline_plan", "finished_networks", "predictor_scores", "export_table"} <= made
    before = {"narrow.supernet", "narrow.warm_supernet", "latency_table", "target_images"}
    assert not (before | {"aep_results"}) & made


def test_nothing_is_said_in_words():
    assert _text([]) == "none" and _text(["ape", "bee"]) == "ape, bee"


def test_a_refusal_names_images_as_people_do():
    assert _named("classes of target_images") == "classes of the target images"
    assert _named("mean and deviation of source_images") == "mean and deviation of the source images"
    assert _named("validation share of digits") == "validation share of digits"
