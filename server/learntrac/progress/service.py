"""The verbs of progress: where a learner stands, and the history of it."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import orjson
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from learntrac.concepts.viewing import Viewer
from learntrac.kit.clock import from_micros, to_micros
from learntrac.kit.errors import Detail, NotFound, ValidationFailed
from learntrac.mastery.service import STRONG_FROM, Profile, get_profile
from learntrac.progress import queries
from learntrac.progress.figures import (
    PACE_WEEKS,
    Event,
    Pace,
    Period,
    begins,
    difficulty_match,
    estimated_completion,
    history,
    pace,
    percentage,
)
from learntrac.progress.schemas import (
    Activity,
    History,
    HistoryEntry,
    HistoryQuery,
    HistoryTotals,
    MilestoneProgress,
    OverallProgress,
    Progress,
    ProgressQuery,
    Recommendation,
    Strength,
    Velocity,
)

RECENT_SHOWN, RECOMMENDED, DEFAULT_DAYS = 10, 5, 30
BEGINNERS_LEVEL = 1.0


class LearnerNotFound(NotFound):
    """404: nobody of that name learns here."""

    def __init__(self) -> None:
        super().__init__("There is no such learner.")


async def get_progress(
    session: AsyncSession, *, viewer: Viewer, user_id: str, query: ProgressQuery, now: datetime
) -> Progress:
    """Where `user_id` stands, in the concepts that `viewer` may know of."""
    since = begins(query.timeframe, now)
    totals = await _totals(session, viewer, query.milestone)
    standings = await _standings(session, viewer, user_id, query.milestone)
    recent_pace = pace(await _events(session, viewer, user_id, now - timedelta(weeks=PACE_WEEKS), now), now)
    profile = await get_profile(session, user_id=user_id)
    return Progress(
        user_id=user_id,
        overall_progress=_overall(totals, standings, since),
        milestones=_milestones(totals, standings, since, recent_pace, now.date()),
        recent_activity=await _recent(session, viewer, user_id, query.milestone, since),
        learning_velocity=Velocity(
            concepts_per_week=recent_pace.concepts_per_week,
            hours_per_week=recent_pace.hours_per_week,
            trend=recent_pace.trend,
        ),
        strengths=_strengths(standings),
        recommendations=await _recommendations(session, viewer, user_id, query.milestone, profile),
    )


async def get_history(
    session: AsyncSession, *, viewer: Viewer, user_id: str, query: HistoryQuery, now: datetime
) -> History:
    """What `user_id` did, by day, week or month. Raises ValidationFailed when the dates are the wrong way round."""
    first, last = _days(query, now.date())
    begin, end = datetime.combine(first, time.min, UTC), datetime.combine(last, time.max, UTC)
    events = await _events(session, viewer, user_id, begin, end)
    periods = history(events, query.granularity)
    whole = Period()
    for event in events:
        whole.add(event)
    return History(
        history=[_entry(day, period) for day, period in periods.items()],
        totals=HistoryTotals(
            concepts_completed=len(whole.completed),
            concepts_mastered=len(whole.mastered),
            total_time_spent=whole.seconds,
            average_mastery_score=await _mean_mastery(
                session, user_id, whole.started | whole.completed | whole.mastered
            ),
        ),
    )


def _days(query: HistoryQuery, today: date) -> tuple[date, date]:
    last = query.end_date or max(today, query.start_date or today)
    first = query.start_date or date.fromordinal(max(1, last.toordinal() - DEFAULT_DAYS + 1))
    if first > last:
        message = "must not be after end_date"
        raise ValidationFailed("Invalid request parameters", details=[Detail("start_date", message)])
    return first, last


def _entry(day: date, period: Period) -> HistoryEntry:
    return HistoryEntry(
        date=day,
        concepts_started=len(period.started),
        concepts_completed=len(period.completed),
        concepts_mastered=len(period.mastered),
        time_spent=period.seconds,
        exercises_completed=period.exercises,
        quiz_average=period.quiz_average(),
    )


async def _totals(session: AsyncSession, viewer: Viewer, milestone: str | None) -> Counter[str]:
    """{milestone: its concepts that the viewer may know of}; of one milestone only, where one is asked for."""
    if viewer.visibility.uniform:
        rows = await session.execute(queries.MILESTONES)
        counted = Counter({row.milestone: row.total for row in rows} if viewer.visibility.default else {})
    else:
        rows = await session.execute(queries.CONCEPTS)
        counted = Counter(row.milestone for row in rows if viewer.visibility.allows(row.id))
    return counted if milestone is None else Counter({name: n for name, n in counted.items() if name == milestone})


async def _standings(session: AsyncSession, viewer: Viewer, user_id: str, milestone: str | None) -> list[Row[Any]]:
    rows = await session.execute(queries.STANDINGS, {"user_id": user_id})
    return [
        row for row in rows if viewer.visibility.allows(row.id) and (milestone is None or row.milestone == milestone)
    ]


async def _events(session: AsyncSession, viewer: Viewer, user_id: str, since: datetime, until: datetime) -> list[Event]:
    """The learner's log from `since` to `until`, both included, of concepts that the viewer may know of."""
    values = {"user_id": user_id, "since": to_micros(since), "until": to_micros(until)}
    return [
        Event(row.concept_id, row.kind, from_micros(row.at), row.seconds, row.score, _source(row.data))
        for row in await session.execute(queries.EVENTS, values)
        if viewer.visibility.allows(row.concept_id)
    ]


