"""One learner in detail: how they learn, how well it goes, where it leads; and how others do."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from learntrac.activity.days import MILLION, Figures, Happened, day_number, days_of, ratio, total
from learntrac.activity.service import read_log
from learntrac.activity.totals import Part, of_all, of_learner, read_titles
from learntrac.activity.trouble import trouble_of
from learntrac.activity.windows import WINDOWS
from learntrac.adaptive.schemas import RecommendationsQuery
from learntrac.adaptive.service import read_weights_asked_for, recommend
from learntrac.analytics import habits, queries
from learntrac.analytics.schemas import (
    EngagementPatterns,
    LearnerAdvice,
    LearnerAnalytics,
    LearningProfile,
    MilestoneOutlook,
    Peers,
    PerformanceMetrics,
)
from learntrac.concepts.viewing import Viewer
from learntrac.kit.clock import from_micros, to_micros
from learntrac.kit.readers import WideReader
from learntrac.mastery.parameter_file import Model
from learntrac.mastery.standings import Profile, profile_of
from learntrac.progress.course import KnownCourse
from learntrac.progress.recommending import Asked, due_for_review
from learntrac.progress.record import LearnerRecord, get_record
from learntrac.progress.schemas import Progress
from learntrac.progress.service import tell_progress

LEAST_PEERS = 10
"""Nobody is compared with a group in which somebody could be recognised."""
PEER_WINDOW = "month"


@dataclass(frozen=True)
class About:
    """Whose analytics, seen by whom, and what they need: `milestone_dates` are Trac's."""

    user_id: str
    viewer: Viewer
    now: datetime
    model: Model
    course: KnownCourse
    milestone_dates: dict[str, datetime]
    totals_until: int


async def get_learner(reader: WideReader, about: About) -> LearnerAnalytics:
    """One learner, in the concepts that the viewer may know of. What names no time is over the whole log."""
    log = await _log(reader, about)
    figures = total(days_of(log))
    asked = Asked(about.user_id, about.viewer, about.now, about.model, about.course)
    record = await get_record(reader, about.user_id)
    progress = await tell_progress(reader, asked, record, timeframe="all")
    profile = profile_of(one for one in record.begun if about.viewer.visibility.allows(one.id))
    weights = record.preference.resource_weights or await read_weights_asked_for(reader, about.user_id)
    preferences = habits.shares(dict(weights))
    by_hour = habits.hours(log)
    return LearnerAnalytics(
        user_id=about.user_id,
        learning_profile=LearningProfile(
            preferred_time=habits.preferred_time(by_hour),
            average_session_length=habits.average_session_minutes(log),
            learning_style=max(preferences, key=lambda kind: preferences[kind], default="unknown"),
            strength_areas=list(profile.strengths),
            improvement_areas=list(profile.weaknesses),
        ),
        performance_metrics=PerformanceMetrics(
            overall_mastery=figures.average_mastery,
            concepts_per_week=progress.learning_velocity.concepts_per_week,
            exercise_success_rate=figures.exercise_success_rate,
            quiz_average=figures.quiz_average,
        ),
        engagement_patterns=EngagementPatterns(
            most_active_days=habits.most_active_days(log),
            peak_hours=habits.peak_hours(by_hour),
            resource_preferences=preferences,
        ),
        milestone_progress=await _milestones(reader, about, progress),
        recommendations=await _advice(reader, asked, record, log, figures, progress, profile),
        peers=await find_peers(reader, about),
    )


async def _log(reader: WideReader, about: About) -> list[Happened]:
    log = await read_log(reader, user_id=about.user_id, first=0, last=day_number(about.now))
    return [line for line in log if about.viewer.visibility.allows(line.concept_id)]


async def _milestones(reader: WideReader, about: About, progress: Progress) -> list[MilestoneOutlook]:
    """Those in which the learner has begun something."""
    begun: dict[str, date] = {}
    for milestone, concept_id, begun_at in await reader.rows(queries.BEGUN_BY_MILESTONE, about.user_id):
        if about.viewer.visibility.allows(concept_id):
            day = from_micros(begun_at).date()
            begun[milestone] = min(day, begun.get(milestone, day))
    outlooks = []
    for one in progress.milestones:
        if one.name in begun:
            due = about.milestone_dates.get(one.name)
            target, left = due.date() if due else None, one.total_concepts - one.completed
            on_track = habits.is_on_track(
                left=left, target=target, expected=one.estimated_completion, today=about.now.date()
            )
            outlooks.append(
                MilestoneOutlook(
                    milestone=one.name,
                    start_date=begun[one.name],
                    target_date=target,
                    progress=ratio(one.completed, one.total_concepts),
                    on_track=on_track,
                )
            )
    return outlooks


async def _advice(
    reader: WideReader,
    asked: Asked,
    record: LearnerRecord,
    log: Sequence[Happened],
    figures: Figures,
    progress: Progress,
    profile: Profile,
) -> LearnerAdvice:
    failing = trouble_of(log).failing
    titles = await read_titles(reader, [one.concept_id for one in failing])
    recommended = await recommend(reader, asked=asked, record=record, query=RecommendationsQuery())
    pace = recommended.learning_insights.suggested_pace
    return LearnerAdvice(
        next_concepts=[one.concept_id for one in progress.recommendations],
        suggested_pace_adjustment="decrease" if pace == "slow_down" else pace,
        focus_areas=habits.focus_areas(
            figures=figures,
            failing=[titles[one.concept_id] for one in failing if one.concept_id in titles],
            due=len(due_for_review(record.begun, asked.viewer, to_micros(asked.now))),
            weak=profile.weaknesses,
            started=bool(log),
        ),
    )


async def find_peers(reader: WideReader, about: About) -> Peers | None:
    """The means of the other learners who were active in the last thirty days; None for fewer than ten."""
    window, today, visibility = PEER_WINDOW, about.totals_until, about.viewer.visibility
    everybody = (await of_all(reader, window=window, today=today, visibility=visibility, most=1)).current
    own = await of_learner(reader, user_id=about.user_id, window=window, today=today, visibility=visibility, most=1)
    return peers_of(everybody, own.current)


def peers_of(everybody: Part, own: Part) -> Peers | None:
    """Everybody without the one; None for fewer than ten."""
    others = everybody.learners - own.learners
    if others < LEAST_PEERS:
        return None
    figures = Figures()
    figures.add(everybody.figures)
    figures.add(own.figures, -1)
    engagement = everybody.engagement * everybody.learners - own.engagement * own.learners
    return Peers(
        learners=others,
        average_mastery_score=ratio(figures.score_last, figures.tried_last * MILLION),
        concepts_per_week=ratio(figures.completed_last * 7, others * WINDOWS[PEER_WINDOW], digits=2),
        engagement_score=ratio(engagement, others),
    )
