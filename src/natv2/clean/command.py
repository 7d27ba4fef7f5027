"""The command `natv2 clean`."""

import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import click
from kedro.utils import find_kedro_project

_SHOWN = 20  # lines of entries


@click.command(name="clean")
@click.option("--yes", is_flag=True, help="Remove it. Without this nothing is removed.")
@click.option("--unfinished", is_flag=True, help="Also what stopped runs would resume from.")
@click.option("--images", is_flag=True, help="Also decoded images; the next run decodes them again.")
def clean(yes: bool, unfinished: bool, images: bool) -> None:
    """Say which old versions nothing needs and how much they take; remove them with --yes.

    Of each entry the newest version of every seed, setting and set of images stays, and all that a version
    that stays was made of. MLflow keeps its own copies.
    """
    from natv2.clean import leftovers, versions  # load torch, which a mistyped command need not

    project = find_kedro_project(Path.cwd()) or Path.cwd()
    if yes:
        leftovers.check_nothing_runs(project)
    attempts = leftovers.open_attempts(project)
    read = leftovers.versions_read([] if unfinished else attempts)
    old = versions.not_needed(versions.stored_versions(project), read)
    parts: dict[str, Sequence[Path]] = {
        "old versions": [each.folder for each in old],
        "finished attempts": leftovers.finished_attempts(project),
        "stopped runs": attempts if unfinished else [],
        "decoded images": leftovers.decoded_images(project) if images else [],
    }
    everything = [path for paths in parts.values() for path in paths]
    if not everything:
        click.echo("nothing to remove: every version is the newest of its kind, or something was made of it")
        return
    for title, paths in parts.items():
        if paths:
            click.echo(f"{title}: {len(paths)}, {_size(freed_bytes(paths))}")
    _tell_entries([each.entry for each in old])
    size = _size(freed_bytes(everything))
    if not yes:
        click.echo(f"{size} in all would be free; `natv2 clean --yes` with the same options removes them")
        return
    remove(everything)
    click.echo(f"removed: {size}")


def freed_bytes(paths: Iterable[Path]) -> int:
    """Bytes that are free without `paths`: a file with another name elsewhere stays on the disk."""
    found: dict[tuple[int, int], tuple[int, int]] = {}
    links: Counter[tuple[int, int]] = Counter()
    for file in _files(paths):
        about = file.lstat()
        links[about.st_dev, about.st_ino] += 1
        found[about.st_dev, about.st_ino] = about.st_nlink, about.st_size
    return sum(size for inode, (names, size) in found.items() if links[inode] == names)


def remove(paths: Iterable[Path]) -> None:
    """Remove files and folders. Each is moved away first: no half of a version is ever seen.

    It stays beside its place until then: folders of data may be links to other disks.
    """
    for path in paths:
        with tempfile.TemporaryDirectory(prefix=".removed-", dir=path.parent) as away:
            path.rename(Path(away) / "whole")


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from (file for file in path.rglob("*") if not file.is_dir())
        else:
            yield path


def _tell_entries(entries: Sequence[str]) -> None:
    counts = Counter(entries)
    for entry, count in sorted(counts.items())[:_SHOWN]:
        click.echo(f"  {count} of {entry}")
    if len(counts) > _SHOWN:
        click.echo(f"  and of {len(counts) - _SHOWN} more entries")


def _size(count: int) -> str:
    return f"{count / 1e9:,.1f} GB" if count >= 1e9 else f"{count / 1e6:,.1f} MB"
