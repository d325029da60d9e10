"""The verbs of progress: where a learner stands, and the history of it."""

from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime

import orjson

from learntrac.activity.days import Figures, LearnerDay, day_number
from learntrac.activity.service import read_days
from learntrac.concepts.viewing import Viewer
from learntrac.kit.clock import from_micros, to_micros
from learntrac.kit.errors import Detail, ValidationFailed
from learntrac.kit.readers import HotReader, WideReader
from learntrac.mastery.standings import STRONG_FROM, Begun, areas_of
from learntrac.progress import queries
from learntrac.progress.figures import (
    PACE_DAYS,
    Pace,
    Period,
    begins,
    difficulty_match,
    estimated_completion,
    history,
    pace,
    percentage,
)
from learntrac.progress.recommending import Asked, explain, read_ranking
from learntrac.progress.record import LearnerRecord, get_record
from learntrac.progress.schemas import (
    Activity,
    HistoryQuery,
    MilestoneProgress,
    OverallProgress,
    Progress,
    Recommendation,
    Strength,
    Velocity,
)

RECENT_SHOWN, RECENT_SEARCHED, RECOMMENDED, DEFAULT_DAYS = 10, 200, 5, 30


async def get_progress(reader: WideReader, asked: Asked, *, timeframe: str) -> Progress:
    """Where `asked.user_id` stands, in the concepts that `asked.viewer` may know of."""
    return await tell_progress(reader, asked, await get_record(reader, asked.user_id), timeframe=timeframe)


async def tell_progress(reader: WideReader, asked: Asked, record: LearnerRecord, *, timeframe: str) -> Progress:
    """The same from a record that was read already."""
    since, today = begins(timeframe, asked.now), day_number(asked.now)
    totals = await _totals(reader, asked, record)
    begun = [one for one in record.begun if _is_asked_for(one, asked)]
    recent_pace = pace(await _days_of(reader, asked.viewer, asked.user_id, today - PACE_DAYS + 1, today), today)
    return Progress(
        user_id=asked.user_id,
        overall_progress=_overall(totals, begun, since),
        milestones=_milestones(totals, begun, since, recent_pace, asked.now.date()),
        recent_activity=await _recent(reader, asked, since),
        learning_velocity=Velocity(
            concepts_per_week=recent_pace.concepts_per_week,
            hours_per_week=recent_pace.hours_per_week,
            trend=recent_pace.trend,
        ),
        strengths=_strengths(begun),
        recommendations=await _recommendations(reader, asked, record),
    )


async def get_history(reader: HotReader, *, viewer: Viewer, user_id: str, query: HistoryQuery, now: datetime) -> bytes:
    """What `user_id` did, by day, week or month: the JSON of a History. Raises ValidationFailed when the dates are the
    wrong way round.
    """
    first, last = _days(query, now.date())
    days = await _days_of(reader, viewer, user_id, day_number(first), day_number(last))
    periods = history(days, query.granularity)
    whole = Period()
    for day in days:
        whole.add(day)
    last_scores = Figures(
        tried_last=sum(day.figures.tried_last for day in days), score_last=sum(day.figures.score_last for day in days)
    )
    totals = {
        "concepts_completed": len(whole.completed),
        "concepts_mastered": len(whole.mastered),
        "total_time_spent": whole.seconds,
        "average_mastery_score": last_scores.average_mastery,
    }
    return orjson.dumps({"history": [_entry(day, period) for day, period in periods.items()], "totals": totals})


def _days(query: HistoryQuery, today: date) -> tuple[date, date]:
    last = query.end_date or max(today, query.start_date or today)
    first = query.start_date or date.fromordinal(max(1, last.toordinal() - DEFAULT_DAYS + 1))
    if first > last:
        message = "must not be after end_date"
        raise ValidationFailed("Invalid request parameters", details=[Detail("start_date", message)])
    return first, last


def _entry(day: date, period: Period) -> dict[str, object]:
    return {
        "date": day,
        "concepts_started": len(period.started),
        "concepts_completed": len(period.completed),
        "concepts_mastered": len(period.mastered),
        "time_spent": period.seconds,
        "exercises_completed": period.exercises,
        "quiz_average": period.quiz_average(),
    }


def _is_asked_for(one: Begun, asked: Asked) -> bool:
    return asked.milestone in (None, one.milestone) and asked.viewer.visibility.allows(one.id)


async def _totals(reader: HotReader, asked: Asked, record: LearnerRecord) -> Counter[str]:
    """{milestone: its concepts that the viewer may know of}; of one milestone only, where one is asked for."""
    visibility = asked.viewer.visibility
    if visibility.uniform:
        milestones = await asked.course.milestones(reader, record.generation)
        counted = milestones if visibility.default else Counter[str]()
    else:
        rows = await reader.slow_rows(queries.CONCEPTS)
        counted = Counter(row[1] for row in rows if visibility.allows(row[0]))
    only = asked.milestone
    return counted if only is None else Counter({name: n for name, n in counted.items() if name == only})


async def _days_of(reader: HotReader, viewer: Viewer, user_id: str, first: int, last: int) -> list[LearnerDay]:
    """The learner's days from `first` to `last`, both included, with concepts that the viewer may know of."""
    days = await read_days(reader, user_id=user_id, first=first, last=last)
    return [day for day in days if viewer.visibility.allows(day.concept_id)]


def _within(at: int | None, since: datetime | None) -> bool:
    return at is not None and (since is None or at >= to_micros(since))


def _overall(totals: Counter[str], standings: Iterable[Begun], since: datetime | None) -> OverallProgress:
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
    totals: Counter[str], standings: Iterable[Begun], since: datetime | None, recent: Pace, today: date
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


async def _recent(reader: HotReader, asked: Asked, since: datetime | None) -> list[Activity]:
    visibility = asked.viewer.visibility
    # Where some concepts are hidden, more are looked at, so that enough are left.
    sql = queries.recent(RECENT_SHOWN if visibility.uniform else RECENT_SEARCHED)
    rows = await reader.rows(sql, asked.user_id, to_micros(since) if since else 0, asked.milestone)
    seen = [row for row in rows if visibility.allows(row[0])]
    return [
        Activity(concept_id=concept_id, title=title, action=kind, timestamp=from_micros(at), time_spent=seconds)
        for concept_id, title, kind, at, seconds in seen[:RECENT_SHOWN]
    ]


def _strengths(begun: Iterable[Begun]) -> list[Strength]:
    """Components by mean mastery of the concepts begun there, best first, from 0.7 up."""
    return [
        Strength(area=area.name, mastery_level=round(area.mean, 4), concepts_mastered=area.mastered)
        for area in areas_of(begun)
        if area.mean >= STRONG_FROM
    ]


async def _recommendations(reader: WideReader, asked: Asked, record: LearnerRecord) -> list[Recommendation]:
    ranking = await read_ranking(reader, asked, record)
    chosen = ranking.ranked[:RECOMMENDED]
    reasons = await explain(reader, asked, ranking, chosen)
    return [
        Recommendation(
            concept_id=one.candidate.id,
            title=one.candidate.title,
            kind=one.candidate.kind,
            reason=reasons[one.candidate.id],
            difficulty_match=difficulty_match(one.candidate.difficulty, ranking.situation.level),
        )
        for one in chosen
    ]
