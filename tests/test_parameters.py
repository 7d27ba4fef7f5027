import copy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kedro.config import OmegaConfigLoader

from natv2.errors import UserError
from natv2.objectives.constraints import Constraints
from natv2.runs.checking import flattened, validate_parameters
from natv2.runs.parameters import Parameters
from natv2.settings import CONFIG_LOADER_ARGS
from natv2.shrinking.phases import PHASES
from natv2.spaces.design import DESIGNS

CONF = Path(__file__).parents[1] / "conf"


def raw(env: str = "base", **params: Any) -> dict[str, Any]:
    loader = OmegaConfigLoader(str(CONF), env=env, runtime_params=params, **CONFIG_LOADER_ARGS)
    return {name: value for name, value in loader["parameters"].items() if name != "_preset"}


BASE = raw()
FOUR = ["light", "separable", "pointwise", "inverted_bottleneck"]


def changed(name: str, value: object) -> dict[str, Any]:
    parameters = copy.deepcopy(BASE)
    *blocks, last = name.split(".")
    block = parameters
    for key in blocks:
        block = block[key]
    block[last] = value
    return parameters


def message(name: str, value: object) -> str:
    with pytest.raises(UserError) as error:
        validate_parameters(changed(name, value))
    return error.value.message


@pytest.mark.parametrize("env", ["base", "demo", "reduced", "test"])
def test_every_environment_is_valid_and_survives_being_dumped(env):
    parameters = validate_parameters(raw(env))
    assert validate_parameters(parameters.model_dump()) == parameters
    assert validate_parameters(parameters.model_dump(mode="json")) == parameters


def test_base_is_the_thesis():
    base = validate_parameters(BASE)
    assert base.objectives == ("accuracy", "macs")
    assert (base.widths.narrow, base.widths.wide) == (1.0, 1.2)
    table = {name: tuple(row.values()) for name, row in base.eps.phases.model_dump().items()}
    assert table.pop("single_stage") == (3e-2, None, 5, 4)  # ours: no row of the thesis's
    assert (base.schedule, base.teacher, base.kd) == ("eps", "progressive", "ens")
    # Table 5.2, typed again: learning rate, epochs, warm-up epochs, subnets
    assert table == {
        "full": (1e-3, 180, 0, 0),
        "kernel": (3e-2, 120, 5, 1),
        "level_1": (2.5e-3, 25, 0, 2),
        "level_2": (7.5e-3, 120, 5, 2),
        "exit_1": (2.5e-3, 25, 0, 2),
        "exit_2": (7.5e-3, 60, 5, 2),
        "exit_3": (1e-2, 90, 5, 2),
        "exit_4": (3e-2, 120, 5, 2),
        "depth_1": (2.5e-3, 25, 0, 2),
        "depth_2": (7.5e-3, 120, 5, 2),
        "width_1": (2.5e-3, 25, 0, 4),
        "width_2": (7.5e-3, 120, 5, 4),
    }
    assert [*table, "single_stage"] == list(PHASES)


# Typed again from sections 3.3, 6.1 and 6.2 and facts.md, section 5.
PRESETS = {
    "nat": ("fixed", "rbf_ensemble", "one_hot", "codes", "grow", 100, 8, 1, "scipy"),
    "natv2_phase1": ("fixed", "lightgbm", "one_hot", "codes", "grow", 100, 8, 1, "scipy"),
    "natv2_phase2": ("fixed", "lightgbm", "integer", "architectures", "substitute", 300, 25, 1, "scipy"),
    "natv2_phase3": ("fixed", "lightgbm", "integer", "architectures", "substitute", 300, 25, 10, "scipy"),
    "natv2_phase4": (
        "progressive",
        "lightgbm",
        "integer",
        "architectures",
        "substitute",
        300,
        25,
        10,
        "scipy",
    ),
}
COLUMNS = (
    "predictor",
    "features",
    "sampling",
    "growth",
    "archive_size",
    "candidates",
    "pre_processing",
    "distributions",
)


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_are_the_theses_phases_and_differ_in_nothing_else(preset):
    given = raw(preset=preset)
    search = given["search"]
    assert (given["teacher"], *(search[name] for name in COLUMNS)) == PRESETS[preset]
    differing = {name for name, value in flattened(given).items() if flattened(BASE)[name] != value}
    assert (search["fitted_to"], search["proposal"]) == ("archive", "evolution")
    named = {"preset", "teacher", "postprocess.method", "postprocess.recipe"}
    named |= {"search.fitted_to", "search.proposal"}
    assert differing <= {*named, *(f"search.{name}" for name in COLUMNS)}
    assert given["postprocess"]["recipe"] == "thesis"
    assert validate_parameters(given).preset == preset


