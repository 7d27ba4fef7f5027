"""All parameters: types from their models, defaults, meanings and sources from conf/base."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from yaml_comments import comments_of

CONF = Path(__file__).parents[2] / "conf"
_SOURCE = re.compile(
    r"(thesis, |Tables? |Figure )?\d[\d.]*\d(, [\w.]+)*|(OFA|NAT)'s( paper)?|(the )?thesis's( .*)?"
    r"|ours|our choice|measured, .*"
)


class Parameter(NamedTuple):
    """One value that can be given."""

    name: str
    type: str
    default: str
    meaning: str
    source: str


def parameter_tables() -> str:
    """A section of Markdown for each block of parameters, those that stand alone first."""
    sections: dict[str, list[Parameter]] = {}
    for each in parameters():
        block = each.name.partition(".")[0] if "." in each.name else "On their own"
        sections.setdefault(block, []).append(each)
    return "\n".join(_section(title, rows) for title, rows in sorted(sections.items()))


@cache
def parameters() -> tuple[Parameter, ...]:
    """Every parameter, in the order of its model."""
    from natv2.runs.parameters import Parameters

    said = _comments()
    values = _defaults()
    return tuple(_parameter(path, field, values, said) for path, field in _fields(Parameters, ""))


def _parameter(path: str, field: FieldInfo, values: Mapping[str, Any], said: Mapping[str, str]) -> Parameter:
    parts = [part.strip() for part in _nearest(path, said).split(";")]
    source = "; ".join(part for part in parts if _SOURCE.fullmatch(part))
    meaning = "; ".join(part for part in parts if part and not _SOURCE.fullmatch(part))
    words = [field.description or "", meaning.replace(" | ", ", ")]
    value: Any = values
    for name in path.split("."):
        value = value[name]
    return Parameter(path, _type(field), _text(value), "; ".join(word for word in words if word), source)


def _nearest(path: str, said: Mapping[str, str]) -> str:
    """What is said of `path`, else of the block that it is in."""
    while path not in said and "." in path:
        path = path.rpartition(".")[0]
    return said.get(path, "")


def _fields(model: type[BaseModel], above: str) -> Iterator[tuple[str, FieldInfo]]:
    for name, field in model.model_fields.items():
        below = next((each for each in _parts(field.annotation) if _is_model(each)), None)
        if below is None:
            yield f"{above}{name}", field
        else:
            yield from _fields(below, f"{above}{name}.")


def _parts(annotation: Any) -> Iterator[Any]:
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) in (Union, type(int | None)):
        for each in get_args(annotation):
            yield from _parts(each)
    else:
        yield annotation


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _type(field: FieldInfo) -> str:
    return " or ".join(dict.fromkeys(_named(each) for each in _parts(field.annotation)))


def _named(annotation: Any) -> str:
    if get_origin(annotation) is Literal:
        return " or ".join(str(each) for each in get_args(annotation))
    if get_origin(annotation) is tuple:
        inner = next(_parts(get_args(annotation)[0]))
        return f"list of {_named(inner)}"
    return _WORDS.get(annotation, getattr(annotation, "__name__", str(annotation)))


_WORDS = {
    int: "whole number",
    float: "number",
    str: "text",
    bool: "true or false",
    type(None): "null",
    Path: "path",
}


def _text(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, list | tuple):
        return f"[{', '.join(_text(each) for each in value)}]"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _defaults() -> Mapping[str, Any]:
    from kedro.config import OmegaConfigLoader

    from natv2.settings import CONFIG_LOADER_ARGS

    loader = OmegaConfigLoader(conf_source=str(CONF), env="base", **CONFIG_LOADER_ARGS)
    return dict(loader["parameters"])


def _comments() -> Mapping[str, str]:
    """What conf/base says: globals.yml of those that paths carry, the others where they stand."""
    said: dict[str, str] = {}
    for file in [*sorted((CONF / "base").glob("parameters*.yml")), CONF / "base/globals.yml"]:
        said |= comments_of(file.read_text(encoding="utf-8"))
    return said


def _section(title: str, rows: list[Parameter]) -> str:
    lines = [f"## {title}", "", "| name | type | default | meaning, *source* |", "|---|---|---|---|"]
    for each in rows:
        # In one cell: a column that is mostly empty would leave three words a line for the meaning.
        told = "; ".join(text for text in (each.meaning, each.source and f"*{each.source}*") if text)
        cells = (f"`{each.name}`", each.type, f"`{each.default}`", told)
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join([*lines, ""])
