"""`learntrac`: everything an operator types."""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from learntrac import __version__
from learntrac.config import Settings
from learntrac.kit.errors import Unavailable
from learntrac.trac.environment import EnvironmentProblem

app = typer.Typer(
    name="learntrac",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Turns any Trac into an adaptive course.",
)
user_app = typer.Typer(no_args_is_help=True, help="Accounts of LearnTrac's own, beside Trac's.")
import_app = typer.Typer(no_args_is_help=True, help="Bring a course into a Trac.")
app.add_typer(user_app, name="user")
app.add_typer(import_app, name="import")

_ONLY_WITH_TRAC = {"trac", "a2wsgi"}

out = Console()
err = Console(stderr=True)

TracEnv = Annotated[Path | None, typer.Option("--trac-env", help="The Trac environment; else LEARNTRAC_TRAC_ENV")]
Host = Annotated[str, typer.Option(help="Address to listen at")]
FromStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="Port to listen at")]


def main() -> None:
    """The command itself: what goes wrong is said in one line, with exit code 1."""
    try:
        app()
    except (EnvironmentProblem, Unavailable, ValueError, OSError) as problem:
        _give_up(str(problem))
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] not in _ONLY_WITH_TRAC:
            raise
        _give_up("this command needs Trac itself: install learntrac[trac].")


def _give_up(why: str) -> None:
    _say(f"[bold red]learntrac:[/] {escape(why)}", err)
    sys.exit(1)


def _say(line: str, where: Console = out) -> None:
    """One line, however long: it may be read by a program."""
    where.print(line, highlight=False, emoji=False, soft_wrap=True)


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
def progress_bar(label: str) -> Iterator[Any]:
    """Gives a `report(done, total)` that draws a bar on standard error, where that is a terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, disable=not err.is_terminal) as bar:
        task = bar.add_task(label, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@app.command()
def version() -> None:
    """Print the version."""
    out.print(__version__)


@app.command()
def openapi() -> None:
    """Print the OpenAPI document that docs/openapi.json holds."""
    from learntrac.kit.clock import utc_now
    from learntrac.main import make_api

    document = make_api(Settings.model_construct(**_defaults()), utc_now).openapi()
    sys.stdout.write(orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode() + "\n")


def _defaults() -> dict[str, Any]:
    return {name: field.get_default(call_default_factory=True) for name, field in Settings.model_fields.items()}


@app.command()
def serve(trac_env: TracEnv = None, host: Host = "127.0.0.1", port: Port = 8001) -> None:
    """Serve the API for an existing Trac. Ctrl-C or SIGTERM stops it cleanly."""
    from learntrac.serving import run, serve_forever

    settings = load_settings(trac_env)
    _configure_logs(settings)
    run(serve_forever(settings, host=host, port=port, progress_bar=progress_bar))


@app.command()
def demo(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where the demo lives; made at the first start")],
    host: Host = "127.0.0.1",
    port: Port = 8001,
    serve: Annotated[bool, typer.Option("--serve/--no-serve", help="Only make the demo")] = True,  # noqa: FBT002 - Typer's way to declare a flag
) -> None:
    """Make a Trac with a sample course and some weeks of learners' history, and serve API and Trac in one process."""
    from learntrac.serving import serve_demo

    settings = load_settings()
    _configure_logs(settings, quiet=True)
    serve_demo(folder, settings, host=host, port=port, serve=serve, console=out, progress_bar=progress_bar)


@app.command()
def init(
    trac_env: Annotated[Path, typer.Argument(metavar="TRAC_ENV", help="The Trac environment")],
    yes: Annotated[bool, typer.Option("--yes", help="Do it, instead of showing what would be done")] = False,  # noqa: FBT002 - Typer's way to declare a flag
) -> None:
    """Show what LearnTrac reads in an existing Trac; with --yes, make LearnTrac's database and its mapping file."""
    from learntrac.operations import initialise
    from learntrac.serving import run

    settings = load_settings(trac_env)
    with progress_bar("Reading Trac's tickets") as report:
        plan = run(initialise(settings, write=yes, on_progress=report))
    _show_plan(plan)


