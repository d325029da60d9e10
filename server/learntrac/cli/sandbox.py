"""`sandbox`: the interpreters that submissions run in, and whether they keep what runs in them in."""

import typer
from rich.markup import escape

from learntrac.cli.shared import give_up, load_settings, progress_bar, say

commands = typer.Typer()
sandbox_app = typer.Typer(no_args_is_help=True, help="Build what submissions run in, and look at it.")
commands.add_typer(sandbox_app, name="sandbox")


@sandbox_app.command()
def build() -> None:
    """Build the interpreters that are not there yet; a server does so by itself, behind its other work."""
    from learntrac.backends.sandbox import building
    from learntrac.backends.sandbox.tiers import build_aside
    from learntrac.backends.sandbox.toolchain import NO_TOOLCHAIN
    from learntrac.serving import run

    folder = load_settings().sandbox_folder or building.default_folder()
    with progress_bar("Building the sandbox") as report:
        steps = len(building.STEPS)
        for language in ("python", "javascript", "go"):
            try:
                code = run(build_aside(folder, language, lambda step: report(building.STEPS.index(step), steps)))
                say(escape(str(code)))
            except building.CannotBuild as problem:
                if not str(problem).endswith(NO_TOOLCHAIN):
                    give_up(str(problem))
                say(f"Go is left out: {NO_TOOLCHAIN}.")
        report(steps, steps)


@sandbox_app.command()
def check() -> None:
    """Try a few attacks on every tier of this machine, and say which can be used; exit code 1 where Python cannot."""
    from learntrac.operations import check_sandbox
    from learntrac.serving import run
    from learntrac.status.service import describe_tier

    tiers = run(check_sandbox(load_settings()))
    for tier in tiers:
        say(escape(describe_tier(tier)))
    if not any(tier.language == "python" and tier.refused is None for tier in tiers):
        give_up("no submission can be graded here.")