def test_anything_in_a_preset_can_be_overridden():
    given = raw(preset="nat", search={"predictor": "lightgbm", "archive_size": 50}, teacher="progressive")
    assert (given["teacher"], given["search"]["predictor"]) == ("progressive", "lightgbm")
    assert (given["search"]["archive_size"], given["search"]["growth"]) == (50, "grow")


@pytest.mark.parametrize("env", ["demo", "test"])
@pytest.mark.parametrize("preset", PRESETS)
def test_presets_are_small_in_small_environments(env, preset):
    search = validate_parameters(raw(env, preset=preset)).search
    assert search.archive_size <= 40
    assert (search.pre_processing > 1) == (preset in ("natv2_phase3", "natv2_phase4"))


@pytest.mark.parametrize(
    ("name", "value", "parts"),
    [
        ("supernet", "EE_X", ["'supernet'", "'EE_X'", "EE_DP_OFAMobileNetV3"]),
        ("dataset", "cifra", ["'dataset'", "'cifra'", "digits"]),
        ("objectives", "accuracy+speed", ["speed", "macs"]),
        ("objectives", ["accuracy", "accuracy"], ["accuracy", "twice"]),
        ("objectives", 3, ["'objectives'", "3"]),
        ("widths.narrow", 0.01, ["'widths.narrow'", "0.01", "0.1"]),
        ("widths.wide", 1.0, ["'widths'", "narrow (1.0) must be below wide (1.0)"]),
        ("seed", True, ["'seed'", "True", "integer"]),
        ("seed", "1", ["'seed'", "'1'", "integer"]),
        ("device", "gpu", ["'device'", "'gpu'", "'auto', 'cpu' or 'cuda'"]),
        ("precision", "fp16", ["'precision'", "'fp16'", "'auto', 'fp32' or 'bf16'"]),
        ("eps.resolutions", [56, 48], ["'eps.resolutions'", "ascend"]),
        ("eps.resolutions", [], ["'eps.resolutions'"]),
        ("eps.resolutions", [48.0], ["'eps.resolutions.0'", "48.0", "integer"]),
        ("eps.exit_weighting", "desc", ["'eps.exit_weighting'", "'desc'", "'DESC'"]),
        ("eps.weight_decay", float("nan"), ["'eps.weight_decay'", "nan", "finite"]),
        ("eps.phases.full.subnets", 1, ["'eps.phases.full.subnets'", "0"]),
        ("eps.phases.kernel.epochs", 4, ["'eps.phases.kernel'", "warmup_epochs (5)", "epochs (4)"]),
        (
            "eps.phases.single_stage.epochs",
            4,
            ["'eps.phases.single_stage'", "warmup_epochs (5)", "epochs (4)"],
        ),
        ("eps.calibration.images", 1, ["'eps.calibration.images'", "1", "2"]),
        ("search.top", 301, ["'search'", "top (301)", "archive_size (300)"]),
        ("search.candidates", 101, ["'search'", "candidates (101)", "population (100)"]),
        ("search.archive_size", 150, []),
        ("postprocess.thesis.max_epochs", 0, ["'postprocess.thesis.max_epochs'", "0", "greater than 0"]),
        (
            "postprocess.full.optimiser",
            "sgd",
            ["'postprocess.full.optimiser'", "did you mean 'postprocess.full.optimizer'?"],
        ),
        ("search.warm_up.lrr", 1.0, ["known: search.warm_up.lr, search.warm_up.heads_epochs"]),
    ],
)
def test_what_is_not_allowed_is_named_with_what_is(name, value, parts):
    if name == "search.archive_size":
        assert validate_parameters(changed(name, value)).search.archive_size == value
        return
    text = message(name, value)
    assert "\n" not in text
    for part in parts:
        assert part in text


