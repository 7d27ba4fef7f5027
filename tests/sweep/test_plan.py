"""The runs of a sweep: each once, checked as a command would be, in an order."""

from pathlib import Path
from typing import Any

import pytest
from kedro.config import OmegaConfigLoader

from natv2.errors import UserError
from natv2.pipeline_registry import NAMES, register_pipelines
from natv2.runs.asked import AskedParameters
from natv2.runs.checking import validate_parameters
from natv2.runs.parameters import Parameters
from natv2.settings import CONFIG_LOADER_ARGS
from natv2.sweep.bearing import READ, bearing
from natv2.sweep.config import COMPARISONS, SweepConfig
from natv2.sweep.plan import PlannedRun, planned
from tests.conftest import REPOSITORY

FILE = Path("sweep.yml")


@pytest.fixture(scope="module")
def asked() -> AskedParameters:
    return AskedParameters(REPOSITORY / "conf", "test", CONFIG_LOADER_ARGS)


def plan(asked: AskedParameters, *pipelines: str, **values: Any) -> list[PlannedRun]:
    file = {"pipelines": list(pipelines), "env": "test", "compare": False, **values}
    return planned(SweepConfig.model_validate(file), asked, FILE)


def test_every_combination_is_a_run(asked):
    grid = {"weights": ["DESC", "MIX"], "seed": [0, 1, 2]}
    runs = plan(asked, "aep", grid=grid, runs=[{"network": "vgg16"}, {"network": "resnet18"}])
    assert len({run.key for run in runs}) == len(runs) == 12
    assert runs[0].name == "aep network=vgg16 weights=DESC seed=0"
    assert runs[-1].params == {"network": "resnet18", "weights": "MIX", "seed": 2}
    assert [run.name for run in plan(asked, "aep", params={"seed": 3})] == ["aep"]


def test_dotted_names_and_blocks_say_the_same(asked):
    (dotted,) = plan(asked, "aep", params={"aep.lr": 0.5, "aep.patience": 3})
    (block,) = plan(asked, "aep", params={"aep": {"lr": 0.5, "patience": 3}})
    (listed,) = plan(asked, "aep", params={"aep": {"patience": 3}}, grid={"aep.lr": [0.5]})
    assert dotted.params == block.params == listed.params == {"aep": {"lr": 0.5, "patience": 3}}
    assert dotted.key == block.key == listed.key


def test_a_run_is_another_where_a_value_that_bears_on_it_is(asked):
    (known,) = plan(asked, "aep")
    for changes in ({"seed": 1}, {"aep.lr": 0.5}, {"images.per_class": 5}, {"network": "vgg16"}):
        (other,) = plan(asked, "aep", params=changes)
        assert other.key != known.key
    # What it is anyway, and what does not bear on it, make no other run.
    for changes in ({"seed": 0}, {"search.turns": 9}, {"supernet": "SE_B_OFAMobileNetV3"}, {"threads": 3}):
        (same,) = plan(asked, "aep", params=changes)
        assert same.key == known.key
    elsewhere = AskedParameters(REPOSITORY / "conf", "demo", CONFIG_LOADER_ARGS)
    (other,) = plan(elsewhere, "aep", env="demo")
    assert other.key != known.key


def test_supernets_are_trained_once_for_all_data_sets_and_searched_where_they_are(asked):
    grid = {"supernet": ["EE_B_OFAMobileNetV3", "SE_B_OFAMobileNetV3"], "teacher": ["fixed", "progressive"]}
    grid["dataset"] = ["cifar10", "cifar100", "dtd"]
    runs = plan(asked, "ofav2_eps", "natv2_search", "postprocess", grid=grid)
    by_key = {run.key: run for run in runs}
    assert [run.pipeline for run in runs].count("ofav2_eps") == 4
    searches = [run for run in runs if run.pipeline == "natv2_search"]
    assert len(searches) == 12
    for search in searches:
        made_by = by_key[search.reads["wide.supernet"]]
        assert search.after == {made_by.key} and made_by.pipeline == "ofav2_eps"
        assert made_by.told.items() <= search.told.items() and "dataset" not in made_by.params
    finishing = [run for run in runs if run.pipeline == "postprocess"]
    assert {by_key[run.reads["front"]].pipeline for run in finishing} == {"natv2_search"}
    assert len({run.reads["front"] for run in finishing}) == 12


def test_comparisons_follow_all_runs(asked):
    grid = {"source": ["digits", "cifar10"], "seed": [0, 1]}
    runs = plan(asked, "ofav2_eps", "natv2_search", grid=grid, compare=True)
    *trained, one, two, three, four = runs
    compared = [(run.pipeline, run.told["source"]) for run in (one, two, three, four)]
    assert compared == [(f"{name}_compare", each) for name in ("ofav2", "natv2") for each in grid["source"]]
    assert one.after == {run.key for run in trained}
    more = plan(asked, "ofav2_eps", "natv2_search", grid={**grid, "seed": [0, 1, 2]}, compare=True)
    assert more[-1].key != four.key  # there is more to compare


