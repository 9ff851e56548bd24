"""What the commands of `rlmm` have in common: exit codes, jobs, options."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer

KEPT = "what was played is kept, go on with"  # note on an error: a command and its option
EXIT_OK = 0
EXIT_FAILED = 1
EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130
EXIT_TERMINATED = 143

Job = Callable[[], int]

Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]

Options = Mapping[str, tuple[str, str | None]]
"""Key of the configuration and text given, by option; None where it was not given."""


TYPED: list[str] = []
"""The arguments of the program; `main` puts them here."""


def command_line() -> list[str]:
    """As typed; `rlmm` instead of the path of the script."""
    return ["rlmm", *TYPED]


def help_if_alone(context: typer.Context) -> None:
    """Without a subcommand there is nothing to do but to help."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help(), err=True)
        raise typer.Exit(EXIT_BAD_INPUT)


def settings_of(options: Options) -> list[Any]:
    """Options that stand for a key of the configuration: checked where all its values are."""
    from experiments.yaml_reader import Setting

    return [Setting(name, key, text) for name, (key, text) in options.items() if text is not None]
