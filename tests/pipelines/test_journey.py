"""The whole journey through the command line, on conf/test."""

import json
import re
from pathlib import Path

import pandas as pd
import pytest
import torch
from kedro.framework.project import pipelines
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from kedro.io import AbstractVersionedDataset

import natv2
from natv2.images.loading import load_images
from natv2.recorded import RECORD, checksums
from natv2.supernets.checkpoint import Checkpoint
from tests.explorer.pages import data_in
from tests.pipelines.conftest import Journey
from tests.pipelines.project import differences
from tests.runs.test_folders import NETWORK, PLAIN_NETWORK, VERSION, paths


def catalog_of(journey: Journey):
    bootstrap_project(journey.project.root)
    with KedroSession.create(journey.project.root, env="test") as session:
        return session.load_context().catalog


def places(said: str) -> dict[str, str]:
    return dict(re.findall(r"^([A-Z][\w ,]+):\s+(.*\S)", said, flags=re.MULTILINE))


def test_every_versioned_output_is_there_and_loads(journey, monkeypatch):
    monkeypatch.chdir(journey.project.root)
    catalog = catalog_of(journey)
    outputs = {name for name in pipelines["__default__"].all_outputs() if name in catalog}
    versioned = {name for name in outputs if isinstance(catalog.get(name), AbstractVersionedDataset)}
    # Not kept: what the phases of a width tell their report.
    every = pipelines["__default__"].all_outputs()
    assert every - versioned == {"finishing", *(name for name in every if name.endswith("_report"))}
    for name in versioned - {"front_image"}:  # an image is only written
        assert catalog.load(name) is not None, name
    assert catalog.exists("front_image")
    assert isinstance(catalog.load("wide.adapted_supernet"), Checkpoint)
    assert catalog.load("search_history")["turn"].tolist() == [1, 2]


def test_paths_are_those_that_are_counted_and_records_have_the_names_whole(journey):
    root = journey.project.root
    known = {(root / path).relative_to(root) for path in paths(catalog_of(journey))}
    written = [path for path in (root / "data").glob("0[5-8]*/**/*Z/**/*") if path.is_file()]
    for path in written:
        versioned = re.sub(r"\d{4}-\d\d-\d\dT[\d.]+Z", VERSION, str(path.relative_to(root)))
        versioned = re.sub(
            r"(/plain(?:_tested)?)/[^/]*safetensors", rf"\1/{PLAIN_NETWORK}.safetensors", versioned
        )
        assert Path(re.sub(r"network_\d+", NETWORK, versioned)) in known
    record = next(path for path in written if path.name == RECORD)
    names = json.loads(record.read_text())["names"]
    assert (names["folder"], names["source"], names["objectives"]) == ("test", "digits", "accuracy+macs")


def test_the_table_of_finished_networks_and_the_places_are_printed(journey):
    root, said = journey.project.root, journey.said
    results = pd.read_csv(journey.project.newest("results.csv"))
    assert set(results["run"]) == {journey.project.newest("archive.parquet").parent.name}
    table = said[said.index("Test top-1") : said.index("Explorer:")]
    for network in results.itertuples():
        (line,) = (line for line in table.splitlines() if network.name in line)
        assert f"{100 * network.test_accuracy:.2f}" in line
        shown = (network.resolution, network.exit, network.exits, network.width)
        assert line.split()[-4:] == [str(value) for value in shown]
        assert network.method in line
    named = places(said)
    for title in ("Explorer", "Supernet, narrow", "Supernet, wide", "Adapted supernet, narrow"):
        assert (root / named[title]).is_file()
    assert (root / named["Finished networks"]).is_dir()
    run = re.search(r"\((\w+)\) in (\S+);", named["MLflow run"])
    assert run and run[1] in [run.info.run_id for run in journey.project.tracked_runs()]
    assert "Traceback" not in said and "Warning" not in said


def test_a_finished_file_gives_the_test_accuracy_of_the_table(journey):
    test = load_images("digits", Path(), journey.project.root / "data" / "02_intermediate").test
    results = pd.read_csv(journey.project.newest("results.csv")).set_index("name")
    files = sorted(journey.project.newest("finished_networks").glob("*.safetensors"))
    assert [file.stem for file in files] == sorted(results.index)
    for file in files:
        classifier = natv2.load_network(file)
        with torch.inference_mode():
            correct = classifier(test.images).argmax(dim=1) == test.labels
        assert correct.double().mean().item() == pytest.approx(results.test_accuracy[file.stem], abs=1e-9)
        assert sum(p.numel() for p in classifier.parameters()) == results.params[file.stem]


