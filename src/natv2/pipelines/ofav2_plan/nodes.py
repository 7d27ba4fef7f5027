"""The node of `ofav2_plan`."""

import pandas as pd
import torch

from natv2.config import WidthParameters
from natv2.devices import Precision, resolve_device
from natv2.images.image_set import ImageSplits
from natv2.pipelines.ofav2_eps.nodes import configure
from natv2.shrinking.config import TeacherChoice
from natv2.shrinking.eps_config import ElasticParameters, EpsParameters
from natv2.shrinking.phases import Schedule
from natv2.shrinking.plan import plan
from natv2.supernets.supernet import Supernet
from natv2.training.distillation import Distillation
from natv2.training.state_store import Progress

_STEPS = 20


def plan_training(
    images: ImageSplits,
    supernet: str,
    elastic: ElasticParameters,
    eps: EpsParameters,
    schedule: Schedule,
    teacher: TeacherChoice,
    kd: Distillation,
    seed: int,
    precision: Precision,
    widths: WidthParameters,
    device: str,
    progress: Progress,
) -> pd.DataFrame:
    """Hours, memory and disk of each phase at both widths, from 20 timed steps of each."""
    design = elastic.design(supernet)
    config = configure(images, design, eps, schedule, teacher, kd, seed, precision)
    target = resolve_device(device)
    images = images.to(target)
    tables = []
    for width in (widths.narrow, widths.wide):
        trial = Supernet(design, width, len(images.class_names), dropout=config.dropout)
        trial.to(target, memory_format=torch.channels_last)  # type: ignore[call-overload]
        tables.append(plan(trial, images=images, config=config, steps=_STEPS))
    table = pd.concat(tables, ignore_index=True)
    hours = table[["training", "evaluation", "test"]].sum()
    expected = {f"{name}_hours": float(value) for name, value in hours.items()}
    progress.track({**expected, "memory": table["memory"].max(), "disk": table["disk"].sum()}, 0)
    return table
