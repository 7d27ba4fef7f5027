"""Paths as they can be typed where the command was given."""

from pathlib import Path

from natv2.runs.shown_paths import shown_path, typed_here


def test_paths_are_seen_from_where_the_command_was_given(tmp_path, monkeypatch):
    project, inside = tmp_path / "project", tmp_path / "project/notebooks"
    inside.mkdir(parents=True)
    file = Path("data/a.csv")
    for folder, expected in (
        (project, "data/a.csv"),
        (inside, "../data/a.csv"),
        (tmp_path, "project/data/a.csv"),
        (Path("/"), str((project / file).relative_to("/"))),
    ):
        monkeypatch.chdir(folder)
        with typed_here():
            monkeypatch.chdir(project)
            with typed_here():  # `natv2 run` gives the command of `kedro run`
                assert shown_path(file, project) == expected
                assert shown_path(project / file, project) == expected
    monkeypatch.chdir(inside)
    assert shown_path(file, project) == "../data/a.csv"


def test_from_elsewhere_paths_are_whole(tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    project = tmp_path / "project"
    assert shown_path(Path("data/a.csv"), project) == str(project / "data/a.csv")
