"""`serve`, `worker` and `demo`: what runs."""

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from learntrac.cli.shared import Host, Port, TracEnv, configure_logs, importing, load_settings, out, progress_bar, say

commands = typer.Typer()


@commands.command()
def serve(
    trac_env: TracEnv = None,
    host: Host = "127.0.0.1",
    port: Port = 8001,
    workers: Annotated[int | None, typer.Option(min=1, max=64, help="Processes; else LEARNTRAC_WORKERS")] = None,
    inherited: Annotated[str | None, typer.Option(hidden=True, help="What a child gets of its parent")] = None,
) -> None:
    """Serve the API for an existing Trac. Ctrl-C or SIGTERM stops it cleanly; SIGHUP replaces many workers in turn."""
    with importing():
        from learntrac.serving import run, serve_forever, serve_inherited, serve_many

    settings = load_settings(trac_env)
    processes = workers or settings.workers
    configure_logs(settings)
    if inherited is not None:
        run(serve_inherited(settings, inherited))
    elif processes == 1:
        run(serve_forever(settings, host=host, port=port, progress_bar=progress_bar))
    else:
        # The same command, whatever way it was started.
        command = [sys.executable, *sys.orig_argv[1:]]
        run(serve_many(settings, command, processes=processes, host=host, port=port, progress_bar=progress_bar))


@commands.command()
def worker(
    trac_env: TracEnv = None,
    concurrency: Annotated[int, typer.Option(min=1, max=1000, help="How many jobs run at once")] = 4,
    drain: Annotated[bool, typer.Option("--drain", help="Run what is due, and end")] = False,  # noqa: FBT002 - Typer's way to declare a flag
    metrics_host: Annotated[str, typer.Option(help="Address of --metrics-port")] = "127.0.0.1",
    metrics_port: Annotated[int | None, typer.Option(min=0, max=65535, help="Answer Prometheus at this port")] = None,
) -> None:
    """Run jobs until Ctrl-C or SIGTERM; then what runs is finished. Any number of workers may run on PostgreSQL."""
    with importing():
        from learntrac.serving import listening, run
        from learntrac.worker import drain_once, work_until_told

    settings = load_settings(trac_env)
    configure_logs(settings)
    if not drain:
        watched = nullcontext() if metrics_port is None else listening(metrics_host, metrics_port)
        with watched as door:
            run(work_until_told(settings, concurrency=concurrency, progress_bar=progress_bar, metrics_at=door))
        return
    drained = run(drain_once(settings, concurrency=concurrency, progress_bar=progress_bar))
    say(f"Jobs: {drained.ran} done, {drained.retrying} to be tried again, {drained.failed} failed.")
    if drained.failed:
        sys.exit(1)


@commands.command()
def demo(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where the demo lives; made at the first start")],
    host: Host = "127.0.0.1",
    port: Port = 8001,
    serve: Annotated[bool, typer.Option("--serve/--no-serve", help="Only make the demo")] = True,  # noqa: FBT002 - Typer's way to declare a flag
) -> None:
    """Make a Trac with a sample course and some weeks of learners' history, and serve API and Trac in one process."""
    with importing():
        from learntrac.serving import serve_demo

    settings = load_settings()
    configure_logs(settings, quiet=True)
    serve_demo(folder, settings, host=host, port=port, serve=serve, console=out, progress_bar=progress_bar)
