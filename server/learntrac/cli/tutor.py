"""`tutor`: how well the tutor does on the bench."""

from typing import Annotated, Literal

import orjson
import typer
from rich.table import Table

from learntrac.cli.shared import TracEnv, configure_logs, load_settings, out, progress_bar, say

commands = typer.Typer()
tutor_app = typer.Typer(no_args_is_help=True, help="The tutor in text.")
commands.add_typer(tutor_app, name="tutor")

Which = Annotated[
    Literal["configured", "built-in", "leaky"],
    typer.Option(help="Which model: as configured, the built-in tutor, or a scripted one that gives everything away"),
]
Most = Annotated[int, typer.Option(min=1, max=10_000, help="Ask about so many concepts at most")]
AsJson = Annotated[bool, typer.Option("--json", help="Print all figures as JSON")]


@tutor_app.command("bench")
def tutor_bench(
    trac_env: TracEnv = None, model: Which = "configured", concepts: Most = 60, *, as_json: AsJson = False
) -> None:
    """Run the tutor's cases on this course: what it withholds, answers and rests on, and how long it takes.

    Nothing is stored. A configured model is really asked, which costs what it costs.
    """
    from learntrac.operations import bench_tutor
    from learntrac.serving import run

    settings = load_settings(trac_env)
    configure_logs(settings, quiet=True)
    with progress_bar("Asking the tutor") as report:
        found = run(bench_tutor(settings, model=model, most_concepts=concepts, on_progress=report))
    if as_json:
        say(orjson.dumps(found.document(), option=orjson.OPT_INDENT_2).decode())
        return
    table = Table("", "", show_header=False, box=None)
    for name, value in found.lines():
        table.add_row(name, value)
    out.print(table)
