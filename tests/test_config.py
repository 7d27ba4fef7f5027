"""A digest tells configurations apart by every field but those that tell no runs apart."""

from pathlib import Path
from typing import Any

import pytest

from natv2.config import NO_DIGEST, Config, digest
from natv2.run import Run
from tests.configs import parameters

PARAMETERS = parameters()
CONFIGS: dict[str, Config] = {name: getattr(PARAMETERS, name) for name in ("eps", "search", "aep")}
# Typed again: results, choices with a column of their own, and what no result depends on.
UNTOLD = {
    "eps": {"evaluation", "evaluation_batch_size", "probes", "phases"},
    "search": {"evaluation_batch_size", "keep_supernets", "latency.table"},
    "aep": {
        "resolution",
        "losses",
        "outputs",
        "diversity",
        "pruning",
        "stopping",
        "evaluation_batch_size",
        "latency",
    },
}


def leaves(config: Config, prefix: str = "") -> list[str]:
    """Dotted names of all fields, down to those that hold no others."""
    found = []
    for name in type(config).model_fields:
        value = getattr(config, name)
        found += leaves(value, f"{prefix}{name}.") if isinstance(value, Config) else [prefix + name]
    return found


def other(value: object) -> object:
    """A value that differs from `value`."""
    if value is None:
        return 1
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    return value + value[:1] if isinstance(value, str | tuple) else Path("elsewhere")


def changed(config: Config, name: str) -> Config:
    """`config` with another value of the field of a dotted `name`."""
    first, _, rest = name.partition(".")
    value: Any = getattr(config, first)
    return config.model_copy(update={first: changed(value, rest) if rest else other(value)})


@pytest.mark.parametrize(
    ("section", "name"), [(section, name) for section, config in CONFIGS.items() for name in leaves(config)]
)
def test_every_field_is_told_but_those_that_tell_no_runs_apart(section, name):
    config = CONFIGS[section]
    same = digest(changed(config, name)) == digest(config)
    assert same == bool({name, name.partition(".")[0]} & UNTOLD[section])


@pytest.mark.parametrize("section", CONFIGS)
def test_fields_that_tell_no_runs_apart_are_marked(section):
    assert marked(type(CONFIGS[section])) == UNTOLD[section]


def marked(config: type[Config], prefix: str = "") -> set[str]:
    """Dotted names of the fields of `config` that are marked, at any depth."""
    found = set[str]()
    for name, field in config.model_fields.items():
        if NO_DIGEST in field.metadata:
            found.add(prefix + name)
        elif isinstance(field.annotation, type) and issubclass(field.annotation, Config):
            found |= marked(field.annotation, f"{prefix}{name}.")
    return found


def test_a_digest_is_eight_digits_of_all_its_parts():
    told = digest(*CONFIGS.values(), {"a": 1, "b": None}, (2, 3))
    assert len(told) == 8 and int(told, 16) >= 0
    assert digest(*CONFIGS.values(), {"b": None, "a": 1}, [2, 3]) == told
    assert digest(*reversed(CONFIGS.values()), {"a": 1, "b": None}, (2, 3)) != told
    assert digest(*CONFIGS.values(), {"a": 2, "b": None}, (2, 3)) != told


def test_fields_within_others_are_left_out_too():
    here, there, later = Run(device="cpu"), Run(device="cuda"), Run(device="cpu", seed=1)
    assert digest({"runs": [here]}) == digest({"runs": [there]})
    assert digest({"runs": [here]}) != digest({"runs": [later]})
