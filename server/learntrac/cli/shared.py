"""What all commands share: how they speak, their settings, their progress bars and common options."""

import contextlib
import gc
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from learntrac.config import Settings
from learntrac.trac.environment import EnvironmentProblem

out = Console()
err = Console(stderr=True)

TracEnv = Annotated[Path | None, typer.Option("--trac-env", help="The Trac environment; else LEARNTRAC_TRAC_ENV")]
Host = Annotated[str, typer.Option(help="Address to listen at")]
FromStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="Port to listen at")]


def say(line: str, where: Console = out) -> None:
    """One line, however long: it may be read by a program."""
    where.print(line, highlight=False, emoji=False, soft_wrap=True)


def give_up(why: str, exit_code: int = 1) -> None:
    """Say what is wrong in one line on standard error, and end."""
    say(f"[bold red]learntrac:[/] {escape(why)}", err)
    sys.exit(exit_code)


def load_settings(trac_env: Path | None = None) -> Settings:
    """The settings from the environment; `trac_env` wins over LEARNTRAC_TRAC_ENV. Raises EnvironmentProblem."""
    given: dict[str, Any] = {} if trac_env is None else {"trac_env": trac_env}
    try:
        return Settings(**given)
    except ValidationError as error:
        first = error.errors()[0]
        name = "LEARNTRAC_" + str(first["loc"][0]).upper()
        raise EnvironmentProblem(f"{name}: {first['msg']}.") from None


@contextlib.contextmanager
def importing() -> Iterator[None]:
    """For imports that take seconds: none of what they make is garbage, and looking for it is a third of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@contextlib.contextmanager
def progress_bar(label: str) -> Iterator[Any]:
    """Gives a `report(done, total)` that draws a bar on standard error, where that is a terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, disable=not err.is_terminal) as bar:
        task = bar.add_task(label, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextlib.contextmanager
def staged_progress_bar() -> Iterator[Any]:
    """Gives a `report(stage, done, total)` that draws a bar for each stage on standard error, if it is a terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, disable=not err.is_terminal) as bar:
        tasks: dict[str, Any] = {}

        def report(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bar.add_task(stage, total=total)
            bar.update(tasks[stage], completed=done, total=total)

        yield report


def configure_logs(settings: Settings, *, quiet: bool = False) -> None:
    """Logs in the form and from the level that the settings say; `quiet` shows warnings only, unless they say."""
    from learntrac.kit.logs import configure

    style = settings.log_format
    if style == "auto":
        style = "console" if sys.stderr.isatty() else "json"
    level = "WARNING" if quiet and "LEARNTRAC_LOG_LEVEL" not in os.environ else settings.log_level
    configure(style, level, secrets=settings.secrets())
