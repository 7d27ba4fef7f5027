"""What a terminal shows of exported files, and what ends a run."""

import pandas as pd

from natv2.errors import UserError


def shown(table: pd.DataFrame) -> pd.DataFrame:
    """What a terminal shows of it."""
    return pd.DataFrame(
        {
            "Network": table["network"],
            "Format": table["format"],
            "Holds": [
                "yes" if row.holds else "left out" if not row.failed else "no" for row in table.itertuples()
            ],
            "Top-1 (%)": 100 * table["top1"],
            "in PyTorch": 100 * table["pytorch_top1"],
            "Same class (%)": 100 * table["same_class"],
            "MB": table["bytes"] / 1e6,
            "One thread (ms)": table["latency_1"],
            "PyTorch (ms)": table["pytorch_latency_1"],
        }
    )


def refuse_failed(table: pd.DataFrame) -> None:
    """Raise UserError where files are not their networks; all that holds is kept by then."""
    failed = table[table["failed"]]
    if len(failed):
        told = "; ".join(f"{row.network} as {row.format}: {row.why}" for row in failed.itertuples())
        raise UserError(f"{len(failed)} of {len(table)} exports are not their networks ({told})")
