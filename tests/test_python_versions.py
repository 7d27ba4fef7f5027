"""Nothing that the Pythons which pyproject.toml allows would refuse: syntax, and modules that are gone.

The sources are compiled, not run, by such interpreters as are on PATH; where there is none, that is skipped.
"""

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

SOURCES = [path for name in ("src", "docs/hooks", "benchmarks") for path in (REPOSITORY / name).rglob("*.py")]
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
LEAST, MOST = (int(minor) for minor in re.findall(r"3\.(\d+)", PROJECT["requires-python"]))
VERSIONS = [f"3.{minor}" for minor in range(LEAST, MOST)]

# https://docs.python.org/3/whatsnew/3.12.html, 3.13 and 3.14: "Removed".
GONE = {
    *("asynchat", "asyncore", "distutils", "imp", "smtpd"),
    *("aifc", "audioop", "cgi", "cgitb", "chunk", "crypt", "imghdr", "lib2to3", "mailcap", "msilib", "nis"),
    *("nntplib", "ossaudiodev", "pipes", "sndhdr", "spwd", "sunau", "telnetlib", "uu", "xdrlib"),
}

COMPILE = """
import pathlib, sys
for path in sys.argv[1:]:
    compile(pathlib.Path(path).read_text("utf-8"), path, "exec")
"""


@pytest.mark.parametrize("version", VERSIONS)
def test_it_compiles_without_a_warning(version: str) -> None:
    program = shutil.which(f"python{version}")
    if program is None:
        pytest.skip(f"no Python {version} on PATH")
    if subprocess.run([program, "-c", ""], capture_output=True).returncode:  # what only stands for one
        pytest.skip(f"{program} does not start")
    command = [program, "-W", "error", "-c", COMPILE, *map(str, SOURCES)]
    assert subprocess.run(command, capture_output=True, text=True).stderr == ""


@pytest.mark.parametrize("version", VERSIONS)
def test_its_syntax_is_known_to_each(version: str) -> None:
    program = Path(sys.executable).with_name("ruff")
    command = [program, "check", "--select", "E9", "--target-version", f"py{version.replace('.', '')}", "."]
    result = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout


def test_it_imports_nothing_that_is_gone() -> None:
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            assert not {name.partition(".")[0] for name in names} & GONE, path


def test_all_that_are_allowed_are_named() -> None:
    named = [each.rpartition(" ")[2] for each in PROJECT["classifiers"] if ":: Python :: 3." in each]
    assert named == VERSIONS
