"""The three reports: which key figures, charts and tables each has."""

import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from learntrac.activity.days import Figures, date_of, day_number, ratio
from learntrac.activity.trouble import away_days
from learntrac.analytics import queries
from learntrac.analytics.gathering import (
    Gathered,
    OfLearner,
    Scope,
    Spool,
    Tell,
    bars_by_time,
    gather,
)
from learntrac.analytics.issues import read_common_issues
from learntrac.analytics.report import Cell, Chart, Column, Head, KeyFigure, Row, Summary, Table
from learntrac.concepts.viewing import Viewer
from learntrac.kit.clock import to_micros
from learntrac.kit.db import Database

TITLES = {
    "learner_progress": "Learner progress",
    "concept_analytics": "Concept analytics",
    "milestone_summary": "Milestone summary",
}
BARS = 10
MOST_NAMED = 5
"""Milestones that the head of a report names."""
MOST_ADVICE = 50
"""Concepts that are recommended to be looked at."""


@dataclass
class Part:
    """A table and its rows."""

    table: Table
    rows: Spool


@dataclass
class Report:
    """Everything that a writer writes."""

    head: Head
    summary: Summary
    details: Part
    advice: Part


@dataclass(frozen=True)
class Wanted:
    """Which report, of what, for whose eyes."""

    report_type: str
    scope: Scope
    viewer: Viewer
    milestone_dates: Mapping[str, datetime]
    now: datetime


async def compose(database: Database, wanted: Wanted, tell: Tell, *, held: ExitStack) -> Report:
    """Gather the report, whose rows are there until `held` is left. `tell` is told how far it is."""
    spools = [Spool(held.enter_context(tempfile.TemporaryFile())) for _ in range(2)]  # noqa: SIM115 - `held` does

    async def on_learners(batch: list[OfLearner], gathered: Gathered) -> None:
        if wanted.report_type == "learner_progress":
            details, advice = await _learner_rows(database, batch, gathered, wanted.now)
            spools[0].add(details)
            spools[1].add(advice)

    gathered = await gather(database, scope=wanted.scope, viewer=wanted.viewer, tell=tell, on_learners=on_learners)
    if wanted.report_type == "concept_analytics":
        spools[0].add(_concept_rows(gathered))
        spools[1].add(await _concept_advice(database, gathered))
    elif wanted.report_type == "milestone_summary":
        spools[0].add(_milestone_rows(gathered, wanted.milestone_dates))
        spools[1].add(_milestone_advice(gathered, wanted))
    details, advice = _TABLES[wanted.report_type]
    summary = Summary(_figures(gathered), _CHARTS[wanted.report_type](gathered))
    return Report(head_of(gathered, wanted), summary, Part(details, spools[0]), Part(advice, spools[1]))


def head_of(gathered: Gathered, wanted: Wanted) -> Head:
    """Of which days, of whom, of which milestones, and when it was made."""
    scope = wanted.scope
    first, last = date_of(scope.first), date_of(scope.last)
    if scope.first == 0:
        period = f"Everything until {last.day} {last:%B %Y}"
    else:
        period = f"{first.day} {first:%B %Y} to {last.day} {last:%B %Y}"
    made = f"Made by LearnTrac on {wanted.now.day} {wanted.now:%B %Y, %H:%M} UTC"
    whom = f"{counted(gathered.learners, 'learner')}, {_where(scope.milestones)}"
    return Head(TITLES[wanted.report_type], f"{period} (UTC)", whom, made)


def counted(count: int, thing: str) -> str:
    """A count with its word, in the plural where it needs one."""
    return f"{count:,} {thing}" if count == 1 else f"{count:,} {thing}s"


def _where(milestones: Sequence[str] | None) -> str:
    if milestones is None:
        return "all milestones"
    named = ", ".join(milestones[:MOST_NAMED])
    left = len(milestones) - MOST_NAMED
    return f"{named} and {counted(left, 'other milestone')}" if left > 0 else named


def _figures(gathered: Gathered) -> tuple[KeyFigure, ...]:
    whole = gathered.whole
    return (
        KeyFigure("Active learners", gathered.active, "whole", f"of {gathered.learners:,}; did anything in these days"),
        KeyFigure("Concepts completed", whole.completed_last, "whole", "each learner and concept once"),
        KeyFigure("Average mastery", whole.average_mastery, "percent", "score after the last answer in these days"),
        KeyFigure("Learning hours", whole.hours, "decimal", "time of sessions that ended"),
        KeyFigure("Completion rate", whole.completion_rate, "percent", "sessions completed of those begun"),
        KeyFigure("Failure rate", whole.failure_rate, "percent", "graded answers below the concept's threshold"),
    )


