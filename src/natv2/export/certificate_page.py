"""A certificate as a page (Markdown), for people."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from natv2.export.acceptance import FLOAT_TOLERANCE, RULES
from natv2.export.certificate import Certificate
from natv2.export.formats import Precision
from natv2.export.timing import Latency
from natv2.printable import printable

_WITHIN: Mapping[Precision, str] = MappingProxyType(
    {
        "float": ": it says what PyTorch says of it",
        "fp16": f", within the {RULES['fp16'].points:g} points of top-1 that 16 bits are allowed",
        "int8": f", within the {RULES['int8'].points:g} point of top-1 that 8 bits are allowed",
    }
)

_IN_TURNS = "; {} of the images in turns, in their own sizes, for each leaves where it leaves"


def certificate_page(certificate: Certificate) -> str:
    """The page of `certificate`."""
    return "\n".join(_lines(certificate)) + "\n"


def _lines(of: Certificate) -> Iterator[str]:
    yield f"# {of.file}"
    yield ""
    if of.holds:
        yield f"This file is the network {of.network}{_WITHIN[of.precision]}."
    else:
        yield f"**This file is not the network {of.network}.** It was set aside:"
        yield ""
        yield from (f"* {printable(each)}" for each in of.objections)
    yield ""
    yield from _table(("", "file", "PyTorch"), _facts(of))
    yield ""
    if of.note:
        yield f"In 8 bits: {printable(of.note)}."
    yield f"Compared on {printable(of.images)}; {of.whole.images} of them went through the whole file."
    yield (
        "One image, from its pixels to logits, in milliseconds (median, and the spread of the middle half), "
        f"{of.machine}{'' if of.timed == 1 else _IN_TURNS.format(of.timed)}:"
    )
    yield ""
    yield from _table(("threads", "file", "PyTorch"), (_latency(each) for each in of.latency))
    yield ""
    yield from (f"* {name}: SHA-256 {checksum}" for name, checksum in of.files.items())
    yield ""
    yield f"{of.bytes:,} bytes; {', '.join(f'{name} {number}' for name, number in of.versions.items())}."


def _facts(of: Certificate) -> Iterator[tuple[str, str, str]]:
    agreement = of.agreement
    if agreement.top1 is not None and agreement.pytorch_top1 is not None:
        yield "top-1", f"{agreement.top1:.2%}", f"{agreement.pytorch_top1:.2%}"
    yield "same class", f"{agreement.predictions:.2%}", f"{agreement.images:,} images"
    yield "same class, whole file", f"{of.whole.predictions:.2%}", f"{of.whole.images:,} images"
    yield (
        "largest difference of logits",
        f"{agreement.logit_difference:.3g}",
        f"of {agreement.largest_logit:.4g}",
    )
    if agreement.allowed > FLOAT_TOLERANCE * agreement.largest_logit:
        yield "PyTorch's own rounding, against double precision", "", f"{agreement.rounding:.3g}"
    yield "MACs", f"{of.macs:,}", f"{of.pytorch_macs:,}"
    yield "parameters", f"{of.params:,}", f"{of.pytorch_params:,}{_less(of)}"


def _less(of: Certificate) -> str:
    if of.folded is None:
        return ", batch norms were folded"
    parts = [f"{of.folded:,} folded with batch norms"] if of.folded else []
    parts += [f"{of.idle:,} are 0 and left out"] if of.idle else []
    return f" ({', '.join(parts)})" if parts else ""


def _latency(latency: Latency) -> tuple[str, str, str]:
    return (
        str(latency.threads or "all"),
        f"{latency.file:.3g} ± {latency.file_spread:.2g}",
        f"{latency.pytorch:.3g} ± {latency.pytorch_spread:.2g}",
    )


def _table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> Iterator[str]:
    for row in (head, ("---",) * len(head), *rows):
        yield f"| {' | '.join(row)} |"