def test_a_predictor_that_is_not_installed_is_refused_with_how_to_install_it(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    for name, value in (
        ("search.predictor", "catboost"),
        ("predictor_study.predictors", ["rbf", "catboost"]),
    ):
        text = message(name, value)
        assert name in text and 'an extra that is not installed: pip install "natv2[catboost]"' in text
        assert "\n" not in text
    assert validate_parameters(BASE).predictor_study.predictors is None
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name)
    assert validate_parameters(changed("search.predictor", "catboost")).search.predictor == "catboost"


def test_candidates_replace_the_worst_of_a_larger_archive():
    parameters = changed("search.archive_size", 25)
    parameters["search"] |= {"top": 10}
    with pytest.raises(UserError, match=r"candidates \(25\) must be below archive_size \(25\)"):
        validate_parameters(parameters)


def test_a_mistyped_name_is_said_before_what_is_missing_for_it():
    parameters = copy.deepcopy(BASE)
    parameters["sed"] = parameters.pop("seed")
    with pytest.raises(UserError, match=r"unknown parameter 'sed' \(did you mean 'seed'\?\)"):
        validate_parameters(parameters)
    del parameters["sed"]
    with pytest.raises(UserError, match="parameter 'seed' is missing"):
        validate_parameters(parameters)


@pytest.mark.parametrize(
    ("old", "new", "value"),
    [
        ("eps.exit_weights", "eps.exit_weighting", "DESC"),
        ("search.exit_weights", "search.exit_weighting", "DESC"),
        ("postprocess.weighting", "postprocess.exit_weighting", "UNIF"),
        ("postprocess_study.weightings", "postprocess_study.exit_weightings", ["UNIF"]),
        ("eps.phases.whole", "eps.phases.single_stage", {"epochs": 5}),
    ],
)
def test_a_parameter_that_had_another_name_says_its_new_one(old, new, value):
    assert message(old, value) == f"parameter '{old}' is called '{new}' now"


# What a program has loaded when it ends is the last thing that it writes.
LOADED = """
import atexit, sys
atexit.register(lambda: print(*({"torch", "torchvision", "pymoo"} & set(sys.modules))))
"""
MISTYPED = """
from natv2.cli import cli
cli(["run", "--params", "search.turn=3"])
"""


def afresh(program: str) -> subprocess.CompletedProcess[str]:
    """`program` in a Python of its own, in this project."""
    command = [sys.executable, "-c", LOADED + program]
    return subprocess.run(command, cwd=CONF.parent, capture_output=True, text=True, check=False)


def test_parameters_are_checked_before_anything_large_is_loaded():
    checking = afresh("import natv2.runs.checking")
    assert (checking.returncode, checking.stdout) == (0, "\n"), checking.stderr
    command = afresh(MISTYPED)
    assert (command.returncode, command.stdout) == (1, "\n"), command.stderr
    assert "Error: unknown parameter 'search.turn' (did you mean 'search.turns'?)" in command.stderr


LEAVES = sorted(flattened(BASE))
# Any text may be a place; presets are checked by the command line, before their values are used.
PLACES = (
    "source_path",
    "data_path",
    "init_from",
    "search.init_from",
    "import_ofa.narrow",
    "import_ofa.wide",
    "search.latency.table",
    "preset",
)


@given(st.sampled_from(LEAVES), st.sampled_from([{}, [[]], object, "no such value", -(10**9)]))
def test_no_leaf_takes_just_anything(name, value):
    text_or_none = isinstance(value, str | None)  # an address is looked at where it is used
    if (name == "threads" and value is None) or (name in (*PLACES, "rendezvous") and text_or_none):
        return
    text = message(name, value)
    assert name.split(".")[-1] in text or name.rpartition(".")[0] in text
    assert "\n" not in text


@given(st.sampled_from(LEAVES))
def test_every_leaf_is_needed(name):
    parameters = copy.deepcopy(BASE)
    *blocks, last = name.split(".")
    block = parameters
    for key in blocks:
        block = block[key]
    del block[last]
    with pytest.raises(UserError, match=f"parameter '{name}' is missing"):
        validate_parameters(parameters)


def test_parameters_do_not_change():
    with pytest.raises(ValueError, match="frozen"):
        validate_parameters(BASE).seed = 1  # type: ignore[misc]
    assert Parameters.model_config["extra"] == "forbid"