def _completions(gathered: Gathered) -> Chart:
    scope = gathered.scope
    first = scope.first or gathered.first_active or scope.last
    words, bars = bars_by_time(gathered.completed_by_day, first, scope.last)
    return Chart(f"Sessions completed {words}", "whole", bars)


def _learner_charts(gathered: Gathered) -> tuple[Chart, ...]:
    return (_completions(gathered), _milestone_chart(gathered))


def _concept_charts(gathered: Gathered) -> tuple[Chart, ...]:
    best = sorted(gathered.by_concept.items(), key=lambda one: (-one[1].completed_last, one[0]))[:BARS]
    top = [(gathered.concepts[number].title, float(figures.completed_last)) for number, figures in best]
    failing = [(concept.title, figures.failure_rate) for concept, figures in gathered.struggling()[:BARS]]
    return (
        Chart("Completed by most learners", "whole", tuple(one for one in top if one[1])),
        Chart("Highest failure rates", "percent", tuple(failing)),
    )


def _milestone_chart(gathered: Gathered) -> Chart:
    names = [name for name in gathered.sizes if name]
    bars = tuple((name, _mean_progress(gathered, name)) for name in sorted(names))
    return Chart("Mean progress in each milestone", "percent", bars)


def _milestone_charts(gathered: Gathered) -> tuple[Chart, ...]:
    return (_milestone_chart(gathered), _completions(gathered))


def _mean_progress(gathered: Gathered, milestone: str) -> float:
    found = gathered.by_milestone[milestone]
    return ratio(found.completed, found.learners * gathered.sizes[milestone])


_CHARTS: dict[str, Callable[[Gathered], tuple[Chart, ...]]] = {
    "learner_progress": _learner_charts,
    "concept_analytics": _concept_charts,
    "milestone_summary": _milestone_charts,
}


def _table(name: str, title: str, *columns: Column) -> Table:
    return Table(name, title, columns)


_TABLES = {
    "learner_progress": (
        _table(
            "Learners",
            "Learners in detail",
            Column("User", width=16),
            Column("Name", width=22),
            Column("Last active", "date"),
            Column("Active days", "whole", 10),
            Column("Hours", "decimal", 9),
            Column("Begun", "whole", 8),
            Column("Completed", "whole", 11),
            Column("Mastered", "whole", 10),
            Column("Answers", "whole", 10),
            Column("Failure rate", "percent"),
            Column("Quiz average", "percent", 13),
            Column("Mean mastery", "percent", 13),
        ),
        _table(
            "Recommendations",
            "Who may need attention",
            Column("User", width=16),
            Column("Name", width=22),
            Column("What", width=70),
            Column("Last active", "date"),
        ),
    ),
    "concept_analytics": (
        _table(
            "Concepts",
            "Concepts in detail",
            Column("Ticket", "whole", 8),
            Column("Title", width=40),
            Column("Milestone", width=18),
            Column("Difficulty", "decimal", 10),
            Column("Tried by", "whole", 9),
            Column("Completed by", "whole", 13),
            Column("Mean minutes", "decimal", 13),
            Column("Answers", "whole", 9),
            Column("Failure rate", "percent"),
            Column("Answers each", "decimal", 13),
            Column("Mean mastery", "percent", 13),
        ),
        _table(
            "Recommendations",
            "Concepts to look at",
            Column("Ticket", "whole", 8),
            Column("Title", width=40),
            Column("What", width=70),
        ),
    ),
    "milestone_summary": (
        _table(
            "Milestones",
            "Milestones in detail",
            Column("Milestone", width=28),
            Column("Due", "date"),
            Column("Concepts", "whole", 10),
            Column("Learners", "whole", 10),
            Column("Mean progress", "percent", 14),
            Column("Finished by", "whole", 12),
            Column("Completed", "whole", 11),
            Column("Hours", "decimal", 9),
            Column("Failure rate", "percent"),
            Column("Mean mastery", "percent", 13),
        ),
        _table("Recommendations", "What to look at", Column("Milestone", width=28), Column("What", width=80)),
    ),
}


async def _learner_rows(
    database: Database, batch: Sequence[OfLearner], gathered: Gathered, now: datetime
) -> tuple[list[Row], list[Row]]:
    users = [one.user_id for one in batch]
    async with database.read() as session:
        names = {row.user_id: row.full_name for row in await session.execute(queries.NAMES, {"users": users})}
        trouble = {row[0]: row for row in await session.execute(queries.TROUBLE, {"users": users})}
        values = {"users": users, "now": to_micros(now)}
        fading = (await session.execute(queries.DUE, values)).all()
    due = Counter(row.user_id for row in fading if row.concept_id in gathered.concepts)
    details: list[Row] = []
    advice: list[Row] = []
    for one in batch:
        who: tuple[Cell, Cell] = one.user_id, names.get(one.user_id, "")
        last = None if one.last_day is None else date_of(one.last_day)
        details.append((*who, last, one.active, one.figures.hours, *_learner_figures(one.figures)))
        words = _attention(trouble.get(one.user_id), due[one.user_id], gathered, now)
        if words:
            advice.append((*who, "; ".join(words), last))
    return details, advice