def _source(data: str) -> str:
    return str(orjson.loads(data).get("source", "")) if data != "{}" else ""


def _within(at: int | None, since: datetime | None) -> bool:
    return at is not None and (since is None or at >= to_micros(since))


def _overall(totals: Counter[str], standings: Iterable[Row[Any]], since: datetime | None) -> OverallProgress:
    rows, total = list(standings), totals.total()
    completed = sum(1 for row in rows if _within(row.completed_at, since))
    mastered = sum(1 for row in rows if _within(row.mastered_at, since))
    open_ = [row for row in rows if row.completed_at is None and row.status != "mastered"]
    return OverallProgress(
        total_concepts=total,
        completed_concepts=completed,
        mastered_concepts=mastered,
        in_progress_concepts=sum(1 for row in open_ if _within(row.updated_at, since)),
        completion_percentage=percentage(completed, total),
        mastery_percentage=percentage(mastered, total),
    )


def _milestones(
    totals: Counter[str], standings: Iterable[Row[Any]], since: datetime | None, recent: Pace, today: date
) -> list[MilestoneProgress]:
    done: Counter[str] = Counter()
    ever: Counter[str] = Counter()
    for row in standings:
        ever[row.milestone] += row.completed_at is not None
        done[row.milestone] += _within(row.completed_at, since)
    return [
        MilestoneProgress(
            name=name,
            total_concepts=total,
            completed=done[name],
            progress_percentage=percentage(done[name], total),
            estimated_completion=estimated_completion(total - ever[name], recent.concepts_per_week, today),
        )
        for name, total in sorted(totals.items())
        if name
    ]


async def _recent(
    session: AsyncSession, viewer: Viewer, user_id: str, milestone: str | None, since: datetime | None
) -> list[Activity]:
    values = {"user_id": user_id, "milestone": milestone, "since": to_micros(since) if since else 0}
    rows = [row for row in await session.execute(queries.RECENT, values) if viewer.visibility.allows(row.concept_id)]
    return [
        Activity(
            concept_id=row.concept_id,
            title=row.title,
            action=row.kind,
            timestamp=from_micros(row.at),
            time_spent=row.seconds,
        )
        for row in rows[:RECENT_SHOWN]
    ]


def _strengths(standings: Iterable[Row[Any]]) -> list[Strength]:
    """Components by mean mastery of the concepts begun there, best first, from 0.7 up."""
    areas: defaultdict[str, list[Row[Any]]] = defaultdict(list)
    for row in standings:
        if row.component:
            areas[row.component].append(row)
    means = {area: sum(row.mastery_score for row in rows) / len(rows) for area, rows in areas.items()}
    return [
        Strength(
            area=area,
            mastery_level=round(means[area], 4),
            concepts_mastered=sum(1 for row in areas[area] if row.status == "mastered"),
        )
        for area in sorted(areas, key=lambda area: (-means[area], area))
        if means[area] >= STRONG_FROM
    ]


async def _recommendations(
    session: AsyncSession, viewer: Viewer, user_id: str, milestone: str | None, profile: Profile
) -> list[Recommendation]:
    level = profile.mean_difficulty or BEGINNERS_LEVEL
    rows = await session.execute(queries.READY, {"user_id": user_id, "milestone": milestone, "level": level})
    return [
        Recommendation(
            concept_id=row.id,
            title=row.title,
            reason=_reason(row),
            difficulty_match=difficulty_match(row.difficulty, level),
        )
        for row in [row for row in rows if viewer.visibility.allows(row.id)][:RECOMMENDED]
    ]


def _reason(row: Row[Any]) -> str:
    if row.status != "new":
        return "You have begun it and not finished it yet"
    return "You have finished all it builds on" if row.needs else "It builds on nothing else: a place to begin"


async def _mean_mastery(session: AsyncSession, user_id: str, concept_ids: set[int]) -> float:
    rows = await session.execute(queries.MASTERY_OF, {"user_id": user_id})
    scores = [row.mastery_score for row in rows if row.concept_id in concept_ids]
    return round(sum(scores) / len(scores), 4) if scores else 0.0
