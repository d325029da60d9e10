"""`init`, `doctor` and `seed`: what is done before and beside serving."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from learntrac.cli.shared import TracEnv, configure_logs, importing, load_settings, progress_bar, say

commands = typer.Typer()


@commands.command()
def init(
    trac_env: Annotated[Path, typer.Argument(metavar="TRAC_ENV", help="The Trac environment")],
    yes: Annotated[bool, typer.Option("--yes", help="Do it, instead of showing what would be done")] = False,  # noqa: FBT002 - Typer's way to declare a flag
) -> None:
    """Show what LearnTrac reads in an existing Trac; with --yes, make LearnTrac's database and its mapping file."""
    with importing():
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
        say(f"{escape(name):<{width}}  {escape(value)}")
    if not plan.written:
        say("\nNothing was written. Run it again with [bold]--yes[/] to set LearnTrac up.")


@commands.command()
def doctor(
    trac_env: TracEnv = None,
    ai: Annotated[bool, typer.Option("--ai", help="Ask the language model something, and say what it cost")] = False,  # noqa: FBT002 - Typer's way to declare a flag
) -> None:
    """Say what of a Trac could not be read as it was meant, with ticket numbers. Writes nothing."""
    with importing():
        from learntrac.operations import diagnose
        from learntrac.serving import run

    settings = load_settings(trac_env)
    if ai:
        _try_model(settings)
        return
    with progress_bar("Reading Trac's tickets") as report:
        diagnosis = run(diagnose(settings, on_progress=report))
    for line in diagnosis.notes:
        say(escape(line))
    for line in diagnosis.warnings:
        say(f"[yellow]![/] {escape(line)}")
    for problem in diagnosis.problems:
        say(f"#{problem.ticket}: {escape(problem.message)}")
    found = len(diagnosis.warnings) + len(diagnosis.problems)
    say(f"{diagnosis.concepts} concepts read, {found or 'no'} problem{'' if found == 1 else 's'} found.")


def _try_model(settings: Any) -> None:
    from learntrac.operations import try_model
    from learntrac.serving import run

    configure_logs(settings, quiet=True)
    tried = run(try_model(settings))
    for name, value in tried.lines():
        say(f"{name:<10}  {escape(value)}")
    if tried.problem is not None:
        raise SystemExit(1)


@commands.command()
def seed(
    trac_env: Annotated[Path, typer.Option("--trac-env", help="The folder to make; nothing that is there is touched")],
    concepts: Annotated[int, typer.Option(min=0, help="How many tickets")] = 1000,
    learners: Annotated[int, typer.Option(min=0, help="How many learners")] = 100,
    events: Annotated[int, typer.Option(min=0, help="How many lines of their logs, over all learners")] = 10_000,
    seed: Annotated[int, typer.Option(help="Another number invents others")] = 1,
    sign_ins: Annotated[int, typer.Option(min=0, max=1000, help="How many learners get an account")] = 10,
    trac_database: Annotated[
        str, typer.Option(help="An empty PostgreSQL database, as Trac writes it: postgres://…?schema=trac")
    ] = "sqlite:db/trac.db",
    yes: Annotated[bool, typer.Option("--yes", help="Do it, instead of showing what would be done")] = False,  # noqa: FBT002 - Typer's way to declare a flag
) -> None:
    """Make a new Trac with invented concepts and learners, of any size, to try LearnTrac under load."""
    from learntrac.kit.clock import utc_now
    from learntrac.seeding import building
    from learntrac.seeding.order import Order, check, find_seeded

    settings = load_settings(trac_env)
    order = Order(concepts, learners, events, seed, sign_ins)
    check(order, settings)
    if not yes and find_seeded(trac_env, order) is None:
        say(f"{escape(str(trac_env))} would be made: {order.shown()}.")
        say("\nNothing was written. Run it again with [bold]--yes[/] to make it.")
        return
    made = building.seed(
        trac_env, order, settings=settings, database=trac_database, clock=utc_now, progress_bar=progress_bar
    )
    say(f"{escape(str(trac_env))} has {order.shown()}, up to {made.day}.")
    if sign_ins:
        say(f"Sign in as {escape(made.names())} with the password {escape(made.password)}")
