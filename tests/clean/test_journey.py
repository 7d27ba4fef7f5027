"""What `natv2 clean` leaves of a real tree: all that the newest run has made."""

import re
from pathlib import Path

from natv2.clean.command import remove
from natv2.clean.versions import not_needed, stored_versions
from natv2.recorded import RECORD, check_recorded
from tests.pipelines.conftest import Journey
from tests.sharing import copy_tree


def entries(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in (root / "data").rglob("*") if path.is_file()}


def test_of_a_journey_that_was_made_twice_the_first_goes(journey: Journey, tmp_path: Path) -> None:
    for name in ("03_primary", "05_model_input", "06_models", "07_model_output", "08_reporting"):
        if (source := journey.project.root / "data" / name).exists():
            copy_tree(source, tmp_path / "data" / name)
    first = stored_versions(tmp_path)
    for each in not_needed(first, []):  # of tests that ran before in this project
        remove([each.folder])
    once = entries(tmp_path)
    assert not_needed(stored_versions(tmp_path), []) == []
    for each in stored_versions(tmp_path):  # the same a century later, records and all
        later = each.folder.with_name(each.folder.name.replace("20", "21", 1))
        copy_tree(each.folder, later)
        record = later / RECORD
        record.write_text(re.sub(r'"20(?=\d\d-)', '"21', record.read_text()))
    gone = not_needed(stored_versions(tmp_path), [])
    assert {each.version[:2] for each in gone} == {"20"}
    remove([each.folder for each in gone])
    assert {path.replace("/21", "/20") for path in entries(tmp_path)} == once
    for each in stored_versions(tmp_path):
        check_recorded(each.folder / each.folder.parent.name)
