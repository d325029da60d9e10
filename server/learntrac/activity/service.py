"""The verbs of activity: read a learner's days, bring the rollups up to date, make them anew, take a learner out.

A learner's rows are made anew from their whole log whenever something of it is new, and the totals change by the
difference. So it does not matter in which order, how late or how often that happens.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from learntrac.activity import queries
from learntrac.activity.days import DAY_MICROSECONDS, FIGURES, Figures, Happened, LearnerDay, day_number, days_of
from learntrac.activity.shares import Shares
from learntrac.activity.trouble import Trouble, trouble_of
from learntrac.activity.windows import WINDOWS, first_day
from learntrac.kit.clock import to_micros
from learntrac.kit.db import Database
from learntrac.kit.readers import HotReader

EVENTS_AT_ONCE = 300
"""A reader who wants the totals waits for no more than these. Where there are more, some would not make them right."""
LEARNERS_AT_ONCE = 200
LEARNERS_IN_A_TRANSACTION = 25
"""Some 25 ms, in which nobody else writes on SQLite. With 300 events at once it was ten times that, time after time."""
SETTLED_AFTER_SECONDS = 600
"""No transaction that writes events lasts so long."""
ANEW_FROM_EVENTS = 50_000
"""With so many events unread, as after an import, everything is made anew: that is faster."""
READ_AGAIN = 10_000
"""Events that are read again after everything was made anew."""

Progress = Callable[[int, int], None]
_Days = dict[tuple[int, int], LearnerDay]


def _ignore(_done: int, _total: int) -> None:
    return None


async def read_days(
    reader: HotReader, *, user_id: str, first: int, last: int, with_sessions: bool = False
) -> list[LearnerDay]:
    """What a learner did from day `first` to day `last`, both included, from the log itself: up to this moment.

    `begun` and `finished` are zero unless asked for `with_sessions`; what stands on a last day only, does so on the
    last of these days.
    """
    return days_of(await read_log(reader, user_id=user_id, first=first, last=last, with_sessions=with_sessions))


async def read_log(
    reader: HotReader, *, user_id: str, first: int, last: int, with_sessions: bool = True
) -> list[Happened]:
    """The lines themselves, in no order."""
    sql = queries.LOG_WITH_SESSIONS_SINCE if with_sessions else queries.LOG_SINCE
    rows = await reader.rows(sql, user_id, first * DAY_MICROSECONDS, (last + 1) * DAY_MICROSECONDS)
    return [Happened(*row) for row in rows]


async def keep_up(database: Database, *, now: datetime) -> int:
    """Before totals are shown: read what happened since they were last brought up to date, if that is little. What is
    more is read within the minute, by the job.

    The day on which their windows end: today, or an earlier one while much waits to be read.
    """
    state = await _read_state(database)
    today, unread = day_number(now), await _last_event(database) - state.seen_id
    if state.is_whole and (unread > 0 or state.as_of < today) and unread <= EVENTS_AT_ONCE:
        async with database.begin() as session:
            await _read_on(session, after=state.seen_id, now=now)
        return max(today, state.as_of)
    return state.as_of or today


async def roll_up(database: Database, *, now: datetime) -> None:
    """Bring the rollups up to date with the log, a few learners in a transaction."""
    state = await _read_state(database)
    if not state.is_whole or await _last_event(database) - state.seen_id >= ANEW_FROM_EVENTS:
        await rebuild(database, now=now)
        return
    users, last = await _learners_since(database, state.settled_id)
    for some in _in_groups(users):
        async with database.begin_step() as session:
            as_of = (await _hold(session, now)).as_of
            await _renew(session, some, as_of)
    async with database.begin() as session:
        await _settle(session, await _hold(session, now), last, now)


class _State(NamedTuple):
    settled_id: int
    marked_id: int
    marked_at: int
    seen_id: int
    as_of: int
    is_whole: bool
    version: int


async def _read_state(database: Database) -> _State:
    return _State(*(await database.hot.rows(queries.STATE))[0])


async def _last_event(database: Database) -> int:
    return int((await database.hot.rows(queries.LAST_EVENT))[0][0])


async def read_as_of(reader: HotReader) -> tuple[int, int]:
    """The day on which the totals' windows end, and how many events they do not hold yet."""
    state = _State(*(await reader.rows(queries.STATE))[0])
    return state.as_of, max(0, (await reader.rows(queries.LAST_EVENT))[0][0] - state.seen_id)


async def _learners_since(database: Database, after: int) -> tuple[list[str], int]:
    """Who has events after this one, and the last event's number."""
    async with database.read() as session:
        rows = (await session.execute(queries.LEARNERS_SINCE, {"after": after})).all()
    return [row.user_id for row in rows], max((row.last for row in rows), default=after)


def _in_groups(users: Sequence[str]) -> Iterator[Sequence[str]]:
    for place in range(0, len(users), LEARNERS_IN_A_TRANSACTION):
        yield users[place : place + LEARNERS_IN_A_TRANSACTION]


