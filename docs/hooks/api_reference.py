"""The API from its docstrings: a page for each room of the package, read without importing it."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path


def room_pages(package: Path) -> Mapping[str, str]:
    """Markdown for each room of `package`, by its name; a module that stands alone is a room."""
    rooms: dict[str, list[Path]] = {}
    for file in sorted(package.rglob("*.py")):
        inside = file.relative_to(package)
        if file.stem not in ("__init__", "__main__"):
            rooms.setdefault(inside.parts[0].removesuffix(".py"), []).append(inside)
    return {room: _page(package, room, files) for room, files in sorted(rooms.items())}


def _page(package: Path, room: str, files: list[Path]) -> str:
    lines = [f"# natv2.{room}", ""]
    for file in files:
        tree = ast.parse((package / file).read_text(encoding="utf-8"))
        name = ".".join((package.name, *file.with_suffix("").parts))
        said = _escaped(ast.get_docstring(tree) or "")
        lines += [f"## {name}", "", said, "", *_members(tree)]
    return "\n".join(lines) + "\n"


def _members(tree: ast.Module | ast.ClassDef, inside: str = "") -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from _entry(node, f"class {node.name}{_bases(node)}", inside)
            yield from _members(node, f"{node.name}.")
        elif isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield from _entry(node, f"{inside}{node.name}{_signature(node)}", inside)


def _entry(node: ast.ClassDef | ast.FunctionDef, shown: str, inside: str) -> Iterator[str]:
    if (said := ast.get_docstring(node)) is None:
        return
    yield from ("", f"**`{shown}`**" if inside else f"### `{node.name}`", "")
    if not inside:
        yield from ("```python", shown, "```", "")
    yield _escaped(said)
    yield ""


def _bases(node: ast.ClassDef) -> str:
    return f"({', '.join(ast.unparse(base) for base in node.bases)})" if node.bases else ""


def _signature(node: ast.FunctionDef) -> str:
    returns = f" -> {ast.unparse(node.returns)}" if node.returns is not None else ""
    return f"({ast.unparse(node.args)}){returns}"


def _escaped(text: str) -> str:
    """A docstring is text: nothing in it is markup but its paragraphs and its code."""
    return "\n".join(
        line.replace("<", "&lt;").replace("*", "\\*").replace("_", "\\_")
        if "`" not in line
        else line.replace("<", "&lt;")
        for line in text.splitlines()
    )
