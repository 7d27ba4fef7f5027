"""The command line as it is: generated from the commands themselves."""

import click


def command_line() -> str:
    """A section for each command of `natv2`, with its arguments and options."""
    from natv2.cli import cli

    return "\n".join(_told(name, command) for name, command in sorted(cli.commands.items()))


def _told(name: str, command: click.Command) -> str:
    context = click.Context(command, info_name=f"natv2 {name}")
    usage = " ".join(command.collect_usage_pieces(context))
    lines = [f"## natv2 {name}", "", f"    natv2 {name} {usage}", "", _text(command.help or ""), ""]
    options = [each for each in command.params if isinstance(each, click.Option) and not each.hidden]
    if options:
        lines += ["| option | what it does |", "|---|---|"]
        lines += [f"| {_names(option, context)} | {_cell(option.help or '')} |" for option in options]
    return "\n".join([*lines, ""])


def _names(option: click.Option, context: click.Context) -> str:
    kind = "" if option.is_flag else f" {option.make_metavar(context)}"
    return f"`{', '.join(option.opts)}{kind}`"


def _text(text: str) -> str:
    return "\n\n".join(" ".join(part.split()) for part in text.replace("\b", "").split("\n\n"))


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