async def _hold(session: AsyncSession, now: datetime) -> _State:
    """Be the only one to change the rollups until the transaction ends, with windows that end today."""
    state = _State(*(await session.execute(queries.HOLD_STATE)).one())
    return state._replace(as_of=await _move_windows(session, state.as_of, day_number(now)))


async def _read_on(session: AsyncSession, *, after: int, now: datetime) -> None:
    """Roll up the learners of the next events."""
    as_of = (await _hold(session, now)).as_of
    rows = (await session.execute(queries.EVENTS_AFTER, {"after": after, "most": EVENTS_AT_ONCE})).all()
    if rows:
        await _renew(session, {row.user_id for row in rows}, as_of)
        await session.execute(queries.SET_SEEN, {"seen": rows[-1].id})


async def _settle(session: AsyncSession, state: _State, last: int, now: datetime) -> None:
    """Everything up to the event `last` has been read; what was read long ago is not read again."""
    await session.execute(queries.SET_SEEN, {"seen": last})
    at = to_micros(now)
    if at - state.marked_at >= SETTLED_AFTER_SECONDS * 1_000_000:
        values = {"settled": state.marked_id, "marked": max(state.seen_id, last), "at": at}
        await session.execute(queries.SET_SETTLED, values)
        for statement in queries.TIDY:
            await session.execute(statement)


async def _move_windows(session: AsyncSession, as_of: int, today: int) -> int:
    """Let the windows of concepts end today; the day on which they end now. They never move back."""
    if today <= as_of:
        return as_of
    for window in WINDOWS:
        old, new = first_day(window, as_of), first_day(window, today)
        await _add_concepts(session, window, max(as_of + 1, new), today, 1)
        await _add_concepts(session, window, old, min(as_of, new - 1), -1)
    await session.execute(queries.SET_AS_OF, {"as_of": today})
    return today


async def _add_concepts(session: AsyncSession, window: str, first: int, last: int, sign: int) -> None:
    rows = (await session.execute(queries.CONCEPTS_BETWEEN, {"first": first, "last": last})).mappings().all()
    if rows:
        added = [
            {"timeframe": window, "concept_id": row["concept_id"]} | {name: sign * row[name] for name in FIGURES}
            for row in rows
        ]
        await session.execute(queries.ADD_TO_CONCEPT, added)


async def _renew(session: AsyncSession, users: Iterable[str], as_of: int, *, with_totals: bool = True) -> None:
    """Make these learners' rows anew from their logs, and change the totals by the difference."""
    names = sorted(users)
    logs = await _read_logs(session, names)
    old = await _read_old(session, names)
    new = {name: {(day.day, day.concept_id): day for day in days_of(logs[name])} for name in names}
    changed = [name for name in names if new[name] != old[name]]
    await _write_days(session, changed, old, new)
    await _write_learners(session, names, logs)
    if with_totals:
        shares = Shares(as_of)
        for name in changed:
            shares.add([*old[name].values()], -1)
            shares.add([*new[name].values()])
        await _write_shares(session, shares)


async def _read_logs(session: AsyncSession, users: Sequence[str]) -> dict[str, list[Happened]]:
    logs: defaultdict[str, list[Happened]] = defaultdict(list)
    for row in await session.execute(queries.LOGS, {"users": users}):
        logs[row.user_id].append(Happened(*row))
    return logs


async def _read_old(session: AsyncSession, users: Sequence[str]) -> defaultdict[str, _Days]:
    old: defaultdict[str, _Days] = defaultdict(dict)
    for user_id, day, concept_id, score, *figures in await session.execute(queries.DAYS_OF, {"users": users}):
        old[user_id][day, concept_id] = LearnerDay(concept_id, day, Figures(*figures), score)
    return old


async def _write_days(
    session: AsyncSession, users: Iterable[str], old: Mapping[str, _Days], new: Mapping[str, _Days]
) -> None:
    put, removed = [], []
    for name in users:
        put += [_columns(name, day) for key, day in new[name].items() if old[name].get(key) != day]
        gone = old[name].keys() - new[name].keys()
        removed += [{"user_id": name, "day": day, "concept_id": concept_id} for day, concept_id in gone]
    if removed:
        await session.execute(queries.REMOVE_DAY, removed)
    if put:
        await session.execute(queries.PUT_DAY, put)


def _columns(user_id: str, day: LearnerDay) -> dict[str, object]:
    key = {"user_id": user_id, "day": day.day, "concept_id": day.concept_id, "score": day.score}
    return key | _named(day.figures)


def _named(figures: Figures) -> dict[str, object]:
    return dict(zip(FIGURES, figures.values(), strict=True))


async def _write_learners(session: AsyncSession, users: Sequence[str], logs: Mapping[str, list[Happened]]) -> None:
    there = [name for name in users if logs.get(name)]
    if there:
        await session.execute(queries.PUT_LEARNER, [_trouble_columns(name, trouble_of(logs[name])) for name in there])
    gone = [name for name in users if not logs.get(name)]
    if gone:
        await session.execute(queries.REMOVE_LEARNERS, {"users": gone})


