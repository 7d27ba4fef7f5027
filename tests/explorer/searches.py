"""A search of 400 networks: real architectures and costs, made-up accuracies, names that mean harm."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from natv2.costs.parts import architecture_cost
from natv2.costs.table import CostTable
from natv2.explorer.gather import Searched
from natv2.explorer.networks import Files, network_files
from natv2.finished_network import StoredNetwork
from natv2.images.look import ImageReport, Pairs
from natv2.objectives.objectives import as_costs
from natv2.randomness import numpy_generator
from natv2.search.archive import Archive
from natv2.search.moo.indicators import Hypervolume
from natv2.search.report.description import describe_archive
from natv2.spaces.design import DESIGNS
from natv2.spaces.space import SearchSpace

HOSTILE = (
    "</script><script>document.title='hacked'</script>",
    "<img src=x onerror=\"document.title='hacked'\">",
    "\u202e{{7*7}}${alert(1)}\u2028\u2029",
    "--><!-- ' onload=alert(1) \" &lt;b&gt; \\u003c",
    "=HYPERLINK(1)",
    "plain",
)
OBJECTIVES = ("accuracy", "macs")
DESIGN = DESIGNS["EE_DP_OFAMobileNetV3"]
SPACE = SearchSpace(design=DESIGN, resolutions=(48, 56, 64), widths=(1.0, 1.2))
VALID, TEST = 600, 900


@cache
def archive() -> Archive:
    """400 networks, whose accuracy grows with their MACs, with some noise."""
    generator = numpy_generator(0, "explorer's test")
    codes = np.unique(SPACE.sample_codes(420, generator), axis=0)[:400]
    costs = CostTable(space=SPACE, classes=len(HOSTILE))(codes)
    size = np.log(costs[:, 1]) - np.log(costs[:, 1]).min()
    accuracy = np.round(
        (0.6 + 0.3 * size / size.max() + generator.normal(0, 0.03, len(codes))).clip(0, 0.99) * VALID
    )
    predicted = np.where(
        np.arange(400) % 3, np.nan, 1 - accuracy / VALID + generator.normal(0, 0.02, len(codes))
    )
    frame = pd.DataFrame({"params": costs[:, 0], "macs": costs[:, 1]})
    return Archive.evaluated(codes, accuracy=accuracy / VALID, costs=frame, turn=3, predicted_error=predicted)


def summary(**others: Any) -> dict[str, Any]:
    """What the search says of itself."""
    measure = Hypervolume.from_archive(archive().costs(OBJECTIVES))
    told = {"preset": "natv2", "settings": "abc", "seed": 4, "supernet": DESIGN.name, "source": "tiny"}
    return {**told, "dataset": HOSTILE[0], "objectives": list(OBJECTIVES), "constraints": {}} | {
        "hypervolume": measure.to_dict(),
        **others,
    }


def look() -> ImageReport:
    """Images in classes whose names mean harm."""
    none = Pairs(count=0, all_found=True, listed=())
    counts = {name: {"train": 500, "valid": VALID // 6, "test": TEST // 6} for name in HOSTILE}
    return ImageReport(
        **{
            "name": HOSTILE[1],
            "title": HOSTILE[2],
            "fingerprint": "0123456789abcdef",
            "stored_size": "64 x 64",
        },
        **{"counts": counts, "sizes": {}, "width": (1, 1, 1), "height": (1, 1, 1), "modes": {}},
        **{"mean": (0.5, 0.5, 0.5), "std": (0.2, 0.2, 0.2), "unreadable": (), "remarks": ()},
        **{"duplicates": none, "near_duplicates": none, "contradictions": none},
    )


def tables() -> dict[str, pd.DataFrame]:
    """The tables of a search, two networks of which were finished, beside two plain ones."""
    described = describe_archive(archive(), SPACE, OBJECTIVES, 4)
    front = described[described["non_dominated"]].sort_values("accuracy", ascending=False)
    measure = Hypervolume.from_archive(archive().costs(OBJECTIVES))
    history = pd.DataFrame(
        {
            **{
                "turn": [1, 2],
                "predictor": ["rbf", "lightgbm"],
                "cv_kendall": [0.5, 0.6],
                "cv_low": [0.4, 0.5],
            },
            **{"cv_high": [0.7, 0.8], "hypervolume": [0.5, measure.value(as_costs(described, OBJECTIVES))]},
        }
    )
    chosen = front.iloc[[0, len(front) // 2]]
    results = pd.DataFrame(
        {
            **{
                "name": ["network_01", "network_02"],
                "method": "standard",
                "teacher": "supernet",
                "epochs": 20,
            },
            **{"remark": [np.nan, HOSTILE[0]], "accuracy_before": chosen["accuracy"].tolist()},
            **{
                "accuracy_after": [0.95, 0.94],
                "test_accuracy": [0.93, 0.92],
                "test_accuracy_before": [0.8, 0.7],
            },
            **{"test_macro": [0.91, 0.9], "calibration_error": 0.02, "calibration_error_uncorrected": 0.05},
            **{
                column: chosen[column].tolist()
                for column in ("params", "macs", "resolution", "width", "exit")
            },
        }
    )
    recalls = {"network_01": [1.0, 0.9, 0.8, 0.7, np.nan, 0.6], "network_02": [0.5, 0.9, 0.8, 0.7, 0.95, 0.6]}
    plain = pd.DataFrame(
        {
            **{"name": [HOSTILE[1], "mobilenet"], "kind": ["plain", "random"], "valid_accuracy": [0.9, 0.85]},
            **{"test_accuracy": [0.89, 0.84], "params": [10**6, 5 * 10**5], "macs": [10**7, 5 * 10**6]},
            **{"calibration_error": 0.03, "plain": [True, False]},
        }
    )
    verdict = pd.DataFrame(
        {
            **{"name": results["name"], "cost": "macs", "best_plain": [HOSTILE[1], np.nan]},
            **{"gain": [0.04, np.nan], "gain_low": [0.01, np.nan], "gain_high": [0.07, np.nan]},
        }
    )
    exported = pd.DataFrame(
        {
            **{
                "network": ["network_01", HOSTILE[1]],
                "format": ["onnx", "onnx_int8"],
                "holds": [True, False],
            },
            **{
                "top1": [0.95, np.nan],
                "bytes": [10_000, np.nan],
                "latency_1": [1.5, np.nan],
                "why": ["", "it differs"],
            },
        }
    )
    return {
        "export_table": exported,
        **{"archive": described, "search_history": history, "results": results, "verdict": verdict},
        **{
            "class_results": pd.DataFrame({"class": HOSTILE, "images": TEST // 6, **recalls}),
            "plain_results": plain,
        },
    }


def detail() -> dict[str, Any]:
    """What is told of the finished networks in detail: one has three exits, one beats a random candidate."""
    exits = [{"exit": n, "own": 0.5 + n / 10, "together": 0.6 + n / 10, "macs": n * 10**6} for n in (1, 2, 3)]
    leaving = [
        {"threshold": 0.0, "top1": 0.7, "mean_macs": 1e6, "shares": [1.0, 0.0, 0.0]},
        {"threshold": 0.995, "top1": 0.9, "mean_macs": 1.8e6, "shares": [0.5, 0.2, 0.3]},
        {"threshold": 2.0, "top1": 0.95, "mean_macs": 3e6, "shares": [0.0, 0.0, 1.0]},
    ]
    seen = {"confused": [[0, 1, 7], [5, 2, 3]], "reliability": [[300, 0.4, 0.5], [600, 0.95, 0.9]]}
    several = {"exits": exits, "leaving": leaving, "mean_macs": 3e6}
    gain = {"name": "network_01", "cost": "macs", "best_plain": "mobilenet"}
    beside = {"random": [gain | {"gain": 0.01, "gain_low": -0.02, "gain_high": 0.03}]}
    return {"networks": {"network_01": seen | several, "network_02": seen}, "beside": beside}


def network_file(folder: Path, name: str, row: pd.Series) -> None:
    """A file as finishing leaves it: of `row` of the archive; its weights are none."""
    architecture = SPACE.decode(archive().codes[row.name])
    design = {**vars(DESIGN), "blocks": list(DESIGN.blocks)}
    header = {
        "kind": "network",
        "class_names": list(HOSTILE),
        "temperature": 1.3,
        "record": {"network": name},
    }
    header |= {"architecture": architecture.to_dict(), "design": design}
    StoredNetwork({"w": torch.zeros(1)}, header).write(folder / f"{name}.safetensors")


def finished_files(folder: Path) -> dict[str, Files]:
    """The files of the two networks that were finished."""
    described, results = tables()["archive"], tables()["results"]
    for row in results.to_dict("records"):
        same = (described["macs"] == row["macs"]) & (described["accuracy"] == row["accuracy_before"])
        network_file(folder, row["name"], described[same].iloc[0])
    return {"finished_networks": network_files(folder, folder, {"network_01.safetensors": "ab12"})}


def searched(files: dict[str, Files] | None = None, **others: Any) -> Searched:
    """All of it; `others` replace fields of `Searched`."""
    commands = {"finish": "kedro run --params 'postprocess.finish={macs}'", "finish_front": "kedro run"}
    given = {
        "summary": summary(),
        "tables": tables(),
        "look": look(),
        "files": files or {},
        "commands": commands,
    }
    given["detail"] = detail()
    return Searched(**{**given, "versions": {"archive": "2026"}, "verdict": HOSTILE[3], **others})


def parts_of(row: pd.Series) -> tuple[int, int]:
    """Parameters and MACs of a row of the archive, counted anew."""
    architecture = SPACE.decode(archive().codes[row.name])
    return tuple(architecture_cost(DESIGN, architecture, len(HOSTILE)).tolist())
