"""How long the paths are that runs write."""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from kedro.config import OmegaConfigLoader
from kedro.io import AbstractVersionedDataset, DataCatalog

from natv2.aep.network.names import BACKBONES, TORCHVISION
from natv2.catalog.exports import ExportsDataset
from natv2.catalog.images import ImagesDataset
from natv2.catalog.kept_supernets import KeptSupernetsDataset
from natv2.catalog.networks import NetworksDataset
from natv2.catalog.state_store import StateStoreDataset
from natv2.errors import UserError
from natv2.images.loading import set_name
from natv2.objectives.objectives import OBJECTIVES
from natv2.pipeline_registry import register_pipelines
from natv2.recorded import RECORD
from natv2.runs.checking import validate_parameters
from natv2.runs.folders import check_folder, fitted
from natv2.runs.naming import catalog_names
from natv2.settings import CONFIG_LOADER_ARGS
from natv2.spaces.design import DESIGNS

CONF = Path(__file__).parents[2] / "conf"
LONGEST = 180
VERSION = "2026-01-02T03.04.05.678Z"
TEMPORARY = ".12345678"  # as tempfile makes them
PIPELINES = register_pipelines()
NETWORK, CLASSIC = "network_300_standard", "early_stopping"  # an archive of 300 may be a front of 300
PLAIN_NETWORK = "mobilenet_v3_small_100_taught"
STUDIED = "network_300_aepDESC_adamw_0.00012345"
ENTRIES = {name for pipeline in PIPELINES.values() for name in pipeline.datasets() if "params:" not in name}
ENTRIES |= {"explorer"}  # no pipeline's: runs write it at their end


@pytest.fixture(scope="module")
def conf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This project's, with an environment whose folder and preset are as long as they can be."""
    root = tmp_path_factory.mktemp("conf") / "conf"
    shutil.copytree(CONF, root)
    (root / "long").mkdir()
    presets = yaml.safe_load((root / "base/globals.yml").read_text())["presets"]
    own = {"folder": "f" * 16, "presets": {"my_own_preset" * 20: presets["natv2"]}}
    (root / "long/globals.yml").write_text(yaml.safe_dump(own))
    return root


def longest_names(place: Path) -> dict[str, Any]:
    return {
        "source": "folder",
        "dataset": "folder",
        "source_path": str(place / ("s" * 255)),
        "data_path": str(place / ("t" * 255)),
        "supernet": max(DESIGNS, key=len),
        "objectives": "+".join(OBJECTIVES),
        "preset": "my_own_preset" * 20,
        "network": f"{'package.' * 30}module:{'function' * 30}",
        "weights": "DESC",
        "scenario": "finetune",
        "aep": {"resolution": 1024},
    }


def catalog(conf: Path, env: str, names: Mapping[str, Any]) -> DataCatalog:
    """The catalog of a run with these names."""
    loader = OmegaConfigLoader(str(conf), env=env, runtime_params=dict(names), **CONFIG_LOADER_ARGS)
    followed = catalog_names(validate_parameters(loader["parameters"]))
    loader = OmegaConfigLoader(str(conf), env=env, runtime_params={**names, **followed}, **CONFIG_LOADER_ARGS)
    return DataCatalog.from_config(loader["catalog"])


def paths(entries: DataCatalog) -> Iterator[Path]:
    """What runs may write below the project: whole, and under the names that it has until then."""
    for name in sorted(ENTRIES):
        dataset = entries.get(name) if name in entries else None
        if isinstance(dataset, AbstractVersionedDataset):
            file = Path(str(dataset._filepath))
            version = file / VERSION
            yield from (version / RECORD, version / TEMPORARY)
            if isinstance(dataset, NetworksDataset):
                names = dict.fromkeys(("plain_networks", "finished_plain_networks"), PLAIN_NETWORK)
                network = f"{CLASSIC if name.startswith('aep_') else names.get(name, NETWORK)}.safetensors"
                yield from (version / file.name / network, version / TEMPORARY / network)
                yield version / TEMPORARY / TEMPORARY
            elif isinstance(dataset, ExportsDataset):
                network = CLASSIC if name.startswith("aep_") else PLAIN_NETWORK
                for part in (f"{network}.py.safetensors", f"{network}.int8.onnx.json"):
                    yield from (version / each / "failed" / part for each in (file.name, TEMPORARY))
            elif isinstance(dataset, KeptSupernetsDataset):
                for folder in (file.name, TEMPORARY):
                    yield version / folder / "turn_100" / "narrow.safetensors"
            else:
                yield version / file.name
        elif isinstance(dataset, StateStoreDataset):
            for node in (node for each in PIPELINES.values() for node in each.nodes if name in node.inputs):
                yield dataset.root / ("d" * 16) / node.name / STUDIED / "final" / "turn_100_found.safetensors"
        elif isinstance(dataset, ImagesDataset):
            title = set_name(dataset._name, dataset._raw)
            scaled = "m" * 16 + "-0.00012345--0.00012345"
            yield dataset._store / title / "1152px" / f"{scaled}.{'m' * 16}.json"


