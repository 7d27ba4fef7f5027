"""Options of commands from files (`--config FILE`): plain values, nothing that is run or never ends."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import yaml
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from natv2.errors import UserError

_LARGEST = 1 << 16  # bytes; a command's options take a few hundred
_LONGEST = 300  # characters of what is quoted
_BRACKETS = 1000  # open ones take PyYAML the square of their number in time


def read_config_file(path: Path, section: str, options: Collection[str]) -> dict[str, Any]:
    """What the file at `path` has as `section`: values of some of `options`.

    Raises UserError where it is no regular file, is no YAML or JSON of plain values, or names another option.
    """
    where = f"--config {path}"
    values = read_values(where, path)
    if not isinstance(values, dict) or not isinstance(values.get(section), dict):
        raise UserError(f"{where}: a block `{section}:` with options is needed")
    found: dict[str, Any] = values[section]
    for name in found:
        if name not in options:
            known = ", ".join(sorted(options))
            raise UserError(f"{where}: unknown option {_short(repr(name))}; known: {known}")
    params = found.get("params", {})
    if not isinstance(params, dict | str):
        raise UserError(f"{where}: params must be a block of parameters, not {_short(repr(params))}")
    return found


def read_values(where: str, path: Path) -> Any:
    """The plain values in the YAML or JSON file at `path`, which messages call `where`; nothing is evaluated.

    Raises UserError where it is no regular file, or no YAML or JSON of plain values.
    """
    return _plain(where, _text(where, path))


def _text(where: str, path: Path) -> str:
    if not path.is_file():  # nor a pipe, which would be waited for
        raise UserError(f"{where} is no file")
    if path.stat().st_size > _LARGEST:
        raise UserError(f"{where} has {path.stat().st_size:,} bytes, at most {_LARGEST:,} are read")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{where} cannot be read ({_short(error)})") from None
    if text.count("[") + text.count("{") > _BRACKETS:
        raise UserError(f"{where} has more than {_BRACKETS:,} opening brackets")
    return text


def _plain(where: str, text: str) -> Any:
    try:
        # A few aliases of aliases make more values than any memory holds.
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=yaml.SafeLoader)):
            raise UserError(f"{where}: aliases (*name) are not read; write the values out")
        return OmegaConf.to_container(OmegaConf.create(text))
    except (yaml.YAMLError, OmegaConfBaseException, RecursionError, ValueError, TypeError) as error:
        raise UserError(f"{where} is no YAML of plain values ({_short(error)})") from None


def _short(text: object) -> str:
    """One line that is not endless; natv2.files has the like, and loads torch."""
    said = " ".join(str(text).split())
    return said if len(said) <= _LONGEST else f"{said[:_LONGEST]}..."
