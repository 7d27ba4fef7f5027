"""llms.txt (llmstxt.org): what this is and which page tells what, for programs that read."""

import re
from collections.abc import Mapping
from pathlib import Path


def llms_text(root: Path, pages: Mapping[str, str], outside: Mapping[str, str]) -> str:
    """The product in the README's own first sentences, then a line for each of `pages`."""
    title, *rest = (root / "README.md").read_text(encoding="utf-8").split("\n\n")
    summary = next(part for part in rest if not part.startswith(("!", "<", "#")))
    lines = [title, "", f"> {' '.join(summary.split())}", "", "## Pages", ""]
    sources = {page: source for source, page in outside.items()}
    for name, page in pages.items():
        file = root / sources.get(page, f"docs/{page}")
        lines.append(f"- [{name}]({page.removesuffix('.md')}.html){_first_line(file)}")
    return "\n".join(lines) + "\n"


def _first_line(file: Path) -> str:
    """What stands under the title of a page that has one."""
    if not file.exists():
        return ""
    parts = file.read_text(encoding="utf-8").split("\n\n")[1:]
    said = next((part for part in parts if part[:1].isalpha()), "")
    sentence = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", " ".join(said.split())).partition(". ")[0].rstrip(".:")
    return f": {sentence}" if sentence else ""
