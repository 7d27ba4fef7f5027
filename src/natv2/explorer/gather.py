"""From the tables of a search to what its page is given."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from natv2.explorer.data import Explored, Images, Network, Predictor, Volume
from natv2.explorer.measures import measured
from natv2.explorer.networks import Files, beside_of, finished_networks, found_networks, plain_networks
from natv2.images.listing import SPLITS
from natv2.images.look import ImageReport
from natv2.objectives.constraints import BOUNDS
from natv2.objectives.metric import named_objectives
from natv2.objectives.objectives import ACCURACY, OBJECTIVES, first_cost
from natv2.spaces.design import BLOCK_BITS, DESIGNS

MOST = 1500
"""Networks of the archive that a page has; the front is always among them."""


@dataclass(frozen=True, kw_only=True)
class Searched:
    """What there is of one search; what there is not is absent.

    `tables` has `archive`, and of search_history, results, class_results, plain_results, baseline_plan,
    verdict and export_table what there is, by the names that the catalog's entries have. `files` are those of
    networks, by entry and name.
    """

    summary: Mapping[str, Any]
    tables: Mapping[str, pd.DataFrame]
    look: ImageReport | None = None
    files: Mapping[str, Files] = field(default_factory=dict)
    verdict: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)
    commands: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)

    def table(self, name: str) -> pd.DataFrame | None:
        """The entry `name`, if it has rows."""
        table = self.tables.get(name)
        return None if table is None or table.empty else table


def explored(searched: Searched) -> Explored:
    """What the page of a search shows. Nothing is computed anew but the costs of parts of networks."""
    summary, archive = searched.summary, searched.tables["archive"].reset_index(drop=True)
    objectives = tuple(summary["objectives"])
    images = _images(searched)
    design = DESIGNS.get(str(summary.get("supernet")))
    classes = len(images.classes) if images is not None else None
    shown = _most(archive)
    found = found_networks(shown, design, classes)
    networks = (
        *found,
        *finished_networks(
            searched.tables, searched.files.get("finished_networks", {}), found, searched.detail
        ),
        *plain_networks(searched.tables, searched.files),
    )
    networks = _with_mean_macs(networks)
    measures = measured((network.values for network in networks), archive)
    return Explored(
        title=_title(summary),
        search={name: value for name, value in summary.items() if name not in ("hypervolume", "latency")},
        images=images,
        measures=measures,
        axes=(_first_cost(objectives, {measure.name for measure in measures}), ACCURACY),
        limits={BOUNDS[name].objective: bound for name, bound in summary.get("constraints", {}).items()},
        blocks={} if design is None else {name: BLOCK_BITS[name] for name in design.blocks},
        hypervolume=_hypervolume(searched),
        predictor=_predictor(searched.table("search_history")),
        turns=0 if searched.table("search_history") is None else len(searched.tables["search_history"]),
        verdict=searched.verdict,
        beside=beside_of(searched.detail),
        networks=networks,
        commands=searched.commands,
        versions=searched.versions,
        remarks=tuple(_remarks(searched, len(archive) - len(shown))),
    )


def _with_mean_macs(networks: Sequence[Network]) -> tuple[Network, ...]:
    """Where images leave some networks early, the mean MACs of the others are all that they have."""
    if not any("mean_macs" in network.values for network in networks):
        return tuple(networks)

    def filled(network: Network) -> Network:
        values = network.values
        return network.model_copy(update={"values": {"mean_macs": values["macs"], **values}})

    return tuple(filled(network) for network in networks)


def _most(archive: pd.DataFrame) -> pd.DataFrame:
    """At most MOST rows, in their order: the front, then what came last."""
    if len(archive) <= MOST:
        return archive
    ranked = archive.assign(at=range(len(archive))).sort_values(
        ["non_dominated", "turn", "at"], ascending=[False, False, True]
    )
    return archive.loc[sorted(ranked.index[:MOST])].reset_index(drop=True)


def _title(summary: Mapping[str, Any]) -> str:
    titles = " + ".join(_lower(OBJECTIVES[name].title) for name in named_objectives(summary))
    return f"{summary.get('dataset')}: {titles}, from {summary.get('supernet')}"


def _lower(title: str) -> str:
    return title if title.isupper() or title == "MACs" else title.lower()


def _first_cost(objectives: tuple[str, ...], known: set[str]) -> str:
    wanted = first_cost(objectives, "macs")
    return wanted if wanted in known else "macs"


def _images(searched: Searched) -> Images | None:
    """What the look says; without one what the tables do, which is nothing of the images themselves."""
    look = searched.look
    if look is None:
        return None
    return Images(
        name=look.name,
        title=look.title,
        fingerprint=look.fingerprint,
        **{split: look.total(split) for split in SPLITS},
        classes=tuple(look.counts),
        tested=tuple(counts["test"] for counts in look.counts.values()),
    )


def _hypervolume(searched: Searched) -> Volume | None:
    history = searched.table("search_history")
    if history is None or "hypervolume" not in searched.summary:
        return None
    value = float(history["hypervolume"].iloc[-1])
    return Volume.model_validate({"value": value, **searched.summary["hypervolume"]})


def _predictor(history: pd.DataFrame | None) -> Predictor | None:
    """That of the last turn for which its tau is known."""
    if history is None or "cv_kendall" not in history:
        return None
    known = history.dropna(subset="cv_kendall")
    if known.empty:
        return None
    last = known.iloc[-1]
    bounds = {end: last.get(f"cv_{end}") for end in ("low", "high")}
    told = {end: float(value) for end, value in bounds.items() if value is not None and pd.notna(value)}
    return Predictor(name=str(last.get("predictor", "")), tau=float(last["cv_kendall"]), **told)


def _remarks(searched: Searched, left_out: int) -> list[str]:
    """What a reader may miss, and why it is not there."""
    said = []
    if left_out:
        said.append(f"{left_out:,} networks of the archive that are not on its front are left out.")
    if searched.look is None:
        said.append("The number of images is not known here: no intervals are drawn.")
    if searched.table("results") is None:
        said.append("Nothing is finished yet: pipeline postprocess trains what was found to the end.")
    if searched.table("plain_results") is None and searched.table("baseline_plan") is None:
        said.append("No plain network stands beside these: pipeline baselines trains some.")
    return said