def _trouble_columns(user_id: str, trouble: Trouble) -> dict[str, object]:
    return {
        "user_id": user_id,
        "last_at": trouble.last_at,
        "open_concepts": trouble.open_concepts,
        "failing": orjson.dumps([[one.concept_id, one.failures, one.since] for one in trouble.failing]).decode(),
        "failing_since": min((one.since for one in trouble.failing), default=None),
    }


async def _write_shares(session: AsyncSession, shares: Shares) -> None:
    nothing = Figures()
    days = [{"day": day} | _named(sums) for day, sums in sorted(shares.days.items()) if sums != nothing]
    concepts = [
        {"timeframe": window, "concept_id": concept_id} | _named(sums)
        for (window, concept_id), sums in sorted(shares.concepts.items())
        if sums != nothing
    ]
    changes = [
        {"timeframe": window, "day": day, "learners": learners, "engagement": engagement}
        for (window, day), (learners, engagement) in sorted(shares.changes.items())
        if learners or engagement
    ]
    added = ((queries.ADD_TO_DAY, days), (queries.ADD_TO_CONCEPT, concepts), (queries.ADD_CHANGE, changes))
    for statement, rows in added:
        if rows:
            await session.execute(statement, rows)


async def forget_learner(session: AsyncSession, *, user_id: str) -> None:
    """Take a learner out of every rollup, as if they had never been there. Their log is to be deleted by the caller."""
    state = (await session.execute(queries.HOLD_STATE)).one()
    old = await _read_old(session, [user_id])
    shares = Shares(state.as_of)
    shares.add([*old[user_id].values()], -1)
    await _write_shares(session, shares)
    await _write_days(session, [user_id], old, {user_id: {}})
    await session.execute(queries.REMOVE_LEARNERS, {"users": [user_id]})


async def rebuild(database: Database, *, now: datetime, on_progress: Progress = _ignore) -> int:
    """Make all rollups anew from the log; how many learners there were.

    Learners come in short transactions, and the totals in one at the end, made from the learners' rows: while that
    goes on, totals are not brought up to date. One that was cut off is begun again by the next `roll_up`.
    """
    async with database.begin() as session:
        await session.execute(queries.HOLD_STATE)
        await session.execute(queries.SET_WHOLE, {"is_whole": False})
    last = await _last_event(database)
    done, after = 0, ""
    while users := await _next_learners(database, after):
        for some in _in_groups(users):
            async with database.begin_step() as session:
                await session.execute(queries.HOLD_STATE)
                await _renew(session, some, 0, with_totals=False)
        done, after = done + len(users), users[-1]
        on_progress(done, 0)
    while not await _replace_totals(database, last, now):
        pass
    return done


async def _next_learners(database: Database, after: str) -> list[str]:
    values = {"after": after, "most": LEARNERS_AT_ONCE}
    async with database.read() as session:
        logged = (await session.execute(queries.LEARNERS_AFTER, values)).scalars().all()
        rolled_up = (await session.execute(queries.ROLLED_UP_AFTER, values)).scalars().all()
    return sorted({*logged, *rolled_up})[:LEARNERS_AT_ONCE]


async def _replace_totals(database: Database, last_event: int, now: datetime) -> bool:
    """Add up the learners' rows, and put that in place of the totals; False where a row changed meanwhile.

    To add up takes seconds in a large installation, and happens outside the transaction, which others wait for.
    """
    version, today = (await _read_state(database)).version, day_number(now)
    shares = await _add_up(database, today)
    async with database.begin() as session:
        state = (await session.execute(queries.HOLD_STATE)).one()
        if state.version != version + 1:
            return False
        for statement in queries.CLEAR:
            await session.execute(statement)
        await _write_shares(session, shares)
        await session.execute(queries.SET_AS_OF, {"as_of": today})
        settled = max(0, last_event - READ_AGAIN)
        values = {"settled": settled, "marked": settled, "at": to_micros(now)}
        await session.execute(queries.SET_SETTLED, values)
        await session.execute(queries.SET_SEEN, {"seen": last_event})
        await session.execute(queries.SET_WHOLE, {"is_whole": True})
    return True


async def _add_up(database: Database, as_of: int) -> Shares:
    shares = Shares(as_of)
    async with database.read() as session:
        for day, *sums in await session.execute(queries.TOTALS_BY_DAY):
            shares.days[day] = Figures(*sums)
        for window in WINDOWS:
            values = {"first": first_day(window, as_of), "last": as_of}
            for concept_id, *sums in await session.execute(queries.CONCEPTS_BETWEEN, values):
                shares.concepts[window, concept_id] = Figures(*sums)
    after = ""
    while users := await _next_learners(database, after):
        async with database.read() as session:
            rows = await session.execute(queries.ACTIVE_DAYS, {"after": after, "last": users[-1]})
            active: defaultdict[str, list[int]] = defaultdict(list)
            for user_id, day in rows:
                active[user_id].append(day)
        for days in active.values():
            shares.add_active(days)
        after = users[-1]
    return shares
