"""`import`: a course brought into a Trac."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from learntrac.cli.exercises import push_all, show_pushed
from learntrac.cli.shared import TracEnv, load_settings, progress_bar, say
from learntrac.trac.environment import EnvironmentProblem

commands = typer.Typer()
import_app = typer.Typer(no_args_is_help=True, help="Bring a course into a Trac.")
commands.add_typer(import_app, name="import")


@import_app.command("exercism")
def import_exercism(
    path: Annotated[
        Path, typer.Argument(metavar="PATH", help="A checkout of an Exercism track, such as exercism/python")
    ],
    trac_env: TracEnv = None,
    author: Annotated[str, typer.Option(help="The Trac user who is named as the author")] = "learntrac",
    exercises: Annotated[bool, typer.Option(help="Bring the exercises too, each proved in the sandbox")] = True,  # noqa: FBT002 - Typer's way to declare a flag
) -> None:
    """Make tickets, wiki pages and exercises from a programming track. A second run changes nothing."""
    from learntrac.imports.exercism import read_track
    from learntrac.imports.practice import read_practice
    from learntrac.kit.clock import utc_now
    from learntrac.trac.author import write_course
    from learntrac.trac.trac16 import TracError

    settings = load_settings(trac_env)
    if settings.trac_env is None:
        raise EnvironmentProblem("Say which Trac: `--trac-env DIR` or LEARNTRAC_TRAC_ENV.")
    course = read_track(path)
    practice = read_practice(path) if exercises else None
    try:
        with progress_bar("Writing tickets and pages") as report:
            written = write_course(settings.trac_env, course, author=author, now=utc_now(), progress=report)
    except TracError as error:
        raise EnvironmentProblem(str(error).partition("\n")[0]) from error
    _show_import(course.notes, written)
    if practice is not None:
        _import_exercises(settings, practice, written.ticket_ids, author)


def _import_exercises(settings: Any, practice: Any, concepts: Any, author: str) -> None:
    from learntrac.exercises.definition import check_definition
    from learntrac.exercises.files import in_one_line
    from learntrac.serving import run

    definitions, broken = [], []
    for values in practice.definitions:
        try:
            definitions.append(check_definition(values | {"concept": concepts[values["concept"]]}))
        except ValueError as error:
            broken.append((values["id"], in_one_line(error)))
    with progress_bar("Proving exercises") as report:
        pushed = run(push_all(settings, definitions, author, keep=True, report=report))
    pushed.refused += broken
    for note in practice.notes:
        say(f"[yellow]![/] {escape(note)}")
    show_pushed(pushed)


def _show_import(notes: tuple[str, ...], written: Any) -> None:
    for note in notes:
        say(f"[yellow]![/] {escape(note)}")
    say(f"Tickets: {written.created} new, {written.updated} changed, {written.unchanged} as they were.")
    pages = f"{written.pages_created} new, {written.pages_updated} changed, {written.pages_unchanged} as they were"
    say(f"Wiki pages: {pages}.")
    for kept in (*written.kept, *written.pages_kept):
        say(f"[yellow]![/] {escape(str(kept))} was changed by hand since the last import and is left alone")
