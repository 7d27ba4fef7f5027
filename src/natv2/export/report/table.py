"""All exported files as a table."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from natv2.export.outcome import Outcome


def exports_table(outcomes: Sequence[Outcome]) -> pd.DataFrame:
    """A row for each network and format: what was written, how well it agrees, what it costs, how fast it is.

    top1, pytorch_top1 and same_class are fractions of validation images, latency_… milliseconds of an image
    with one thread and with all, in the file's runtime and in PyTorch.
    """
    return pd.DataFrame([_row(outcome) for outcome in outcomes])


def _row(outcome: Outcome) -> dict[str, Any]:
    row: dict[str, Any] = {
        "network": outcome.network,
        "format": outcome.format,
        "file": None,
        "holds": outcome.holds,
        "failed": outcome.failed,
        **dict.fromkeys(
            ("top1", "pytorch_top1", "same_class", "logit_difference", "bytes", "params", "macs")
        ),
        **dict.fromkeys(("latency_1", "pytorch_latency_1", "latency_all", "pytorch_latency_all")),
        "why": outcome.why,
    }
    of = outcome.certificate
    if of is None:
        return row
    row |= {
        "file": of.file,
        "top1": of.agreement.top1,
        "pytorch_top1": of.agreement.pytorch_top1,
        "same_class": of.agreement.predictions,
        "logit_difference": of.agreement.logit_difference,
        "bytes": of.bytes,
        "params": of.params,
        "macs": of.macs,
        "why": "; ".join(of.objections),
    }
    for latency in of.latency:
        threads = latency.threads or "all"
        row |= {f"latency_{threads}": latency.file, f"pytorch_latency_{threads}": latency.pytorch}
    return row