@pytest.mark.parametrize(
    ("names", "needed"),
    [
        ({"dataset": "folder"}, "data_path"),
        ({"dataset": "table", "source_path": "x"}, "data_path"),
        ({"source": "folder", "data_path": "x"}, "source_path"),
    ],
)
def test_own_images_need_a_place(names, needed):
    with pytest.raises(UserError, match=rf"^images of your own \(\w+\) need {needed}: where they are$"):
        validate_parameters({**BASE, **names})


def test_places_follow_the_names():
    read = validate_parameters({**BASE, "source": "eurosat", "dataset": "cifar10"})
    assert (read.source_place(), read.target_place()) == (
        Path("data/01_raw/eurosat"),
        Path("data/01_raw/cifar10"),
    )
    own = validate_parameters({**BASE, "source": "folder", "dataset": "folder", "data_path": "~/photos"})
    assert own.source_place() == own.target_place() == Path.home() / "photos"
    two = validate_parameters({**BASE, "source": "eurosat", "dataset": "eurosat", "source_path": "/x"})
    assert (two.source_place(), two.target_place()) == (Path("/x"), Path("data/01_raw/eurosat"))


def test_elastic_values_make_the_design():
    assert validate_parameters(BASE).elastic.design("EE_D_OFAMobileNetV3") == DESIGNS["EE_D_OFAMobileNetV3"]
    given = {**BASE, "supernet": "SE_P_OFAMobileNetV3"}
    given["elastic"] = {"kernels": [3, 5], "expand_ratios": [2, 4], "depths": [1, 2], "blocks": FOUR}
    design = validate_parameters(given).elastic.design("SE_P_OFAMobileNetV3")
    assert (design.kernels, design.expand_ratios, design.depths) == ((3, 5), (2, 4), (1, 2))
    assert design.blocks == ("inverted_bottleneck", "pointwise", "light", "separable")
    assert (design.early_exits, design.dense) == (False, False)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("elastic.kernels", [5, 3], "elastic: kernels [5, 3]: allowed are numbers from 3, ascending"),
        ("elastic.kernels", [3.5], "parameter 'elastic.kernels.0' cannot be 3.5"),
        ("elastic.depths", [], "parameter 'elastic.depths' cannot be []"),
        (
            "elastic.blocks",
            ["light", "heavy"],
            "which EE_D_OFAMobileNetV3 does not have; with them: SE_P_OFAM",
        ),
    ],
    ids=str,
)
def test_elastic_values_that_cannot_be_built_are_refused(name, value, expected):
    assert expected in message(name, value)


def test_unknown_blocks_are_refused_with_those_there_are():
    given = copy.deepcopy({**BASE, "supernet": "EE_DP_OFAMobileNetV3"})
    given["elastic"]["blocks"] = ["light", "heavy"]
    with pytest.raises(UserError, match=r"elastic: blocks \['light', 'heavy'\]: allowed are some of \['inv"):
        validate_parameters(given)


def test_bounds_of_the_search():
    assert validate_parameters(BASE).constraints == Constraints()
    given = changed("constraints.max_macs", 5e6)
    given["constraints"]["min_accuracy"] = 0.9
    expected = Constraints(max_macs=5_000_000, min_accuracy=0.9)
    assert validate_parameters(given).constraints == expected
    for name, value in (("max_params", 0.5), ("max_macs", 0), ("max_latency", -1.0), ("min_accuracy", 85.0)):
        assert f"'constraints.{name}' cannot be {value}" in message(f"constraints.{name}", value)


def test_apples_gpu_is_refused_with_the_reason():
    said = message("device", "mps")
    assert (
        said.startswith("parameter 'device' cannot be 'mps': Apple's GPU is not used")
        and "wrong gradients" in said
    )


def test_macro_accuracy_is_asked_for_once():
    given = {**changed("metric", "macro"), "objectives": "accuracy+macs"}
    assert validate_parameters(given).metric == "macro" and validate_parameters(BASE).metric == "top1"
    told = (
        "metric=macro makes accuracy the macro accuracy: leave macro_accuracy out of objectives and bound it "
        "by constraints.min_accuracy"
    )
    with pytest.raises(UserError, match=told):
        validate_parameters({**given, "objectives": "accuracy+macs+macro_accuracy"})
    bounded = copy.deepcopy(given)
    bounded["constraints"]["min_macro_accuracy"] = 0.5
    with pytest.raises(UserError, match=told):
        validate_parameters(bounded)
    assert "parameter 'metric' cannot be 'top5'" in message("metric", "top5")
