"""`ofav2_plan`: what `ofav2_eps` will take with the same parameters."""

import pandas as pd
import torch
from kedro.pipeline import Node, Pipeline

from natv2.images.image_set import ImageSplits
from natv2.run import Run
from natv2.shrinking.config import Training
from natv2.shrinking.plan import plan
from natv2.spaces.widths import WidthsConfig
from natv2.supernets.supernet import Supernet
from natv2.training.state_store import StateStore
from natv2.training.timing import track_expected

_STEPS = 20


def plan_training(
    images: ImageSplits, training: Training, run: Run, widths: WidthsConfig, store: StateStore
) -> pd.DataFrame:
    """Hours, memory and disk of each phase at both widths, from at most 20 timed steps of each."""
    images, training = images.to(run.device), training.at(images.sizes)
    supernets = []
    for width in (widths.narrow, widths.wide):
        trial = Supernet(training.design, width, len(images.class_names), dropout=training.eps.dropout)
        trial.to(run.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        supernets.append(trial)
    table = plan(supernets, images=images, training=training, run=run, steps=_STEPS)
    track_expected(table, store)
    return table


def create_pipeline() -> Pipeline:
    """One node, which trains a few steps of each phase and forgets them."""
    inputs = ["source_images", "params:training", "params:run", "params:widths", "progress"]
    return Pipeline([Node(plan_training, inputs=inputs, outputs="plan", name="plan")])
