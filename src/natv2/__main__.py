"""`python -m natv2` is `kedro run` in the project's folder."""

from kedro.framework.project import configure_project

from natv2.cli import cli


def main() -> None:
    """Run a pipeline; the options are those of `kedro run`."""
    configure_project("natv2")
    cli.commands["run"]()


if __name__ == "__main__":
    main()
