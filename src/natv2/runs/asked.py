"""Parameters as a command would have them, checked as it checks them, before anything large is loaded."""

import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from kedro.config import OmegaConfigLoader
from omegaconf import OmegaConf

from natv2.errors import UserError
from natv2.runs.checking import flattened, validate_parameters
from natv2.runs.folders import check_folder
from natv2.runs.following import following_source
from natv2.runs.parameters import Parameters

_INTERPOLATED = re.compile(r"\$\{\s*(?:runtime_params\s*:\s*)?(\w+)")


class AskedParameters:
    """The parameters of one environment in `source` (conf/), for any number of commands.

    Files are read again only for parameters that they interpolate, as a preset. `settings` are Kedro's for
    its loader. Raises UserError where the environment does not exist.
    """

    def __init__(self, source: str | Path, env: str | None, settings: Mapping[str, Any]) -> None:
        check_environment(source, env)
        self._source, self._env, self._settings = str(source), env, settings
        self._read: dict[str, tuple[Mapping[str, Any], Mapping[str, Any]]] = {}

    def checked(self, params: Mapping[str, Any]) -> Parameters:
        """All parameters with `params` given, nested. Raises UserError on the first that is wrong."""
        interpolated = self._interpolated(params)
        key = repr(sorted(flattened(interpolated).items()))
        if key not in self._read:
            self._read[key] = self._files(interpolated)
        parameters, _ = self._read[key]
        return validate_parameters(following_source(_merged(parameters, params), params))

    @property
    def folder(self) -> str:
        """What the environment calls its folder below those of data/. After `checked`."""
        return str(next(iter(self._read.values()))[1]["folder"])

    def _interpolated(self, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """Those of `params` that the environment's files have in other values."""
        folder = Path(self._source)
        if not folder.is_dir():  # an archive; all count
            return params
        return {name: value for name, value in params.items() if name in self._names}

    @cached_property
    def _names(self) -> set[str]:
        files = [
            file
            for name in ("base", self._env or "local")
            for pattern in ("parameters*", "globals*")
            for file in (Path(self._source) / name).rglob(pattern)
            if file.is_file()
        ]
        return {name for file in files for name in _INTERPOLATED.findall(file.read_text(errors="replace"))}

    def _files(self, params: Mapping[str, Any]) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """What the files have as parameters and as globals."""
        loader = OmegaConfigLoader(
            conf_source=self._source, env=self._env, runtime_params=dict(params), **self._settings
        )
        check_folder(loader["globals"]["folder"])
        _check_preset(loader["globals"]["presets"], params)
        try:
            return loader["parameters"], loader["globals"]
        except ValueError as error:  # the same name in two files
            raise UserError(" ".join(str(error).split())) from None


def _merged(parameters: Mapping[str, Any], params: Mapping[str, Any]) -> dict[str, Any]:
    """`parameters` with `params` in their places, as Kedro has them; quickly where nothing interpolates."""
    if any("${" in str(value) for value in flattened(params).values()):
        whole = OmegaConf.to_container(OmegaConf.unsafe_merge(parameters, params), resolve=True)
        assert isinstance(whole, dict)
        return {str(name): value for name, value in whole.items()}
    found = dict(parameters)
    for name, value in params.items():
        inner = found.get(name)
        is_block = isinstance(inner, Mapping) and isinstance(value, Mapping)
        found[name] = _merged(inner, value) if is_block else value  # type: ignore[arg-type]  # both are
    return found


def check_environment(source: str | Path, env: str | None) -> None:
    """Raise UserError where there is no `env` in the folder `source`."""
    folder = Path(source)
    if env is None or not folder.is_dir() or (folder / env).is_dir():
        return
    known = sorted(path.name for path in folder.iterdir() if path.is_dir())
    raise UserError(f"unknown environment '{env}'; known: {', '.join(known)}")


def _check_preset(known: Mapping[str, Any], params: Mapping[str, Any]) -> None:
    # Others' values are made of it: this comes before all that checks them.
    if "preset" in params and params["preset"] not in known:
        raise UserError(f"unknown preset '{params['preset']}'; known: {', '.join(known)}")
