"""`analytics`: the rollups that figures are read from."""

import typer

from learntrac.cli.shared import TracEnv, load_settings, progress_bar, say

commands = typer.Typer()
analytics_app = typer.Typer(no_args_is_help=True, help="The rollups that dashboards and reports are read from.")
commands.add_typer(analytics_app, name="analytics")


@analytics_app.command("rebuild")
def analytics_rebuild(trac_env: TracEnv = None) -> None:
    """Make the rollups anew from the log of events, answers and sessions. Servers go on meanwhile."""
    from learntrac.operations import rebuild_analytics
    from learntrac.serving import run

    with progress_bar("Adding up what learners did") as report:
        learners = run(rebuild_analytics(load_settings(trac_env), on_progress=report))
    say(f"The days of {learners} learners are added up anew.")