def test_top1_of_the_classes_adds_up_to_that_of_all(journey):
    results = pd.read_csv(journey.project.newest("results.csv")).set_index("name")
    classes = pd.read_csv(journey.project.newest("class_results.csv"))
    assert classes["class"].astype(str).tolist() == list("0123456789")
    assert classes["images"].sum() == 360
    for name, accuracy in results["test_accuracy"].items():
        whole = (classes[name] * classes["images"]).sum() / 360
        assert whole == pytest.approx(accuracy, abs=1e-12)


def test_mlflow_has_the_run_with_its_curves_parameters_and_tags(journey):
    client = journey.project.mlflow
    run = client.get_run(re.search(r"\((\w{32})\) in", journey.said)[1])
    assert run.info.status == "FINISHED"
    assert run.data.params["eps.phases.width_2.epochs"] == "2"
    assert run.data.params["objectives"] == "('accuracy', 'macs')"
    assert run.data.params.keys() >= {"seed", "threads", "widths.wide", "search.turns", "postprocess.full.lr"}
    assert (
        run.data.tags.items()
        >= {
            "pipeline": "__default__",
            "dataset": "digits",
            "source": "digits",
            "supernet": "EE_D_OFAMobileNetV3",
            "objectives": "accuracy+macs",
            "env": "test",
        }.items()
    )
    version = journey.project.newest("results.csv").parent.name
    assert run.data.tags["catalog_version"] == version
    assert run.data.tags.keys() >= {"git_commit"}

    def steps(metric: str) -> list[int]:
        return [entry.step for entry in client.get_metric_history(run.info.run_id, metric)]

    assert steps("narrow.full/loss") == [0]
    assert steps("wide.width_2/loss") == [0, 1]
    assert steps("search.adaptation/loss") == [0, 1]
    assert steps("search/hypervolume") == steps("search/best_accuracy") == steps("search/spearman") == [1, 2]
    epochs = pd.read_csv(journey.project.newest("results.csv")).epochs[0]
    assert steps("finish_networks.network_01.found/loss") == list(range(epochs))
    artifacts = {file.path for file in client.list_artifacts(run.info.run_id)}
    assert artifacts >= {"results.csv", "front.csv", "archive.csv", "figures.html", "front_image.png"}
    assert "narrow.page.html" not in artifacts  # all of it is there already
    figures = {file.path for file in client.list_artifacts(run.info.run_id, "figures")}
    assert "figures/front_figure.json" in figures


def test_mlflow_knows_the_run_by_its_name_its_numbers_and_its_images(journey):
    run = journey.project.mlflow.get_run(re.search(r"\((\w{32})\) in", journey.said)[1])
    assert run.info.run_name == "journey natv2 EE_D digits acc+macs s0"
    told = {"kind": "journey", "preset": "natv2", "schedule": "eps", "teacher": "progressive", "seed": "0"}
    assert run.data.tags.items() >= told.items()
    results = pd.read_csv(journey.project.newest("results.csv"))
    best = results.loc[results["accuracy_after"].idxmax()]
    assert run.data.metrics["result/test_top1"] == pytest.approx(best["test_accuracy"])
    assert run.data.metrics["result/macs"] == best["macs"]
    assert run.data.metrics.keys() >= {"result/params", "result/hypervolume", "result/gain"}
    assert not [name for name in run.data.params if name.startswith(("aep.", "export.", "predictor_study."))]
    (images,) = {each.dataset.name: each for each in run.inputs.dataset_inputs}.values()
    look = json.loads(journey.project.newest("results.csv").with_name(RECORD).read_text())
    assert look["names"]["dataset"] == images.dataset.name
    assert json.loads(images.dataset.profile)["images_test"] == 360


