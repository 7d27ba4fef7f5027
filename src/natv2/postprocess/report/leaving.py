"""Where images leave a network early, and which are the first and the last to do so."""

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from natv2.exits.leaving import confidence
from natv2.finished_network import StoredNetworks
from natv2.images.batches import evaluation_batches
from natv2.images.image_set import ImageSplits
from natv2.reporting.style import BLUE, style
from natv2.supernets.classifier import SubnetClassifier
from natv2.training.evaluation import answers_and_exits

_SHOWN = 8
_TITLE = "Where validation images leave"


def leaving_figure(networks: StoredNetworks, images: ImageSplits, batch_size: int) -> go.Figure:
    """How many validation images leave where in the most accurate of `networks` that they leave early.

    Below, the eight that it is surest of at the first exit, and the eight that it is least sure of at the
    last. Without such a network the title says so.
    """
    name = _most_accurate(networks)
    if name is None:
        return style(go.Figure(), f"{_TITLE}: no finished network lets them")
    classifier = SubnetClassifier.build(networks[name]).to(images.device)
    batches = evaluation_batches(images, images.valid, batch_size)
    logits, labels, exits = answers_and_exits(classifier, batches)
    left, sure = exits.numpy(), confidence(logits).numpy()
    kept = classifier.network.exits
    counts = np.bincount(left - 1, minlength=len(kept))
    first = _surest(left == left.min(), -sure)
    last = _surest(left == left.max(), sure)
    figure = make_subplots(
        rows=3,
        cols=_SHOWN,
        specs=[[{"colspan": _SHOWN}, *[None] * (_SHOWN - 1)], *[[{}] * _SHOWN] * 2],
        row_heights=[0.5, 0.25, 0.25],
        row_titles=["", "first to leave", "last to leave"],
        horizontal_spacing=0.01,
        vertical_spacing=0.1,
    )
    figure.add_bar(
        x=[f"exit {exit}" for exit in kept],
        y=counts.tolist(),
        text=[f"{count} ({100 * count / len(left):.1f} %)" for count in counts],
        marker_color=BLUE,
        showlegend=False,
        row=1,
        col=1,
    )
    said, pixels = logits.argmax(dim=1).tolist(), images.valid.images.cpu()
    for row, chosen in ((2, first), (3, last)):
        for column, at in enumerate(chosen, start=1):
            told = f"{classifier.class_names[said[at]]}, it is {classifier.class_names[labels[at]]}"
            image = pixels[at].permute(1, 2, 0).numpy()
            figure.add_trace(go.Image(z=image, name=told), row=row, col=column)
    figure.update_xaxes(showticklabels=False, row=2).update_xaxes(showticklabels=False, row=3)
    figure.update_yaxes(showticklabels=False, row=2).update_yaxes(showticklabels=False, row=3)
    figure.update_yaxes(title="Images", row=1, col=1)
    return style(figure, f"{_TITLE} {name}").update_layout(height=620)


def _most_accurate(networks: StoredNetworks) -> str | None:
    early: Mapping[str, float] = {
        name: float(stored.header["record"]["accuracy_after"])
        for name, stored in networks.items()
        if stored.header.get("thresholds") is not None
    }
    return max(early, key=lambda name: early[name], default=None)


def _surest(among: NDArray[np.bool_], order: NDArray[np.float32]) -> NDArray[np.int64]:
    """The first few images `among` all, in `order`."""
    places = np.flatnonzero(among)
    return places[np.argsort(order[places], kind="stable")][:_SHOWN]