def test_runs_that_train_the_same_are_marked(asked):
    grid = {"weights": ["DESC", "MIX", "ASC"], "seed": [0, 1]}
    shares = {
        (run.params["weights"], run.params["seed"]): run.shares for run in plan(asked, "aep", grid=grid)
    }
    assert shares["DESC", 0] == shares["MIX", 0]
    assert len(shares["DESC", 0] & shares["ASC", 0]) == 1  # the single-exit network
    assert not shares["DESC", 0] & shares["DESC", 1]
    assert not plan(asked, "natv2_search")[0].shares


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"grid": {"seed": [0, -1]}}, "sweep.yml: with seed=-1: parameter 'seed' cannot be -1: "),
        ({"grid": {"sede": [0]}}, "with sede=0: unknown parameter 'sede' (did you mean 'seed'?); known: "),
        ({"params": {"seed": "one"}}, "sweep sweep.yml: parameter 'seed' cannot be 'one': "),
        ({"grid": {"preset": ["nat", "gnat"]}}, "with preset=gnat: unknown preset 'gnat'; known: natv2, nat"),
        ({"grid": {"dataset": ["folder"]}}, "images of your own (folder) need data_path"),
        ({"params": {"aep": 3}}, "parameter 'aep' cannot be 3: it should be a block of parameters"),
        ({"params": {"aep.lr": 1.0, "aep.lr.x": 2}}, "one of them is needed"),
    ],
)
def test_a_value_is_refused_as_a_command_refuses_it(asked, values, message):
    with pytest.raises(UserError) as error:
        plan(asked, "aep", **values)
    assert message in error.value.message and "\n" not in error.value.message


def test_an_unknown_environment_is_refused():
    with pytest.raises(UserError, match="unknown environment 'nope'; known: base, demo"):
        AskedParameters(REPOSITORY / "conf", "nope", CONFIG_LOADER_ARGS)


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"preset": "nat"},
        {"preset": "random", "search": {"turns": 3, "resolutions": [16, 24]}},
        {"seed": 4, "aep": {"lr": 0.1, "stopping": {"mean_cost": 0.5}}, "eps": {"resolutions": None}},
    ],
    ids=str,
)
def test_parameters_are_those_that_kedro_makes(asked, params):
    loader = OmegaConfigLoader(
        conf_source=str(REPOSITORY / "conf"), env="test", runtime_params=params, **CONFIG_LOADER_ARGS
    )
    assert asked.checked(params) == validate_parameters(loader["parameters"])


def test_what_kedro_does_not_evaluate_on_the_command_line_is_refused(asked, monkeypatch):
    monkeypatch.setenv("PHOTOS", "here")
    params = {"data_path": "${oc.env:PHOTOS}/a"}
    with pytest.raises(Exception, match=r"oc\.env"):  # Kedro lets credentials alone have it
        asked.checked(params)


def test_parameters_that_files_interpolate_are_those_that_kedro_makes(tmp_path):
    for name, text in (("globals.yml", "folder: x\npresets: {}\n"), ("parameters.yml", "a: 1\nb: ${a}\n")):
        (tmp_path / "base").mkdir(exist_ok=True)
        (tmp_path / "base" / name).write_text(text)
    (tmp_path / "local").mkdir()
    asked = AskedParameters(tmp_path, None, CONFIG_LOADER_ARGS)
    found = []
    for value in (2, 3):
        with pytest.raises(UserError) as error:  # neither is a parameter of ours: the message has its value
            asked.checked({"a": value})
        found.append(error.value.message)
    assert asked._files({"a": 2})[0]["b"] == 2 and set(asked._interpolated({"a": 2, "c": 1})) == {"a"}


def test_what_a_run_reads_of_others_is_what_pipelines_have():
    pipelines = register_pipelines()
    assert set(COMPARISONS) | set(COMPARISONS.values()) <= set(NAMES)
    for reader, makers in READ.items():
        for maker, entries in makers.items():
            for entry in entries:
                assert entry in pipelines[reader].inputs(), (reader, entry)
                assert entry in pipelines[maker].all_outputs(), (maker, entry)
    # And nobody reads of another pipeline what nothing pins.
    for reader, pipeline in pipelines.items():
        made = {
            each
            for name, other in pipelines.items()
            if name not in (reader, "__default__")
            for each in other.all_outputs()
        }
        if reader != "__default__" and pipeline.inputs() & made:
            assert reader in READ


def test_what_bears_on_a_pipeline_is_all_that_it_reads():
    """By the parameters of its nodes; the entries of its catalog follow the same names."""
    blocks = {"training": "supernet", "goal": "objectives", "aep_training": "network", "run": "seed"}
    for name, pipeline in register_pipelines().items():
        for entry in pipeline.inputs():
            if entry.startswith("params:"):
                asked_for = entry.removeprefix("params:").partition(".")[0]
                assert blocks.get(asked_for, asked_for) in bearing(name), (name, entry)
        images = {"source_images": "source", "target_images": "dataset", "aep_images": "dataset"}
        for entry, parameter in images.items():
            assert entry not in pipeline.inputs() or parameter in bearing(name)
    assert bearing("natv2_search") <= set(Parameters.model_fields)