def test_the_last_screen_says_what_was_found_then_where_then_what_next_then_how(journey):
    said = journey.said
    parts = ["Found: ", "Test top-1", "Verdict: ", "Finished networks", "MLflow run", "What to type next:"]
    places_of = [said.index(part) for part in [*parts, "Test top-1 (%) after each step"]]
    assert places_of == sorted(places_of)
    assert said.count("level_1") == 1  # no step of its own, one line on all that are passed over
    assert "has no use for level_1, level_2, single_stage: passed over" in said
    (typed,) = re.findall(r"natv2 predict (\S+) IMAGES", said)
    assert (journey.project.root / typed).is_file()
    assert "kedro run --pipeline export --env test\n" in said and "--pipeline postprocess" not in said
    events = [line for line in said[: said.index("Found: ")].splitlines() if line]
    assert all(re.match(r"\d{4}-\d\d-\d\d [\d:]{8} (INFO|WARNING) +\S", line) for line in events)


def test_the_explorer_of_the_search_has_what_its_tables_say(journey):
    root = journey.project.root
    file = journey.project.newest("explorer.html")
    results = pd.read_csv(journey.project.newest("results.csv"))
    archive = pd.read_parquet(journey.project.newest("archive.parquet"))
    told = places(journey.said)
    assert list(told).index("Explorer") < list(told).index("Finished networks")
    assert (root / told["Explorer"]).resolve() == file.resolve()
    assert file.parent.name == journey.project.newest("archive.parquet").parent.name
    assert json.loads(file.with_name(RECORD).read_text())["sha256"] == checksums(file)
    data = data_in(file)
    kinds = {kind: [each for each in data.networks if each.kind == kind] for kind in ("found", "finished")}
    assert [each.values["macs"] for each in kinds["found"]] == archive["macs"].tolist()
    assert [each.name for each in kinds["finished"]] == results["name"].tolist()
    for network, row in zip(kinds["finished"], results.to_dict("records"), strict=True):
        assert network.file.sha256 == checksums(root / network.file.path)[f"{row['name']}.safetensors"]
        assert network.values["accuracy"] == pytest.approx(row["accuracy_after"], abs=1e-6)
        assert kinds["found"][network.found].values["macs"] == row["macs_before"]
        wrong = round((1 - row["test_accuracy"]) * data.images.test)
        assert sum(count for *_, count in network.finished.detail["confused"]) <= wrong
    assert data.images.test == 360 and data.images.classes == tuple("0123456789")
    kinds = set(pd.read_csv(journey.project.newest("plain_results.csv"))["kind"]) - {"plain"}
    assert data.beside.keys() == kinds
    assert all(gains.keys() == set(results["name"]) for gains in data.beside.values())
    assert data.commands["finish"].startswith("kedro run --pipeline postprocess --env test --params")
    run = journey.project.mlflow.get_run(re.search(r"\((\w{32})\) in", journey.said)[1])
    kept = {artifact.path for artifact in journey.project.mlflow.list_artifacts(run.info.run_id)}
    assert "explorer.html" in kept


def test_the_attempt_is_closed(journey):
    assert list((journey.project.root / "data/06_models/progress").iterdir()) == []


def test_a_phase_without_a_use_passes_the_same_file_on(journey):
    files = {file.parts[-3]: file for file in journey.outputs.values() if "narrow" in file.parts}
    inode = {phase: files[f"{phase}.safetensors"].stat().st_ino for phase in ("kernel", "level_1", "level_2")}
    assert inode["kernel"] == inode["level_1"] == inode["level_2"]
    assert files["exit_1.safetensors"].stat().st_ino != inode["kernel"]


def test_the_same_command_starts_afresh_once_it_has_ended_well(journey, run_in):
    run, project = run_in(journey.project), journey.project

    def phase() -> tuple[str, str]:
        result = run("--nodes", "narrow.full")
        assert result.exit_code == 0, result.output
        assert not project.attempts
        newest = project.tracked_runs()[0]
        # It trained: an attempt gone on with has nothing left to log.
        assert newest.data.metrics.keys() >= {"narrow.full/loss", "narrow.full/best_accuracy"}
        return project.newest("full.safetensors").parent.name, newest.info.run_id

    (version, tracked), (next_version, next_tracked) = phase(), phase()
    assert next_version > version
    assert next_tracked != tracked
    name = next(name for name in journey.outputs if name.endswith("narrow/full.safetensors/full.safetensors"))
    assert differences({name: journey.outputs[name]}, {name: project.outputs()[name]}) == []
