"""The command `natv2`: `natv2 run` is `kedro run` of this project, from any folder."""

import os
import sys
from pathlib import Path

from natv2.commands import ALONE
from natv2.errors import UserError


def main() -> None:
    """Run a command in the project around the working directory, else in this package's clone.

    Those of `ALONE` need no project: they take paths as the shell does, and Kedro is not loaded.
    """
    if (command := ALONE.get("".join(sys.argv[1:2]))) is not None:
        command(args=sys.argv[2:], prog_name=f"natv2 {command.name}")
        return
    from kedro.utils import find_kedro_project

    from natv2.runs.shown_paths import typed_here

    try:
        project = find_kedro_project(Path.cwd()) or _clone()
    except UserError as error:
        error.show()
        raise SystemExit(error.exit_code) from None
    with typed_here():
        os.chdir(project)  # paths are relative to the project, wherever the command is given
        # Kedro looks for the project's logging.yml when it is imported.
        from kedro.framework.startup import bootstrap_project

        from natv2.cli import cli

        bootstrap_project(project)
        cli(prog_name="natv2")


def _clone() -> Path:
    """The clone that this package is installed from. Raises UserError where it is not from one."""
    from kedro.utils import is_kedro_project

    clone = Path(__file__).parents[2]
    if not is_kedro_project(clone):
        raise UserError(f"{Path.cwd()} is in no project of natv2; start it in a clone of the repository")
    return clone


if __name__ == "__main__":
    main()
