"""The reference page of the command line, made from the commands themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer

from headwater.cli.app import app

_NOTE = "<!-- Made by scripts/make-reference; change the commands, not this page. -->"
_ABOUT = """Every command with arguments, options and defaults, as `headwater COMMAND --help` shows
them. [Command line](../command-line.md) says what they are for and how runs end.

```console
$ headwater schema --help
```"""
_HEAD = "| Argument or option | Default | Meaning |\n| --- | --- | --- |"
_ELSEWHERE = {"bench"}
"""Commands whose options are told by their own program."""


def commands_page() -> str:
    """The page in Markdown."""
    sections = [_section(name, command) for name, command in _commands(_group(), "headwater")]
    return "\n\n".join([_NOTE, "# Commands and options", _ABOUT, *sections]) + "\n"


def _group() -> Any:
    return typer.main.get_command(app)


def _commands(group: Any, before: str) -> Iterator[tuple[str, Any]]:
    """Names and commands, those of groups in their place."""
    for word, command in group.commands.items():
        name = f"{before} {word}"
        if hasattr(command, "commands"):
            yield from _commands(command, name)
        else:
            yield name, command


def _section(name: str, command: Any) -> str:
    about = " ".join(line.strip() for line in (command.help or "").splitlines() if line.strip())
    rows = [
        _row(parameter)
        for parameter in command.params
        if parameter.name != "help" and not getattr(parameter, "hidden", False)
    ]
    shown = name.rpartition(" ")[2] not in _ELSEWHERE and rows
    return "\n\n".join([f"## {name}", about, *(["\n".join([_HEAD, *rows])] if shown else [])])


def _row(parameter: Any) -> str:
    words = (getattr(parameter, "help", "") or "").replace("\\[", "[")
    meaning, _, told = words.partition("[default: ")
    default, _, rest = told.partition("]")
    if (
        not default
        and parameter.default not in (None, False, ())
        and not callable(parameter.default)
    ):
        default = str(getattr(parameter.default, "value", parameter.default))
    if parameter.required:
        default = "required"
    is_option = parameter.param_type_name == "option"
    names = [*parameter.opts, *parameter.secondary_opts] if is_option else [parameter.metavar]
    text = f"{meaning.strip().removesuffix('.').rstrip()}{rest.rstrip('.')}".replace("|", "&#124;")
    cells = (", ".join(f"`{word}`" for word in names), default, text)
    return "| " + " | ".join(cell.replace("CASE|FILE", "CASE or FILE") for cell in cells) + " |"
