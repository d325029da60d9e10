"""`mastery`: the learner model judged, and fitted."""

import sys
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.markup import escape

from learntrac.cli.shared import TracEnv, load_settings, say, staged_progress_bar
from learntrac.config import Settings

commands = typer.Typer()
mastery_app = typer.Typer(no_args_is_help=True, help="Judge the learner model, and fit it to a log of answers.")
commands.add_typer(mastery_app, name="mastery")


LogFile = Annotated[Path | None, typer.Option("--train", help="A log of answers to learn from: CSV, or CSV.gz")]
Seed = Annotated[int, typer.Option(help="Decides which learners are looked at together; the same gives the same")]


@mastery_app.command("evaluate")
def mastery_evaluate(
    test: Annotated[Path, typer.Option(help="The log of answers to predict: CSV, or CSV.gz")],
    predictions: Annotated[Path, typer.Option("--out", help="Where the predictions go, `row,p` lines")],
    train: LogFile = None,
    model: Annotated[Path | None, typer.Option(help="A parameter file, in place of --train")] = None,
    seed: Seed = 0,
    stats: Annotated[Path | None, typer.Option(help="Where the figures go; else to standard error")] = None,
) -> None:
    """Predict each answer of a log from the same learner's earlier ones. Without --train or --model: cold start."""
    from learntrac.mastery.evaluation import evaluate

    with staged_progress_bar() as report:
        made = evaluate(test=test, out=predictions, train=train, model=model, seed=seed, stats=stats, progress=report)
    if stats is None:
        sys.stderr.write(made.to_json())


@mastery_app.command("fit")
def mastery_fit(
    train: LogFile = None,
    model: Annotated[Path | None, typer.Option("--out", help="Where the parameters learned from --train go")] = None,
    seed: Seed = 0,
    trac_env: TracEnv = None,
) -> None:
    """Learn the model's parameters from a log, or, without --train, from this installation's own evidence."""
    from learntrac.mastery.evaluation import fit

    if train is None and model is None:
        _fit_own_log(load_settings(trac_env))
        return
    if train is None or model is None:
        raise ValueError("--train and --out belong together; without both, the installation's own log is fitted.")
    with staged_progress_bar() as report:
        made = fit(train=train, out=model, seed=seed, progress=report)
    sys.stderr.write(orjson.dumps(vars(made), option=orjson.OPT_INDENT_2).decode() + "\n")


def _fit_own_log(settings: Settings) -> None:
    from learntrac.mastery.own_log import LEAST_ANSWERS, LEAST_LEARNERS
    from learntrac.operations import refit_model
    from learntrac.serving import run

    with staged_progress_bar() as report:
        file, made = run(refit_model(settings, on_progress=report))
    say(f"{made.answers} answers of {made.learners} learners.")
    if made.before is None or made.after is None:
        say(f"Too few to learn from: it takes {LEAST_ANSWERS} answers of {LEAST_LEARNERS} learners.")
        return
    say("On learners that were held out, before and after:")
    for label, name in (("AUC", "auc"), ("ECE", "ece"), ("log loss", "log_loss")):
        values = (getattr(figures, name) for figures in (made.before, made.after))
        before, after = ("-" if value is None else f"{value:.4f}" for value in values)
        say(f"  {label:<8}  {before:>7}  {after:>7}")
    if made.written:
        say(f"{escape(str(file))} is written, and the scores of {made.replayed} learners are made anew.")
    else:
        say("That is worse: the parameters stay as they are.")
