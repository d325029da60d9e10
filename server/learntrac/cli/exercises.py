"""`exercises`: written in plain files, brought here and taken back."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from learntrac.cli.shared import TracEnv, load_settings, progress_bar, say

commands = typer.Typer()
exercises_app = typer.Typer(no_args_is_help=True, help="Exercises as plain files.")
commands.add_typer(exercises_app, name="exercises")

Folder = Annotated[
    Path, typer.Argument(metavar="DIR", help="A folder with a folder for each exercise, or one of these")
]


@exercises_app.command("push")
def push_exercises(
    folder: Folder,
    trac_env: TracEnv = None,
    author: Annotated[str, typer.Option(help="Who is named as the author")] = "learntrac",
    check: Annotated[bool, typer.Option("--check", help="Prove them, and keep nothing")] = False,  # noqa: FBT002 - Typer's way to declare a flag
) -> None:
    """Add exercises, or give them new versions. One whose solution fails or whose starter passes is refused."""
    from learntrac.exercises.files import list_folders, read_folder
    from learntrac.serving import run

    definitions, broken = [], []
    for one in list_folders(folder):
        try:
            definitions.append(read_folder(one))
        except ValueError as error:
            broken.append((one.name, str(error)))
    with progress_bar("Proving exercises") as report:
        pushed = run(push_all(load_settings(trac_env), definitions, author, keep=not check, report=report))
    pushed.refused += broken
    show_pushed(pushed)
    if pushed.refused:
        raise typer.Exit(1)


def show_pushed(pushed: Any) -> None:
    """What became of them, in a line, and a line for each that was refused."""
    for exercise_id, why in sorted(pushed.refused):
        say(f"[yellow]![/] {escape(exercise_id)}: {escape(why)}")
    say(
        f"Exercises: {len(pushed.new)} new, {len(pushed.changed)} changed, {len(pushed.unchanged)} as they were,"
        f" {len(pushed.refused)} refused."
    )


async def push_all(settings: Any, definitions: Any, author: str, *, keep: bool, report: Any) -> Any:
    """Bring these exercises into the database of these settings; without `keep`, only prove them."""
    from learntrac.exercises.attempts import Grader
    from learntrac.exercises.pushing import check, push
    from learntrac.main import opened

    async with opened(settings, keep_up=False) as parts:
        await parts.sync.try_step()  # tickets that were just written are concepts once they are read
        grader = Grader(parts.database, parts.sandbox, parts.model, parts.clock)
        work = push if keep else check
        return await work(grader, definitions, author=author, on_progress=report)


@exercises_app.command("pull")
def pull_exercises(folder: Folder, trac_env: TracEnv = None) -> None:
    """Write every exercise that is offered into its folder. A file that says the same already is left alone."""
    from learntrac.exercises.files import write_folder
    from learntrac.serving import run

    found = run(_offered(load_settings(trac_env)))
    written = sum(write_folder(folder / one.id, one.definition) for one in found)
    say(f"Exercises: {written} written, {len(found) - written} as they were.")


async def _offered(settings: Any) -> Any:
    from learntrac.exercises.service import list_offered
    from learntrac.main import opened

    async with opened(settings, keep_up=False) as parts, parts.database.read() as session:
        return await list_offered(session)
