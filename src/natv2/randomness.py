"""Counter-based randomness: every draw comes from a generator named by what it is for.

A draw depends on (seed, purpose, epoch, step, ...) and on nothing that happened before, so a
resumed run draws what the undisturbed one would have drawn.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from threading import RLock

import numpy as np
import torch


def derived_seed(seed: int, *purpose: str | int) -> int:
    """A 63-bit seed for one `purpose` of `seed`, the same on every machine and in every process."""
    # JSON, because it keeps 1 and "1" apart, and ("a", "b") from ("ab",).
    parts = [seed, *purpose]
    text = json.dumps([part if isinstance(part, str) else int(part) for part in parts])
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def numpy_generator(seed: int, *purpose: str | int) -> np.random.Generator:
    """A NumPy generator for one `purpose` of `seed`."""
    return np.random.default_rng(derived_seed(seed, *purpose))


def torch_generator(seed: int, *purpose: str | int) -> torch.Generator:
    """A torch generator on the CPU for one `purpose` of `seed`."""
    return torch.Generator().manual_seed(derived_seed(seed, *purpose))


_PROCESS = RLock()  # what builds a network may load another


def seed_process(seed: int) -> None:
    """Seed torch's own generator, the process's one: for the layers of others, which know no other."""
    with _PROCESS:
        torch.manual_seed(seed)


@contextmanager
def process_generator(seed: int | None = None) -> Iterator[None]:
    """Torch's own generator on the CPU, nobody else's meanwhile; afterwards it is where it was.

    For the weights of others' networks, which are drawn from it; seeded where they matter.
    """
    with _PROCESS, torch.random.fork_rng(devices=[]):
        if seed is not None:
            torch.default_generator.manual_seed(seed)  # torch.manual_seed seeds those of GPUs too
        yield