@pytest.mark.parametrize("env", ["base", "reduced"])
def test_names_of_the_thesis_make_no_path_too_long(env, conf):
    names = longest_names(conf) | {
        "source": "tiny_imagenet",
        "dataset": "tiny_imagenet",
        "preset": "natv2_phase1",
        "network": max([*BACKBONES, *TORCHVISION], key=len),
        "source_path": None,
        "data_path": None,
    }
    assert max(len(str(path)) for path in paths(catalog(conf, env, names))) <= LONGEST


def test_the_longest_names_that_can_be_typed_make_no_path_too_long(conf):
    found = sorted(paths(catalog(conf, "long", longest_names(conf))), key=lambda path: len(str(path)))
    assert LONGEST - 5 <= len(str(found[-1])) <= LONGEST, found[-1]
    assert all(len(part.encode()) <= 255 for path in found for part in path.parts)


OWN = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=60)


@settings(max_examples=3, derandomize=True, phases=[Phase.generate])  # half a second each
@given(OWN, OWN, st.sampled_from(sorted(DESIGNS)), st.permutations(sorted(OBJECTIVES)), st.integers(1, 400))
def test_made_up_names_make_no_path_too_long(conf, source, target, supernet, objectives, letters):
    names = longest_names(conf) | {
        "source_path": str(conf / source),
        "data_path": str(conf / target),
        "supernet": supernet,
        "objectives": "+".join(objectives),
        "network": f"m:{'f' * letters}",
    }
    assert max(len(str(path)) for path in paths(catalog(conf, "long", names))) <= LONGEST


def test_names_that_are_short_enough_stay_as_they_are(conf):
    files = {str(path) for path in paths(catalog(conf, "base", {}))}
    search = "data/08_reporting/paper/tiny_imagenet/EE_D_OFAMobileNetV3_to_cifar10/accuracy+macs/natv2"
    assert f"{search}/results.csv/{VERSION}/results.csv" in files
    aep = "data/08_reporting/paper/aep/cifar10/mobilenet_v3_small/MIX/train_64"
    assert f"{aep}/aep_results.csv/{VERSION}/aep_results.csv" in files


TEXTS = st.lists(st.text("ab_-.+", min_size=1, max_size=40), min_size=3, max_size=3)


@given(TEXTS, TEXTS)
def test_a_folder_fits_its_room_and_is_one_names_own(some, others):
    template = "{}_to_{}/{}"
    one, other = fitted(50, "above", template, *some), fitted(50, "above", template, *others)
    whole = "above/" + template.format(*some)
    assert one == whole if len(whole) <= 50 else len(one) <= 50
    assert one.startswith("above/") and one.count("/") == 2
    assert (one == other) == (whole == "above/" + template.format(*others))


def test_a_cut_folder_can_still_be_read():
    names = ("EE_DP_OFAMobileNetV3", "tiny_imagenet", "accuracy+latency+macs+params", "natv2_phase1")
    folder = fitted(71, "paper/tiny_imagenet", "{}_to_{}/{}/{}", *names)
    assert folder.startswith("paper/tiny_imagenet/EE_DP_OFA_to_tiny_imag/accuracy/natv2_pha-")


def test_a_folder_of_the_environment_that_leaves_no_room_is_refused(toy):
    check_folder("f" * 16)
    with pytest.raises(UserError, match="has 17 characters: 16 are allowed"):
        check_folder("f" * 17)
    file = toy.root / "conf/test/globals.yml"
    before = file.read_text()
    file.write_text(before.replace("folder: test", f"folder: {'f' * 17}"))
    try:
        result = toy.run()
    finally:
        file.write_text(before)
    assert result.exit_code == 1
    assert result.output.startswith(f"Error: folder '{'f' * 17}' in globals.yml has 17 characters")
    assert result.output.count("\n") == 1
