"""What the comments of a YAML file say of each value."""

from collections.abc import Iterator, Mapping

import yaml


def comments_of(text: str) -> Mapping[str, str]:
    """The comment behind each key of `text` by its dotted path, with the lines of comment that follow it."""
    lines = text.splitlines()
    return {
        path: said
        for path, node, line in _keys(yaml.compose(text), "")
        if (said := _comment(lines, node, line))
    }


def _keys(node: yaml.Node | None, above: str) -> Iterator[tuple[str, yaml.Node, int]]:
    for key, value in node.value if isinstance(node, yaml.MappingNode) else ():
        path = f"{above}{key.value}"
        yield path, value, key.end_mark.line
        yield from _keys(value, f"{path}.")


def _comment(lines: list[str], node: yaml.Node, line: int) -> str:
    """A block's comment stands behind its name, a value's behind its end."""
    is_block = isinstance(node, yaml.MappingNode) and not node.flow_style
    end = line if is_block else node.end_mark.line
    start = len(lines[line].partition(":")[0]) if is_block else node.end_mark.column
    if end >= len(lines) or not (rest := lines[end][start:].partition(" # ")[2]):
        return ""
    said = [rest]
    for below in lines[end + 1 :] if not is_block else ():
        if not below.strip().startswith("# "):
            break
        said.append(below.strip().removeprefix("# "))
    return " ".join(said)
