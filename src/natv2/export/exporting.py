"""A network, exported to formats and certified: what holds is kept, what does not is set aside by name."""

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from natv2.atomic import write_bytes
from natv2.errors import UserError
from natv2.export.certificate import Certificate, Written, certify
from natv2.export.certificate_page import certificate_page
from natv2.export.comparison import Comparison
from natv2.export.deployable import Deployable, deployable
from natv2.export.formats import FORMATS
from natv2.export.model_card import model_card
from natv2.export.outcome import Outcome
from natv2.export.stages import stops
from natv2.export.timing import Rounds
from natv2.export.writers import writer_of
from natv2.finished_network import Classifier
from natv2.own_network import said

logger = logging.getLogger("natv2")

ROUNDS = Rounds()

_LEFT_OUT = (
    "images leave this network early, and {why}; it was left out, but "
    f"{', '.join(name for name, row in FORMATS.items() if not row.no_stopping)} have it"
)

FAILED = "failed"
"""The folder, beside what is kept, of files that are not their network."""


def export_network(
    name: str,
    classifier: Classifier,
    formats: Sequence[str],
    folder: Path,
    images: Comparison,
    calibration: Comparison,
    rounds: Rounds = ROUNDS,
) -> list[Outcome]:
    """Write the network called `name` into `folder` in each of `formats`, with certificates and a model card.

    It is compared on `images`, and calibrated, where a format has to be, on `calibration`.
    """
    deployed = deployable(classifier)
    outcomes = []
    for each in formats:
        try:
            if stops(classifier) and (reason := FORMATS[each].no_stopping):
                why = _LEFT_OUT.format(why=reason)
                outcome = Outcome(network=name, format=each, why=why, left_out=True)
            else:
                outcome = _exported(name, each, deployed, folder, images, calibration, rounds)
        except Exception as error:  # an exporter's, of any kind: the other formats are written still
            logger.debug("the exporter's own words", exc_info=True)
            why = error.message if isinstance(error, UserError) else said(error)
            outcome = Outcome(network=name, format=each, why=why)
        (logger.error if outcome.failed else logger.info)("%s", outcome)
        outcomes.append(outcome)
    card = model_card(name, classifier, images, outcomes)
    write_bytes(folder / f"{name}.md", card.encode())
    return outcomes


def _exported(
    name: str,
    format: str,
    deployed: Deployable,
    folder: Path,
    images: Comparison,
    calibration: Comparison,
    rounds: Rounds,
) -> Outcome:
    row = FORMATS[format]
    writer = writer_of(format)
    files = writer.write(deployed, name, calibration)
    written = Written(network=name, format=format, precision=row.precision, files=files)
    certificate = certify(written, writer.opened(files, deployed), deployed, images, rounds)
    _write(folder if certificate.holds else folder / FAILED, files, certificate)
    _remove(folder / FAILED if certificate.holds else folder, certificate)
    return Outcome(network=name, format=format, certificate=certificate)


def _write(folder: Path, files: Mapping[str, bytes], certificate: Certificate) -> None:
    for name, content in {**files, **_pages(certificate)}.items():
        write_bytes(folder / name, content)


def _remove(folder: Path, certificate: Certificate) -> None:
    """Remove what an earlier export left in the other place."""
    for name in (*certificate.files, *_pages(certificate)):
        (folder / name).unlink(missing_ok=True)


def _pages(certificate: Certificate) -> dict[str, bytes]:
    values = json.dumps(certificate.to_dict(), indent=2, allow_nan=False)
    return {
        f"{certificate.file}.json": f"{values}\n".encode(),
        f"{certificate.file}.md": certificate_page(certificate).encode(),
    }
