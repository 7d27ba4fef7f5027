"""What people ask of a finished network: put into its record, and told in one line."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from natv2.finished_network import StoredNetwork, StoredNetworks
from natv2.objectives.metric import METRICS, metric_of

if TYPE_CHECKING:
    import pandas as pd


def with_facts(networks: StoredNetworks, table: "pd.DataFrame") -> StoredNetworks:
    """Those of `networks` that `table` has a row of, with what is asked of them in their records.

    That is test accuracy, objectives and resolution; of latency they say on which device, if not here. What
    is not known is left out.
    """
    import pandas as pd

    from natv2.objectives.objectives import OBJECTIVES

    asked = ("test_accuracy", "metric", *OBJECTIVES, "latency_of", "resolution")
    columns = [name for name in asked if name in table]
    found = {}
    for row in table.to_dict("records"):
        stored = networks[str(row["name"])]
        record = {**stored.header["record"], **{name: row[name] for name in columns if pd.notna(row[name])}}
        found[str(row["name"])] = StoredNetwork(stored.tensors, {**stored.header, "record": record})
    return found


def accuracy_of(record: Mapping[str, Any]) -> str:
    """What the accuracies in the `record` of a network's header are called."""
    return METRICS[metric_of(record)].word


def facts_text(record: Mapping[str, Any]) -> str:
    """What the `record` of a network's header says of these, in one line; empty where it says nothing."""
    return ", ".join(_told(record))


def _told(record: Mapping[str, Any]) -> Iterator[str]:
    numbers = {name: value for name, value in record.items() if isinstance(value, int | float)}
    if "test_accuracy" in numbers:
        yield f"test {accuracy_of(record)} {100 * numbers['test_accuracy']:.2f} %"
    if "dataset" in record:
        yield f"data set {record['dataset']}"
    if "resolution" in numbers:
        yield f"{numbers['resolution']} px"
    if "params" in numbers:
        yield f"{numbers['params']:,} parameters"
    if "macs" in numbers:
        yield f"{numbers['macs']:,} MACs"
    if "mean_macs" in numbers:
        yield f"{numbers['mean_macs']:,.0f} on average"
    if "run" in record:
        yield f"run {record['run']}"
