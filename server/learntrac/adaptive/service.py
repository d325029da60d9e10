"""The verbs of adaptive: recommend, take feedback, list achievements."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from learntrac.adaptive import queries
from learntrac.adaptive.feedback import Preferences, Word, add_up, in_words
from learntrac.adaptive.insights import (
    WINDOW_DAYS,
    Fortnight,
    goal_in_words,
    momentum,
    style_match,
    suggested_pace,
)
from learntrac.adaptive.schemas import (
    Achievements,
    AdaptivePath,
    Adjustments,
    EarnedAchievement,
    FeedbackReply,
    FeedbackRequest,
    LearningInsights,
    OpenAchievement,
    Recommendation,
    Recommendations,
    RecommendationsQuery,
)
from learntrac.concepts.service import ConceptNotFound, Learner
from learntrac.kit.clock import to_micros
from learntrac.kit.readers import WideReader
from learntrac.mastery.awards import list_awarded, list_reached
from learntrac.progress.figures import difficulty_match
from learntrac.progress.ranking import Ranked, fitting
from learntrac.progress.recommending import Asked, Ranking, explain, read_ranking
from learntrac.progress.record import LearnerRecord
from learntrac.trac.wikitext import Link, resource_type

SHORT_TERM, MEDIUM_TERM, AREAS_SHOWN = 5, 10, 5
_DAY = 86_400_000_000


async def recommend(
    reader: WideReader, *, asked: Asked, record: LearnerRecord, query: RecommendationsQuery
) -> Recommendations:
    """What to do next, what the last weeks say, and where it leads. `asked.minutes` is the query's timeframe."""
    ranking = await read_ranking(reader, asked, record)
    chosen = fitting(ranking.ranked, count=query.count, minutes=query.timeframe)
    fits = bool(chosen) or query.timeframe is None or not await _has_any(reader, asked, record)
    path, focus = await _path(reader, asked, ranking, chosen)
    return Recommendations(
        recommendations=await _shown(reader, asked, ranking, chosen),
        learning_insights=await _insights(reader, asked, ranking, focus),
        adaptive_path=path,
        total_time=sum(one.candidate.minutes for one in chosen),
        fits=fits,
    )


async def _has_any(reader: WideReader, asked: Asked, record: LearnerRecord) -> bool:
    return bool((await read_ranking(reader, replace(asked, minutes=None), record)).ranked)


async def _shown(reader: WideReader, asked: Asked, ranking: Ranking, chosen: Sequence[Ranked]) -> list[Recommendation]:
    reasons = await explain(reader, asked, ranking, chosen)
    mixes = await _mixes(reader, [one.candidate.id for one in chosen])
    weights = ranking.preference.resource_weights or await read_weights_asked_for(reader, asked.user_id)
    return [
        Recommendation(
            concept_id=one.candidate.id,
            title=one.candidate.title,
            kind=one.candidate.kind,
            reason=reasons[one.candidate.id],
            confidence=round(one.candidate.chance, 4),
            estimated_time=one.candidate.minutes,
            difficulty_match=difficulty_match(one.candidate.difficulty, ranking.situation.level),
            prerequisites_ready=True,
            learning_style_match=style_match(weights, mixes.get(one.candidate.id, {})),
        )
        for one in chosen
    ]


async def _mixes(reader: WideReader, concepts: Sequence[int]) -> dict[int, Counter[str]]:
    """{concept: how many resources it has of each kind}."""
    if not concepts:
        return {}
    rows = await reader.rows(queries.LINKS.format(reader.among("c.id", 1)), reader.ids(concepts))
    return {
        number: Counter(resource_type(Link(kind, target, label)) for kind, target, label in orjson.loads(links))
        for number, links in rows
    }


async def read_weights_asked_for(reader: WideReader, user_id: str) -> Mapping[str, float]:
    """Without feedback: how often the last fifty sessions asked for each kind."""
    rows = await reader.rows(queries.ASKED_FOR, user_id)
    return Counter(kind for row in rows for kind in orjson.loads(row[0]))


async def _path(
    reader: WideReader, asked: Asked, ranking: Ranking, chosen: Sequence[Ranked]
) -> tuple[AdaptivePath, list[str]]:
    """The path, and the components of the learner's milestone in which nothing is begun."""
    short = [one.candidate.id for one in (chosen or ranking.ranked)[:SHORT_TERM]]
    milestone = ranking.situation.milestone
    rows = await reader.slow_rows(queries.OPEN_IN, asked.user_id, milestone) if milestone else []
    visible = set(asked.viewer.seen(row[0] for row in rows))
    seen = [row for row in rows if row[0] in visible]
    left = [row for row in seen if row[2] != "mastered" and row[3] is None]
    begun = {row[1] for row in seen if row[2] is not None}
    untouched = list(dict.fromkeys(row[1] for row in left if row[1] and row[1] not in begun))
    path = AdaptivePath(
        short_term=short,
        medium_term=await _opened(reader, asked, short),
        long_term_goal=goal_in_words(milestone, len(left), len(seen)),
    )
    return path, untouched


