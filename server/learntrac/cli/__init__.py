"""`learntrac`: everything an operator types. A file for each group of commands."""

import sys
from typing import Any

import orjson
import typer

from learntrac import __version__
from learntrac.cli import (
    analytics,
    certificate,
    exercises,
    graph,
    importing,
    mastery,
    sandbox,
    serving,
    setup,
    tutor,
    user,
)
from learntrac.cli.shared import give_up, out
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
for group in (serving, setup, user, importing, exercises, graph, mastery, analytics, certificate, sandbox, tutor):
    app.add_typer(group.commands)

_ONLY_WITH_TRAC = {"trac", "a2wsgi"}


def main() -> None:
    """The command itself: what goes wrong is said in one line, with exit code 1, or 2 where a file is malformed."""
    try:
        app()
    except (EnvironmentProblem, Unavailable, ValueError, OSError) as problem:
        give_up(str(problem), getattr(problem, "exit_code", 1))
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] not in _ONLY_WITH_TRAC:
            raise
        give_up("this command needs Trac itself: install learntrac[trac].")


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
