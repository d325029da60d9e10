"""`user` and `audit`: accounts, and what is held about people."""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from pydantic import ValidationError
from rich.markup import escape

from learntrac.cli.shared import FromStdin, TracEnv, err, load_settings, progress_bar, say

commands = typer.Typer()
user_app = typer.Typer(no_args_is_help=True, help="Accounts of LearnTrac's own, beside Trac's.")
commands.add_typer(user_app, name="user")


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
    say(f"{escape(name)} may sign in as {role}.")


@user_app.command("remove")
def user_remove(name: Annotated[str, typer.Argument(help="The user's name")], trac_env: TracEnv = None) -> None:
    """Remove an account of LearnTrac's own and end its sign-ins. What the learner did is kept."""
    from learntrac.operations import remove_user
    from learntrac.serving import run

    if not run(remove_user(load_settings(trac_env), name=name)):
        raise ValueError(f"LearnTrac has no account {name} of its own.")
    say(f"{escape(name)} is removed.")


@user_app.command("export")
def user_export(
    name: Annotated[str, typer.Argument(help="The user's name")],
    file: Annotated[Path | None, typer.Option("--out", help="A new file; else standard output")] = None,
    trac_env: TracEnv = None,
) -> None:
    """Write everything LearnTrac holds about one user as a JSON document, without secrets and without others."""
    from learntrac.operations import export_user
    from learntrac.serving import run

    settings = load_settings(trac_env)
    with _export_file(file) as target, progress_bar(f"Reading what is held about {escape(name)}") as report:
        rows = run(export_user(settings, name=name, write=target.write, on_progress=report))
    if file is not None:
        say(f"{rows} rows about {escape(name)} are in {escape(str(file))}.", err)


@contextlib.contextmanager
def _export_file(file: Path | None) -> Iterator[Any]:
    """A file that only its owner reads, whole or not there at all; or standard output."""
    if file is None:
        yield sys.stdout.buffer
        return
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as target:
        try:
            yield target
        except BaseException:
            file.unlink()
            raise


@user_app.command("erase")
def user_erase(
    name: Annotated[str, typer.Argument(help="The user's name")],
    yes: Annotated[bool, typer.Option("--yes", help="Do it, instead of showing what would be erased")] = False,  # noqa: FBT002 - Typer's way to declare a flag
    trac_env: TracEnv = None,
) -> None:
    """Show how much LearnTrac holds about one user; with --yes, erase it and end the user's sign-ins. For good."""
    from learntrac.operations import erase_user
    from learntrac.serving import run

    counts = run(erase_user(load_settings(trac_env), name=name, write=yes))
    width = max(map(len, counts))
    for section, rows in counts.items():
        say(f"{section:<{width}}  {rows}")
    say(f"\n{escape(_what_trac_keeps(name))}")
    if not yes:
        say("\nNothing was erased. Run it again with [bold]--yes[/] to erase it for good.")


def _what_trac_keeps(name: str) -> str:
    return (
        f"Trac's own data about {name} is not touched: LearnTrac never writes there. In Trac, remove the account first"
        f" (`htpasswd -D FILE {name}`, or AccountManager's page): as long as it is there, {name} can sign in and begin"
        f" anew. Then `trac-admin TRAC_ENV session delete {name}` forgets full name and e-mail address, and"
        f" `trac-admin TRAC_ENV permission remove {name} '*'` the rights. Tickets, comments and pages keep the name of"
        " whoever wrote them."
    )


@commands.command()
def audit(
    user: Annotated[str | None, typer.Option(help="Only what this user did, or what was about them")] = None,
    since: Annotated[
        str | None, typer.Option(help="From this time on, such as 2026-01-15 or 2026-01-15T10:00Z")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=100, help="How many entries")] = 20,
    trac_env: TracEnv = None,
) -> None:
    """Show who signed in, and who saw or changed whose data, newest first."""
    from learntrac.audit.schemas import AuditQuery
    from learntrac.operations import list_audit
    from learntrac.serving import run

    try:
        query = AuditQuery.model_validate({"person": user, "since": since, "limit": limit})
    except ValidationError as error:
        first = error.errors()[0]
        option = "--since" if first["loc"] == ("since",) else "--user"
        raise ValueError(f"{option}: {first['msg'].removeprefix('Value error, ')}.") from None
    found = run(list_audit(load_settings(trac_env), query=query))
    for entry in found.entries:
        say(escape(_audit_line(entry)))
    say(f"{len(found.entries)} of {found.total} entries.", err)


def _audit_line(entry: Any) -> str:
    from learntrac.kit.clock import iso

    details = orjson.dumps(entry.details).decode() if entry.details else ""
    parts = (iso(entry.at), entry.actor, entry.action, entry.subject or "-", entry.address, details)
    return "  ".join(part for part in parts if part)
