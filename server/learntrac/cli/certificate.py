"""`certificate`: verifying credentials, and the key that signs them."""

from pathlib import Path
from typing import Annotated

import orjson
import typer

from learntrac.cli.shared import TracEnv, load_settings, say

commands = typer.Typer()
certificate_app = typer.Typer(no_args_is_help=True, help="Credentials, and the key that signs them.")
commands.add_typer(certificate_app, name="certificate")


@certificate_app.command("verify")
def certificate_verify(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The credential, as JSON")],
    issuer: Annotated[Path, typer.Option(help="The issuer's document, from /certificates/did.json")],
    status: Annotated[Path | None, typer.Option(help="Its list of revocations, from /certificates/status/1")] = None,
) -> None:
    """Say whether a credential is what its issuer signed, and not revoked. Asks nobody; exit code 1 where it is not."""
    from learntrac.certificates.credentials import is_revoked, verify

    badge, document = orjson.loads(file.read_bytes()), orjson.loads(issuer.read_bytes())
    verify(badge, document)
    if status is not None:
        listed = orjson.loads(status.read_bytes())
        verify(listed, document)
        if is_revoked(badge, listed):
            raise ValueError("it is revoked.")
    say(f"Valid: {badge['name']}, issued by {badge['issuer']['name']} on {badge['validFrom'][:10]}.")
    if status is None:
        say("Whether it is revoked was not looked at: give --status.")


@certificate_app.command("rotate-key")
def certificate_rotate_key(trac_env: TracEnv = None) -> None:
    """Sign with another key from now on. The old one stays published: what it signed stays verifiable."""
    from learntrac.operations import rotate_signing_key
    from learntrac.serving import run

    say(f"Key {run(rotate_signing_key(load_settings(trac_env)))} signs from now on.")
