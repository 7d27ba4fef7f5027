"""What a latency table will take to build, from some of its parts."""

import time

import numpy as np
import pandas as pd

from natv2.bar import quiet
from natv2.costs.config import BatchLatencyConfig
from natv2.randomness import numpy_generator
from natv2.run import Run
from natv2.search.latency import CHECKED, measured_modules
from natv2.search.space_parts import SpaceParts
from natv2.spaces.space import SearchSpace

_TOGETHER = 32  # parts that are measured before the clock is looked at
_PASSES = 2  # of each part: one warms up


def unmeasured_table(space: SearchSpace, classes: int) -> pd.DataFrame:
    """A latency table of `space` in which every part takes as long: what a search needs to be timed."""
    parts = SpaceParts(space, classes)
    return parts.table(np.ones(len(parts.modules))).to_frame()


def table_seconds(
    space: SearchSpace, classes: int, config: BatchLatencyConfig, run: Run, *, seconds: float
) -> tuple[float, str]:
    """Seconds that a table and its check take, and what was timed of it, in about so many `seconds`."""
    parts = SpaceParts(space, classes)
    order = numpy_generator(run.seed, "latency plan").permutation(len(parts.modules))
    once = config.model_copy(update={"warm_up": 1, "repetitions": _PASSES - 1, "batch": 1})
    start, done = time.perf_counter(), 0
    while done < len(order) and (done == 0 or time.perf_counter() - start < seconds):
        at = order[done : done + _TOGETHER]
        with quiet():
            measured_modules([parts.modules[i] for i in at], [parts.inputs[i] for i in at], once, run)
        done += len(at)
    a_part = (time.perf_counter() - start) / (done * _PASSES)
    networks = CHECKED * (space.design.levels + 3)  # whole ones: stem, first block, levels, head
    passes = (config.warm_up + config.repetitions) * config.batch
    told = "all" if done == len(order) else f"{done} of {len(order)} parts"
    return a_part * passes * (len(order) + networks), told
