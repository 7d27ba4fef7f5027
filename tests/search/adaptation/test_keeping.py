"""The supernets after each turn are kept on request; tests/pipelines/test_objectives.py kills a search."""

from pathlib import Path

import pytest
from kedro.io import Version

from natv2.catalog.kept_supernets import KeptSupernetsDataset
from natv2.config import digest
from natv2.errors import UserError
from natv2.search.adaptation.keeping import KeptSupernets, SupernetKeeper, kept_supernets
from natv2.search.adaptation.start import adapted_supernet
from natv2.search.needs import turns_disk
from natv2.spaces.space import SearchSpace
from natv2.supernets.checkpoint import read_checkpoint
from natv2.training.needs import Disk
from natv2.training.state_store import StateStore
from natv2.training.supernet_needs import SupernetSize
from tests.configs import parameters
from tests.pipelines.slices import family
from tests.tiny import splits

IMAGES = splits()
SEARCH = parameters(search={"turns": 2, "keep_supernets": True}).search
SUPERNETS = family("OFAMobileNetV3", IMAGES)


def test_what_an_earlier_process_has_kept_of_a_turn_stays(tmp_path: Path) -> None:
    store, (narrow, wide) = StateStore(tmp_path), SUPERNETS
    SupernetKeeper(lambda turn: {"narrow": narrow}, store).keep(1)  # killed before the wide one
    SupernetKeeper(lambda turn: {"narrow": wide, "wide": wide}, store).keep(1)
    kept = [read_checkpoint(path).width for path in kept_supernets(store).files.values()]
    assert kept == [narrow.width, wide.width]


def test_they_are_an_entry_of_the_catalog_and_another_search_can_start_from_a_turn(tmp_path: Path) -> None:
    store = StateStore(tmp_path / "progress")
    for turn in (1, 12):
        SupernetKeeper(lambda turn: dict(zip(("narrow", "wide"), SUPERNETS, strict=True)), store).keep(turn)
    kept = kept_supernets(store)
    entry = KeptSupernetsDataset(filepath=f"{tmp_path}/turn_supernets", version=Version(None, "v1"))
    entry.save(kept)
    loaded = entry.load()
    assert list(loaded.files) == [
        f"turn_{turn}/{width}" for turn in ("01", "12") for width in ("narrow", "wide")
    ]
    for name, path in loaded.files.items():
        assert path.samefile(kept.files[name])  # which costs no space
        assert path == tmp_path / f"turn_supernets/v1/turn_supernets/{name}.safetensors"
    turn = loaded.files["turn_12/wide"].parent
    for supernet in SUPERNETS:
        assert adapted_supernet(turn, supernet).width == supernet.width
    with pytest.raises(UserError, match=r"or of a turn in its turn_supernets$"):
        adapted_supernet(turn.parent, SUPERNETS[0])
    nothing = KeptSupernetsDataset(filepath=f"{tmp_path}/nothing", version=Version(None, "v1"))
    nothing.save(KeptSupernets())
    assert nothing.exists() and not nothing.load().files


def test_the_room_for_them_is_asked_for_before_a_run() -> None:
    """Linked into the catalog, they are on the disk once."""
    sizes = [SupernetSize(each.design, each.width, len(each.classes)) for each in SUPERNETS]
    space = SearchSpace(design=sizes[0].design, resolutions=(16,), widths=(0.1, 0.2))
    none = turns_disk(sizes, space, SEARCH.model_copy(update={"keep_supernets": False}))
    taken = 2 * sum(weight.nbytes for each in SUPERNETS for weight in each.weights.values())
    assert turns_disk(sizes, space, SEARCH) == none + Disk(states=taken)


def test_they_change_no_result() -> None:
    assert digest(SEARCH) == digest(SEARCH.model_copy(update={"keep_supernets": False}))
