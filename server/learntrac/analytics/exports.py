"""Reports to take away: ordered at the door, made by a job, kept for a day.

A job writes the file beside itself, and in one transaction puts it into the database and marks the export as
completed. A worker that is killed leaves nothing; the next one begins again.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from learntrac.activity.days import day_number
from learntrac.analytics import queries, scratch
from learntrac.analytics.composing import Report, Wanted, compose
from learntrac.analytics.gathering import Scope, count_learners
from learntrac.analytics.schemas import ExportList, ExportRequest, ExportStatus
from learntrac.analytics.writers import Writer, open_writer
from learntrac.audit.service import Origin, record
from learntrac.backends.queue import GiveUp, Queue
from learntrac.concepts.viewing import Viewer
from learntrac.kit.clock import Clock, from_micros, to_micros
from learntrac.kit.db import Database
from learntrac.kit.errors import Conflict, Detail, NotFound, RateLimited, Unavailable, ValidationFailed
from learntrac.kit.logs import get_logger
from learntrac.webhooks.outbox import announce

ORDERS_A_DAY = 10
DAY = timedelta(days=1)
KEPT = timedelta(days=1)
LISTED = timedelta(days=30)
LOST_AFTER = timedelta(hours=6)
PIECE_BYTES = 1_048_576
TASK = "analytics.export"
MEDIA_TYPES = {
    "pdf": "application/pdf",
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_BASE_SECONDS, _LEARNERS_A_SECOND = 2, 300

_log = get_logger("learntrac.exports")


class ExportNotFound(NotFound):
    """404: no such export of this caller."""

    def __init__(self) -> None:
        super().__init__("There is no such export.")


class ExportNotReady(Conflict):
    """409: there is no file (yet, or any more)."""

    def __init__(self, status: str) -> None:
        super().__init__(f"This export has no file: it is {status}.")


class _NotWanted(Exception):
    """The export was cancelled, or is done already."""


@dataclass(frozen=True)
class Urls:
    """Makes the absolute addresses of an export."""

    base: str

    def status(self, export_id: str) -> str:
        """Where its status is asked for."""
        return f"{self.base}/{export_id}/status"

    def file(self, export_id: str) -> str:
        """Where its file is."""
        return f"{self.base}/{export_id}/download"


async def order(
    session: AsyncSession,
    *,
    owner: str,
    request: ExportRequest,
    expected_learners: int,
    queue: Queue,
    urls: Urls,
    origin: Origin,
    now: datetime,
) -> ExportStatus:
    """Order a report. Raises RateLimited after ten in 24 hours, failed ones not counted, and ValidationFailed for
    learners and milestones that there are not.
    """
    await session.execute(queries.HOLD_OWNER, {"owner": owner})
    await _check_limit(session, owner, now)
    await _check_filters(session, request)
    export_id = f"export-{uuid.uuid4().hex}"
    estimated = _BASE_SECONDS + expected_learners // _LEARNERS_A_SECOND
    values = {
        "id": export_id,
        "owner": owner,
        "report_type": request.report_type,
        "format": request.format,
        "sections": orjson.dumps(request.include_sections).decode(),
        "filters": request.filters.model_dump_json(),
        "estimated_seconds": estimated,
        "now": to_micros(now),
    }
    await session.execute(queries.ADD_EXPORT, values)
    await queue.put(session, TASK, {"export_id": export_id})
    details = {"export": export_id, "report_type": request.report_type, "format": request.format}
    await record(session, actor=owner, action="export.order", now=now, origin=origin, details=details)
    return _status(await _get(session, export_id, owner), urls)


async def _check_limit(session: AsyncSession, owner: str, now: datetime) -> None:
    values = {"owner": owner, "since": to_micros(now - DAY)}
    row = (await session.execute(queries.COUNTED_ORDERS, values)).one()
    if row.orders >= ORDERS_A_DAY:
        wait = from_micros(row.first) + DAY - now
        seconds = max(1, int(wait.total_seconds()) + 1)
        raise RateLimited(f"More than {ORDERS_A_DAY} exports in a day.", retry_after_seconds=seconds)


async def _check_filters(session: AsyncSession, request: ExportRequest) -> None:
    filters = request.filters
    details = []
    if filters.user_ids:
        known = set((await session.execute(queries.KNOWN, {"users": filters.user_ids})).scalars())
        details += [
            Detail("filters.user_ids", f"there is no learner {name}") for name in filters.user_ids if name not in known
        ]
    if filters.milestones:
        there = set((await session.execute(queries.MILESTONES, {"names": filters.milestones})).scalars())
        details += [
            Detail("filters.milestones", f"there is no milestone {name}")
            for name in filters.milestones
            if name not in there
        ]
    if details:
        raise ValidationFailed("Invalid request parameters", details=details[:20])


async def get_status(session: AsyncSession, *, export_id: str, owner: str, urls: Urls) -> ExportStatus:
    """How far an export is. Raises ExportNotFound."""
    return _status(await _get(session, export_id, owner), urls)


async def list_exports(session: AsyncSession, *, owner: str, limit: int, offset: int, urls: Urls) -> ExportList:
    """The caller's exports of the last thirty days, newest first."""
    rows = await session.execute(queries.OWN_EXPORTS, {"owner": owner, "limit": limit, "offset": offset})
    total = (await session.execute(queries.COUNT_OWN_EXPORTS, {"owner": owner})).scalar_one()
    return ExportList(exports=[_status(row, urls) for row in rows], total=total, limit=limit, offset=offset)