def _show_plan(plan: Any) -> None:
    lines = list(plan.lines())
    width = max(len(name) for name, _ in lines)
    for name, value in lines:
        _say(f"{escape(name):<{width}}  {escape(value)}")
    if not plan.written:
        _say("\nNothing was written. Run it again with [bold]--yes[/] to set LearnTrac up.")


@app.command()
def doctor(trac_env: TracEnv = None) -> None:
    """Say what of a Trac could not be read as it was meant, with ticket numbers. Writes nothing."""
    from learntrac.operations import diagnose
    from learntrac.serving import run

    settings = load_settings(trac_env)
    with progress_bar("Reading Trac's tickets") as report:
        diagnosis = run(diagnose(settings, on_progress=report))
    for line in diagnosis.warnings:
        _say(f"[yellow]![/] {escape(line)}")
    for problem in diagnosis.problems:
        _say(f"#{problem.ticket}: {escape(problem.message)}")
    found = len(diagnosis.warnings) + len(diagnosis.problems)
    _say(f"{diagnosis.concepts} concepts read, {found or 'no'} problem{'' if found == 1 else 's'} found.")


@user_app.command("add")
def user_add(
    name: Annotated[str, typer.Argument(help="The user's name")],
    role: Annotated[str, typer.Option(help="student, instructor or admin")],
    password_stdin: FromStdin = False,  # noqa: FBT002 - Typer's way to declare a flag
    trac_env: TracEnv = None,
) -> None:
    """Add an account of LearnTrac's own, or give it another password and role. Trac itself is not written to."""
    from learntrac.operations import add_user
    from learntrac.serving import run

    password = (
        sys.stdin.readline().rstrip("\r\n")
        if password_stdin
        else typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    )
    run(add_user(load_settings(trac_env), name=name, role=role, password=password))
    _say(f"{escape(name)} may sign in as {role}.")


@user_app.command("remove")
def user_remove(name: Annotated[str, typer.Argument(help="The user's name")], trac_env: TracEnv = None) -> None:
    """Remove an account of LearnTrac's own and end its sign-ins. What the learner did is kept."""
    from learntrac.operations import remove_user
    from learntrac.serving import run

    if not run(remove_user(load_settings(trac_env), name=name)):
        raise ValueError(f"LearnTrac has no account {name} of its own.")
    _say(f"{escape(name)} is removed.")


@import_app.command("exercism")
def import_exercism(
    path: Annotated[
        Path, typer.Argument(metavar="PATH", help="A checkout of an Exercism track, such as exercism/python")
    ],
    trac_env: TracEnv = None,
    author: Annotated[str, typer.Option(help="The Trac user who is named as the author")] = "learntrac",
) -> None:
    """Make tickets and wiki pages from a programming track, through Trac's own API. A second run changes nothing."""
    from learntrac.imports.exercism import read_track
    from learntrac.kit.clock import utc_now
    from learntrac.trac.author import write_course
    from learntrac.trac.trac16 import TracError

    settings = load_settings(trac_env)
    if settings.trac_env is None:
        raise EnvironmentProblem("Say which Trac: `--trac-env DIR` or LEARNTRAC_TRAC_ENV.")
    course = read_track(path)
    try:
        with progress_bar("Writing tickets and pages") as report:
            written = write_course(settings.trac_env, course, author=author, now=utc_now(), progress=report)
    except TracError as error:
        raise EnvironmentProblem(str(error).partition("\n")[0]) from error
    _show_import(course.notes, written)


def _show_import(notes: tuple[str, ...], written: Any) -> None:
    for note in notes:
        _say(f"[yellow]![/] {escape(note)}")
    _say(f"Tickets: {written.created} new, {written.updated} changed, {written.unchanged} as they were.")
    pages = f"{written.pages_created} new, {written.pages_updated} changed, {written.pages_unchanged} as they were"
    _say(f"Wiki pages: {pages}.")
    for kept in (*written.kept, *written.pages_kept):
        _say(f"[yellow]![/] {escape(str(kept))} was changed by hand since the last import and is left alone")


def _configure_logs(settings: Settings, *, quiet: bool = False) -> None:
    from learntrac.kit.logs import configure

    style = settings.log_format
    if style == "auto":
        style = "console" if sys.stderr.isatty() else "json"
    level = "WARNING" if quiet and "LEARNTRAC_LOG_LEVEL" not in os.environ else settings.log_level
    configure(style, level)
