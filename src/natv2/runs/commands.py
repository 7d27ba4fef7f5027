"""Commands for people to type: with the options of the one that they typed."""

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from natv2.runs.checking import flattened


def command(words: Sequence[str], env: str | None, given: Mapping[str, Any]) -> str:
    """`words` with the environment and parameters that were `given` on the command line."""
    return shlex.join([*words, *_options(env, given)])


def _options(env: str | None, given: Mapping[str, Any]) -> list[str]:
    options = ["--env", env] if env else []
    flat = {name: value for name, value in flattened(given).items() if name != "fresh"}
    if any(isinstance(value, list) for value in flat.values()):  # which --params cannot say
        return [*options, "--config", "FILE"]
    told = [f"{name}={_text(value)}" for name, value in flat.items()]
    return [*options, "--params", ",".join(told)] if told else options


def _text(value: Any) -> str:
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