async def cancel(
    session: AsyncSession, *, export_id: str, owner: str, urls: Urls, origin: Origin, now: datetime
) -> ExportStatus:
    """Give up an export that is being made. Raises ExportNotFound, and ExportNotReady where it is over already."""
    row = await _get(session, export_id, owner)
    if not await _end(session, export_id, "cancelled", now):
        raise ExportNotReady(row.status)
    await record(session, actor=owner, action="export.cancel", now=now, origin=origin, details={"export": export_id})
    return _status(await _get(session, export_id, owner), urls)


async def get_file(session: AsyncSession, *, export_id: str, owner: str, now: datetime) -> Row[Any]:
    """An export whose file is there. Raises ExportNotFound and ExportNotReady."""
    row = await _get(session, export_id, owner)
    if row.status != "completed":
        raise ExportNotReady(row.status)
    if row.expires_at <= to_micros(now):
        raise ExportNotReady("expired")
    return row


async def pieces(database: Database, export_id: str, first: bytes) -> AsyncIterator[bytes]:
    """The file after its first piece, a piece at a time. Ends early where it is withdrawn meanwhile."""
    place, piece = 0, first
    while piece:
        yield piece
        place += 1
        rows = await database.hot.slow_rows(queries.PIECE, export_id, place)
        piece = bytes(rows[0][0]) if rows else b""


async def _get(session: AsyncSession, export_id: str, owner: str) -> Row[Any]:
    row = (await session.execute(queries.FIND_EXPORT, {"id": export_id})).one_or_none()
    if row is None or row.owner != owner:
        raise ExportNotFound
    return row


def _status(row: Row[Any], urls: Urls) -> ExportStatus:
    def time(micros: int | None) -> datetime | None:
        return None if micros is None else from_micros(micros)

    return ExportStatus(
        export_id=row.id,
        status=row.status,
        progress=row.progress,
        estimated_time=row.estimated_seconds if row.status == "processing" else 0,
        download_url=urls.file(row.id) if row.status == "completed" else None,
        webhook_url=urls.status(row.id),
        report_type=row.report_type,
        format=row.format,
        error=row.error or None,
        size=row.size,
        created_at=from_micros(row.created_at),
        finished_at=time(row.finished_at),
        expires_at=time(row.expires_at),
    )


async def _end(
    session: AsyncSession, export_id: str, status: str, now: datetime, *, error: str = "", size: int = 0
) -> bool:
    """Whether it was still being made."""
    values = {
        "id": export_id,
        "status": status,
        "progress": 100 if status == "completed" else 0,
        "error": error,
        "size": size,
        "now": to_micros(now),
        "expires_at": to_micros(now + KEPT) if status == "completed" else None,
    }
    return (await session.execute(queries.END_EXPORT, values)).one_or_none() is not None


@dataclass(frozen=True)
class Maker:
    """What the job needs: eyes of the owner, Trac's dates, and a way to bring the rollups up to date."""

    database: Database
    clock: Clock
    viewer: Callable[[str], Viewer]
    milestone_dates: Callable[[], Awaitable[Mapping[str, datetime]]]
    bring_up_to_date: Callable[[], Awaitable[None]]

    async def make(self, export_id: str) -> None:
        """Make an export's file. Doing so twice does no harm. Raises GiveUp for what another try would not mend."""
        async with self.database.read() as session:
            row = (await session.execute(queries.FIND_EXPORT, {"id": export_id})).one_or_none()
        if row is None or row.status != "processing":
            return
        try:
            await self._make(row)
        except _NotWanted:
            _log.info("nobody wants this export any more", export=export_id)
        except (Unavailable, OSError):
            raise
        except Exception as error:
            async with self.database.begin() as session:
                await _end(session, export_id, "failed", self.clock(), error="The report could not be made.")
            raise GiveUp(f"{type(error).__name__}: {error}") from error

    async def _make(self, row: Row[Any]) -> None:
        now = self.clock()
        await self.bring_up_to_date()
        wanted = Wanted(
            row.report_type,
            scope_of(orjson.loads(row.filters), now),
            self.viewer(row.owner),
            await self.milestone_dates(),
            now,
        )
        told = _Told(self.database, row.id)
        with scratch.folder(lost_after_seconds=LOST_AFTER.total_seconds()) as folder, ExitStack() as held:
            report = await compose(self.database, wanted, told.gathered, held=held)
            file = folder / f"report.{row.format}"
            await _write(report, file, row.format, orjson.loads(row.sections), told)
            await self._keep(row, file)

    async def _keep(self, row: Row[Any], file: Path) -> None:
        now, size = self.clock(), (await asyncio.to_thread(file.stat)).st_size
        async with self.database.begin() as session:
            if not await _end(session, row.id, "completed", now, size=size):
                raise _NotWanted
            await session.execute(queries.REMOVE_PIECES, {"id": row.id})
            with file.open("rb") as content:
                place = 0
                while piece := content.read(PIECE_BYTES):
                    await session.execute(queries.ADD_PIECE, {"id": row.id, "place": place, "content": piece})
                    place += 1
            data = {"export_id": row.id, "report_type": row.report_type, "format": row.format, "owner": row.owner}
            await announce(session, "export.ready", data, now=now, user_id=row.owner)