def _learner_figures(figures: Figures) -> tuple[Cell, ...]:
    return (
        figures.begun,
        figures.completed_last,
        figures.mastered,
        figures.answers,
        figures.failure_rate if figures.answers else None,
        figures.quiz_average if figures.quizzes else None,
        figures.average_mastery if figures.tried_last else None,
    )


def _attention(row: Sequence[Any] | None, due: int, gathered: Gathered, now: datetime) -> list[str]:
    """What an instructor should know of a learner now, in words."""
    if row is None:
        return ["has not begun"]
    failing = [(concept_id, failures) for concept_id, failures, _ in orjson.loads(row[3])]
    said = [
        f"the last {failures} answers to {gathered.concepts[concept_id].title} failed"
        for concept_id, failures in failing
        if concept_id in gathered.concepts
    ]
    away, open_concepts = away_days(row[1], row[2], day_number(now)), row[2]
    if away is not None:
        said.append(f"nothing for {away} days, {open_concepts} begun and not completed")
    if due:
        said.append(f"{due} mastered {'concept is' if due == 1 else 'concepts are'} due for review")
    return said


def _concept_rows(gathered: Gathered) -> list[Row]:
    rows: list[Row] = []
    for number, figures in sorted(gathered.by_concept.items()):
        concept = gathered.concepts[number]
        rows.append(
            (
                *(number, concept.title, concept.milestone, concept.difficulty),
                *(figures.tried_last, figures.completed_last),
                figures.average_seconds / 60 if figures.completed else None,
                figures.answers,
                figures.failure_rate if figures.answers else None,
                figures.average_attempts if figures.tried_last else None,
                figures.average_mastery if figures.tried_last else None,
            )
        )
    return rows


async def _concept_advice(database: Database, gathered: Gathered) -> list[Row]:
    struggling, scope = gathered.struggling()[:MOST_ADVICE], gathered.scope
    numbers = [concept.id for concept, _ in struggling]
    issues = await read_common_issues(database.hot, numbers, first=scope.first, last=scope.last)
    return [
        (
            concept.id,
            concept.title,
            f"{100 * figures.failure_rate:.0f} % of {figures.answers} graded answers failed"
            + (f"; most often: {', '.join(issues[concept.id])}" if issues[concept.id] else ""),
        )
        for concept, figures in struggling
    ]


def _of_milestone(gathered: Gathered, name: str) -> Figures:
    sums = Figures()
    for number, figures in gathered.by_concept.items():
        if gathered.concepts[number].milestone == name:
            sums.add(figures)
    return sums


def _milestone_rows(gathered: Gathered, dates: Mapping[str, datetime]) -> list[Row]:
    rows: list[Row] = []
    for name, size in sorted(gathered.sizes.items()):
        if not name:
            continue
        found, figures = gathered.by_milestone[name], _of_milestone(gathered, name)
        due = dates.get(name)
        rows.append(
            (
                *(name, due.date() if due else None, size, found.learners, _mean_progress(gathered, name)),
                *(found.finished, figures.completed_last, figures.hours),
                figures.failure_rate if figures.answers else None,
                figures.average_mastery if figures.tried_last else None,
            )
        )
    return rows


NEARLY_DUE_DAYS = 14
MOSTLY_DONE = 0.8


def _milestone_advice(gathered: Gathered, wanted: Wanted) -> list[Row]:
    rows: list[Row] = []
    for name in sorted(gathered.sizes):
        found, due = gathered.by_milestone[name], wanted.milestone_dates.get(name)
        if not name:
            continue
        days, progress = (due.date() - wanted.now.date()).days if due else None, _mean_progress(gathered, name)
        if found.learners == 0:
            rows.append((name, "nobody has begun it"))
        elif days is not None and days <= NEARLY_DUE_DAYS and progress < MOSTLY_DONE:
            rows.append((name, f"{due_in(days)}, and learners are {100 * progress:.0f} % through on average"))
    return rows


def due_in(days: int) -> str:
    """When a milestone is or was due, so many days from today."""
    if days == 0:
        return "is due today"
    return f"was due {counted(-days, 'day')} ago" if days < 0 else f"is due in {counted(days, 'day')}"
