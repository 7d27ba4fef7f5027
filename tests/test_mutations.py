"""Damaged files load as they were, or are refused in one sentence; benchmarks/mutations.py has more."""

import pytest

from natv2.randomness import numpy_generator
from tests.mutated import KINDS
from tests.mutations import WRONG, outcome

COUNT = 100


@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS if kind != "torchvision"]
)  # which takes long to build
def test_a_damaged_file_is_the_same_or_refused_in_one_sentence(kind, tmp_path):
    subject = KINDS[kind](tmp_path)
    for number in range(COUNT):
        found, said = outcome(subject, tmp_path / "changed.safetensors", numpy_generator(0, kind, number))
        assert found not in WRONG, f"mutation {number}: {said}"
