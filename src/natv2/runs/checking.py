"""Parameters as they were given, checked whole, with messages for people."""

from collections.abc import Mapping
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from natv2.errors import UserError
from natv2.runs.parameters import Parameters

_RENAMED: Mapping[str, str] = MappingProxyType(
    {
        "eps.exit_weights": "eps.exit_weighting",
        "search.exit_weights": "search.exit_weighting",
        "postprocess.weighting": "postprocess.exit_weighting",
        "postprocess.optimizer": "postprocess.thesis.optimizer",
        "postprocess.lr": "postprocess.thesis.lr",
        "postprocess.momentum": "postprocess.thesis.momentum",
        "postprocess.weight_decay": "postprocess.thesis.weight_decay",
        "postprocess.batch_size": "postprocess.thesis.batch_size",
        "postprocess.max_epochs": "postprocess.thesis.max_epochs",
        "postprocess.epochs": "postprocess.thesis.epochs",
        "postprocess.patience": "postprocess.thesis.patience",
        "postprocess_study.weightings": "postprocess_study.exit_weightings",
        "eps.phases.whole": "eps.phases.single_stage",
    }
)
"""Parameters that had another name once."""


def validate_parameters(raw: Mapping[str, Any]) -> Parameters:
    """The parameters in `raw`, checked whole.

    Raises UserError on the first name or value that is not allowed: it says which are.
    """
    try:
        # Names with an underscore are templates, as in the catalog, which Kedro leaves in parameters.
        found = Parameters.model_validate({name: v for name, v in raw.items() if not name.startswith("_")})
    except ValidationError as error:
        # A mistyped name is often missing too: say what was typed.
        details = sorted(error.errors(), key=lambda detail: detail["type"] != "extra_forbidden")
        raise UserError(_explain(details[0])) from None
    if (missing := _first_missing(raw, found)) is not None:
        raise UserError(f"parameter '{missing}' is missing")
    return found


def _first_missing(raw: Mapping[str, Any], found: BaseModel, prefix: str = "") -> str | None:
    """The first field of `found` that `raw` does not give: defaults are for code, conf/ says every value."""
    for name in type(found).model_fields:
        if name not in raw:
            return f"{prefix}{name}"
        value = getattr(found, name)
        if isinstance(value, BaseModel) and isinstance(raw[name], Mapping):
            deeper = _first_missing(raw[name], value, f"{prefix}{name}.")
            if deeper is not None:
                return deeper
    return None


def flattened(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested `values` under dotted names."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        nested = isinstance(value, Mapping)
        flat |= flattened(value, f"{prefix}{name}.") if nested else {f"{prefix}{name}": value}
    return flat


def _explain(detail: ErrorDetails) -> str:
    name = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "extra_forbidden":
        return _unknown(tuple(str(part) for part in detail["loc"]))
    if detail["type"] == "missing":
        return f"parameter '{name}' is missing"
    allowed = detail["msg"].removeprefix("Value error, ").replace("Input should", "it should")
    if detail["type"] in ("model_type", "model_attributes_type"):
        allowed = "it should be a block of parameters"
    if isinstance(detail["input"], Mapping) and detail["type"] == "value_error" and not name:
        return allowed
    if isinstance(detail["input"], Mapping) and detail["type"] == "value_error":
        return f"parameters '{name}': {allowed}"
    return f"parameter '{name}' cannot be {detail['input']!r}: {allowed}"


def _unknown(path: tuple[str, ...]) -> str:
    name = ".".join(path)
    for old, new in _RENAMED.items():
        if name == old or name.startswith(f"{old}."):
            return f"parameter '{name}' is called '{name.replace(old, new)}' now"
    model: type[BaseModel] = Parameters
    for part in path[:-1]:
        model = model.model_fields[part].annotation  # type: ignore[assignment]  # only models have names in them
    prefix = "".join(f"{part}." for part in path[:-1])
    known = [prefix + field for field in model.model_fields]
    similar = get_close_matches(name, known, n=1)
    hint = f" (did you mean '{similar[0]}'?)" if similar else ""
    return f"unknown parameter '{name}'{hint}; known: {', '.join(known)}"