class _Told:
    """Writes down how far an export is, and finds out whether it is still wanted."""

    def __init__(self, database: Database, export_id: str) -> None:
        self._database, self._export_id, self._progress = database, export_id, 0

    async def gathered(self, done: int, total: int) -> None:
        """Reading is the first four fifths."""
        await self.progress(80 * done // max(done, total, 1))

    async def progress(self, percent: int) -> None:
        """Raises _NotWanted."""
        if percent <= self._progress and self._progress:
            return
        self._progress = percent
        async with self._database.begin() as session:
            told = await session.execute(queries.TELL_PROGRESS, {"id": self._export_id, "progress": percent})
            if told.one_or_none() is None:
                raise _NotWanted


async def _write(report: Report, file: Path, format_: str, sections: list[str], told: _Told) -> None:
    writer = await asyncio.to_thread(open_writer, format_, file, report.head)
    try:
        await _write_parts(writer, report, sections, told)
        await asyncio.to_thread(writer.close)
    except BaseException:
        writer.give_up()
        raise


async def _write_parts(writer: Writer, report: Report, sections: list[str], told: _Told) -> None:
    if "summary" in sections:
        await asyncio.to_thread(writer.summary, report.summary)
    for name, part in (("detailed_progress", report.details), ("recommendations", report.advice)):
        if name in sections:
            await asyncio.to_thread(writer.begin, part.table)
            for rows in part.rows.batches():
                await asyncio.to_thread(writer.rows, rows)
            await told.progress(90)


def scope_of(filters: Mapping[str, Any], now: datetime) -> Scope:
    """What an order's filters mean: without dates everything up to today."""

    def day(name: str, default: int) -> int:
        return day_number(datetime.fromisoformat(filters[name]).date()) if filters.get(name) else default

    def names(name: str) -> tuple[str, ...] | None:
        # Each once: whoever is named twice is one learner.
        return tuple(dict.fromkeys(filters[name])) if filters.get(name) else None

    return Scope(
        first=max(0, day("start_date", 0)),
        last=min(day("end_date", day_number(now)), day_number(now)),
        user_ids=names("user_ids"),
        milestones=names("milestones"),
    )


async def expected_learners(database: Database, request: ExportRequest, now: datetime) -> int:
    """How many learners a report will go through."""
    return await count_learners(database, scope_of(request.filters.model_dump(mode="json"), now))


async def tend(session: AsyncSession, *, now: datetime) -> None:
    """Remove files after a day and orders after thirty, and give up what was lost."""
    at = to_micros(now)
    await session.execute(queries.EXPIRED, {"now": at})
    lost = {"error": "The report could not be made.", "now": at, "before": to_micros(now - LOST_AFTER)}
    await session.execute(queries.LOST, lost)
    await session.execute(queries.REMOVE_ORPHANS)
    await session.execute(queries.FORGET_EXPORTS, {"before": to_micros(now - LISTED)})


async def forget_person(session: AsyncSession, *, user_id: str) -> None:
    """Take a person out of everything that was exported: their own orders go, and every file is withdrawn, as they may
    be in it.
    """
    await session.execute(queries.REMOVE_OWN_EXPORTS, {"owner": user_id})
    await session.execute(queries.WITHDRAW)
    await session.execute(queries.REMOVE_ORPHANS)
    for export_id, filters in (await session.execute(queries.FILTERS, {"name": '%"user_ids":[%'})).all():
        found = orjson.loads(filters)
        if user_id in (found.get("user_ids") or ()):
            found["user_ids"] = [name for name in found["user_ids"] if name != user_id]
            changed = {"id": export_id, "filters": orjson.dumps(found).decode()}
            await session.execute(queries.SET_FILTERS, changed)