async def _opened(reader: WideReader, asked: Asked, concepts: Sequence[int]) -> list[int]:
    """What builds on these and is not mastered; what waits for least comes first."""
    if not concepts:
        return []
    sql = queries.UNLOCKED.format(reader.among("p.prerequisite_id", 1))
    rows = await reader.rows(sql, reader.ids(concepts), asked.user_id)
    found = asked.viewer.seen(row[0] for row in rows if row[0] not in concepts)
    return found[:MEDIUM_TERM]


async def _insights(reader: WideReader, asked: Asked, ranking: Ranking, untouched: Iterable[str]) -> LearningInsights:
    profile = ranking.profile
    now, before = await _fortnights(reader, asked)
    focus = dict.fromkeys([*profile.weaknesses, *untouched])
    return LearningInsights(
        current_level=profile.level,
        momentum=momentum(now, before),
        suggested_pace=suggested_pace(now, before, preference=ranking.preference.pace),
        strength_areas=list(profile.strengths[:AREAS_SHOWN]),
        focus_areas=list(focus)[:AREAS_SHOWN],
    )


async def _fortnights(reader: WideReader, asked: Asked) -> tuple[Fortnight, Fortnight]:
    """The last 14 days and the 14 before."""
    end = to_micros(asked.now)
    middle = end - WINDOW_DAYS * _DAY
    rows = await reader.rows(queries.LOG, asked.user_id, to_micros(asked.now - timedelta(days=2 * WINDOW_DAYS)), end)
    seen = [row for row in rows if asked.viewer.visibility.allows(row[0])]
    return _fortnight(row for row in seen if row[2] > middle), _fortnight(row for row in seen if row[2] <= middle)


def _fortnight(rows: Iterable[Sequence[Any]]) -> Fortnight:
    known = list(rows)
    scores = [row[3] for row in known if row[1] == "answered" and row[3] is not None]
    return Fortnight(len({row[2] // _DAY for row in known}), len(scores), sum(scores))


async def take_feedback(
    session: AsyncSession, *, learner: Learner, request: FeedbackRequest, now: datetime
) -> FeedbackReply:
    """Keep what a learner says of a concept, in place of what they said before. Raises ConceptNotFound."""
    await _must_exist(session, learner, request.concept_id)
    key = {"user_id": learner.user_id, "now": to_micros(now)}
    before = _preferences((await session.execute(queries.LOCK_PREFERENCE, key)).one())
    await session.execute(queries.PUT_FEEDBACK, key | _row(request))
    words = (await session.execute(queries.FEEDBACK, {"user_id": learner.user_id})).all()
    after = add_up(_word(row) for row in words)
    weights = orjson.dumps(dict(after.resource_weights)).decode()
    values = {"user_id": learner.user_id, "difficulty": after.difficulty, "pace": after.pace, "weights": weights}
    await session.execute(queries.SET_PREFERENCE, values)
    return FeedbackReply(
        feedback_recorded=True,
        profile_updated=after != before,
        adjustments=Adjustments(
            difficulty_preference=in_words(before.difficulty, after.difficulty),
            resource_weights=dict(after.resource_weights),
            pace_adjustment=in_words(before.pace, after.pace),
        ),
    )


async def _must_exist(session: AsyncSession, learner: Learner, concept_id: int) -> None:
    allowed = learner.viewer.visibility.allows(concept_id)
    if not allowed or (await session.execute(queries.EXISTS, {"concept_id": concept_id})).one_or_none() is None:
        raise ConceptNotFound


def _preferences(row: Row[Any]) -> Preferences:
    return Preferences(row.difficulty, row.pace, orjson.loads(row.resource_weights))


def _row(request: FeedbackRequest) -> dict[str, object]:
    return {
        "concept_id": request.concept_id,
        "difficulty_rating": request.difficulty_rating,
        "clarity_rating": request.clarity_rating,
        "pace_feedback": request.pace_feedback,
        "preferred_resources": orjson.dumps(request.preferred_resources).decode(),
        "time_sufficient": request.time_sufficient,
        "comments": request.additional_comments or "",
    }


def _word(row: Row[Any]) -> Word:
    sufficient = None if row.is_time_sufficient is None else bool(row.is_time_sufficient)
    return Word(row.difficulty_rating, row.pace_feedback, orjson.loads(row.preferred_resources), sufficient)


async def list_achievements(session: AsyncSession, *, user_id: str) -> Achievements:
    """What the learner has earned, and how far the rest is."""
    earned = await list_awarded(session, user_id=user_id)
    have = {one.rule.id for one in earned}
    return Achievements(
        user_id=user_id,
        earned=[
            EarnedAchievement(
                id=one.rule.id,
                title=one.rule.title,
                description=one.rule.description,
                earned_at=one.at,
                evidence=one.evidence,
            )
            for one in earned
        ],
        open=[
            OpenAchievement(
                id=one.rule.id,
                title=one.rule.title,
                description=one.rule.description,
                progress=round(one.progress, 4),
                current=round(one.value, 4),
                target=one.rule.target,
                unit=one.rule.unit,
            )
            for one in await list_reached(session, user_id=user_id)
            if one.rule.id not in have
        ],
    )
