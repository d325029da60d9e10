"""Who may need help: learners whose answers keep failing, and learners who stay away in the middle of something."""

from datetime import datetime

import orjson

from learntrac.activity.days import DAY_MICROSECONDS, day_number
from learntrac.activity.totals import read_titles
from learntrac.activity.trouble import AWAY_DAYS, GONE_DAYS, away_days
from learntrac.analytics import queries
from learntrac.analytics.schemas import AtRisk, AtRiskQuery, LearnerAtRisk, Reason
from learntrac.concepts.viewing import Viewer
from learntrac.kit.clock import from_micros
from learntrac.kit.readers import Row, WideReader


async def list_at_risk(reader: WideReader, *, viewer: Viewer, query: AtRiskQuery, now: datetime) -> AtRisk:
    """The learners who may need help, latest trouble first. Reasons that only hidden concepts give are left out."""
    today = day_number(now)
    gone, away = (today - GONE_DAYS) * DAY_MICROSECONDS, (today - AWAY_DAYS + 1) * DAY_MICROSECONDS
    rows = await reader.slow_rows(queries.AT_RISK, gone, away, query.limit, query.offset)
    total = (await reader.slow_rows(queries.COUNT_AT_RISK, gone, away))[0][0]
    failing = {row[0]: [one for one in orjson.loads(row[3]) if viewer.visibility.allows(one[0])] for row in rows}
    titles = await read_titles(reader, {one[0] for found in failing.values() for one in found})
    learners = [_learner(row, _reasons(row, failing[row[0]], titles, today)) for row in rows]
    return AtRisk(
        learners=[one for one in learners if one is not None], total=total, limit=query.limit, offset=query.offset
    )


def _learner(row: Row, reasons: list[Reason]) -> LearnerAtRisk | None:
    if not reasons:
        return None
    since = min(reason.since for reason in reasons)
    return LearnerAtRisk(user_id=row[0], since=since, last_active=from_micros(row[1]), reasons=reasons)


def _reasons(row: Row, failing: list[list[int]], titles: dict[int, str], today: int) -> list[Reason]:
    found = [
        Reason(
            kind="failing",
            message=f"The last {failures} answers to {titles[concept_id]} failed.",
            since=from_micros(since),
            concept_id=concept_id,
        )
        for concept_id, failures, since in failing
        if concept_id in titles
    ]
    last_at, open_concepts = row[1], row[2]
    days = away_days(last_at, open_concepts, today)
    if days is not None:
        what = "one concept" if open_concepts == 1 else f"{open_concepts} concepts"
        message = f"Nothing for {days} days, with {what} begun and not completed."
        found.append(Reason(kind="away", message=message, since=from_micros(last_at), concept_id=None))
    return found
