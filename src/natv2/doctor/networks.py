"""What a finished network's file says of itself."""

from collections.abc import Iterator
from pathlib import Path

from natv2.doctor.checks import Line
from natv2.errors import UserError
from natv2.printable import printable


def check_network(path: Path) -> Iterator[Line]:
    """Whether the file is whole, and what it is: no network is built for that."""
    from natv2.finished_network import StoredNetwork, classifier_type  # loads torch
    from natv2.network_facts import facts_text

    try:
        stored = StoredNetwork.read(path)
    except UserError as error:
        yield Line("bad", error.message)
        return
    kind = classifier_type(stored.header.get("kind"))
    if kind is None:
        yield Line("bad", f"{path} does not hold a finished network")
        return
    try:
        header = kind.header_of(stored)
    except UserError as error:
        yield Line("bad", f"{path}: {error.message}")
        return
    told = facts_text(header.record) or "its record says nothing of what it was tested for"
    yield Line(
        "ok", f"{path}: a {kind.kind.replace('_', ' ')}, {len(header.class_names)} classes, {printable(told)}"
    )
