"""The bare reader: what a concept, progress and history cost when there is nothing but FastAPI and the database.

It answers with the same rows by the same written SQL as LearnTrac. A concept's JSON is ready in a row of a table of its
own, but for the statuses; progress and history are counted in plain loops from the rows and written by orjson, and what
is the same for every learner is kept. What to do next is what LearnTrac's statement puts nearest, unranked. It asks
nobody for a token, counts no limit, writes no log line, knows no permissions and validates nothing. The learner is
named by the token.
"""

import argparse
import time
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import orjson
import uvloop
from fastapi import FastAPI, Header, Response
from sqlalchemy import make_url

from benchmarks.bare import Reader, open_reader
from benchmarks.seeding import Tables
from learntrac.activity.queries import LOG_SINCE
from learntrac.kit.db import SCHEMA
from learntrac.kit.http.server import make_server
from learntrac.kit.readers import PostgresReader, SqliteReader, WideReader
from learntrac.progress import queries as progress
from learntrac.progress.course import Start, Starts
from learntrac.progress.recommending import READY, SHORTLIST

_DETAIL = (
    "SELECT d.head, s.status, d.tail, {} FROM bare_detail d"
    " LEFT JOIN standing s ON s.user_id = $1 AND s.concept_id = d.id WHERE d.id = $2"
)
_PREREQUISITES = (
    "SELECT c.id, c.title, coalesce(s.status, 'new') AS status FROM prerequisite p"
    " JOIN concept c ON c.id = p.prerequisite_id LEFT JOIN standing s ON s.user_id = $1 AND s.concept_id = c.id"
    " WHERE p.concept_id = $2 AND p.state = 'kept' ORDER BY c.id"
)
_RECENT = progress.recent(10)
_LEVEL = (
    "SELECT CAST(avg(c.difficulty) AS double precision) FROM standing s JOIN concept c ON c.id = s.concept_id"
    " WHERE s.user_id = $1 AND s.status = 'mastered'"
)
_STANDINGS = (
    "SELECT (SELECT generation FROM catalog_state), c.id, c.milestone, c.component, s.status,"
    " s.mastery_score, s.completed_at, s.mastered_at, s.updated_at"
    " FROM standing s JOIN concept c ON c.id = s.concept_id WHERE s.user_id = $1"
)
_WORKED_IN = (
    "SELECT c.id, c.milestone FROM standing s JOIN concept c ON c.id = s.concept_id"
    " WHERE s.user_id = $1 AND c.milestone <> '' ORDER BY s.updated_at DESC, c.id LIMIT 100"
)
_DAY = 86_400_000_000


def prepare(tables: Tables, details: dict[int, dict[str, Any]]) -> None:
    """Make the table of ready concepts from LearnTrac's own answers."""
    tables.execute("CREATE TABLE bare_detail (id integer PRIMARY KEY, head text, tail text)")
    rows = []
    for number, detail in details.items():
        rest = {name: value for name, value in detail.items() if name not in ("status", "prerequisites")}
        rows.append(
            (
                number,
                '{"status":"',
                '",' + orjson.dumps(rest).decode()[1:-1] + ',"prerequisites":',
            )
        )
    tables.fill("bare_detail", ("id", "head", "tail"), rows)
    tables.commit()
    tables.vacuum()


def make_app(read: Reader, hot: WideReader) -> FastAPI:
    """The three routes; `hot` knows how this database writes arrays."""
    app = FastAPI()
    detail_sql = _DETAIL.format(hot.as_json(_PREREQUISITES, "id", "title", "status"))
    ready_sql = READY.format(hot.among("k.id", 2))
    known: dict[str, Any] = {}

    @app.get("/concepts/{concept_id}")
    async def detail(concept_id: int, authorization: Annotated[str, Header()]) -> Response:
        asked = [authorization[7:], concept_id]
        head, status, tail, needed = (await read(detail_sql, asked))[0]
        needs = [{"id": row[0], "title": row[1], "status": row[2]} for row in orjson.loads(needed)]
        body = f"{head}{status or 'new'}{tail}".encode() + orjson.dumps(needs) + b"}"
        return Response(body, media_type="application/json")

    @app.get("/progress/history")
    async def history(authorization: Annotated[str, Header()]) -> Response:
        user, today = authorization[7:], time.time_ns() // 1000 // _DAY
        events = await read(LOG_SINCE, [user, (today - 29) * _DAY, (today + 1) * _DAY])
        return Response(orjson.dumps(_history(events)), media_type="application/json")

    @app.get("/progress")
    async def overall(authorization: Annotated[str, Header()]) -> Response:
        if not known:
            known["milestones"] = {row[0]: row[1] for row in await read(progress.MILESTONES, [])}
            known["starts"] = Starts(Start(*row) for row in await read(progress.STARTS, []))
        user, now = authorization[7:], time.time_ns() // 1000
        standings = await read(_STANDINGS, [user])
        today = now // _DAY
        events = await read(LOG_SINCE, [user, (today - 27) * _DAY, (today + 1) * _DAY])
        recent = await read(_RECENT, [user, 0, None])
        level = (await read(_LEVEL, [user]))[0][0] or 1.0
        worked_in = await read(_WORKED_IN, [user])
        milestone = worked_in[0][1] if worked_in else ""
        most = SHORTLIST + len(standings)
        ids = known["starts"].among({row[1] for row in standings})
        ids.update(known["starts"].nearest(most, milestone=milestone, wanted=level))
        ready = await read(ready_sql, [user, hot.ids(ids), None, None, milestone, level, most])
        made = _progress(known, standings, events, recent, ready, level)
        return Response(orjson.dumps({"user_id": user} | made), media_type="application/json")

    return app


def _history(events: Any) -> dict[str, Any]:
    days: defaultdict[int, list[Any]] = defaultdict(list)
    for event in events:
        days[event[2] // _DAY].append(event)
    entries, scores = [], {}
    for day, of_day in sorted(days.items()):
        concepts: defaultdict[str, set[int]] = defaultdict(set)
        for event in of_day:
            concepts[event[3]].add(event[1])
        quizzes = [event[5] for event in of_day if event[3] == "graded" and event[8] == "quiz"]
        scores |= {event[1]: event[7] for event in of_day if event[7] is not None}
        entries.append(
            {
                "date": (datetime.fromtimestamp(0, UTC) + timedelta(days=day)).date(),
                "concepts_started": len(concepts["started"]),
                "concepts_completed": len(concepts["completed"]),
                "concepts_mastered": len(concepts["mastered"]),
                "time_spent": sum(event[4] for event in of_day),
                "exercises_completed": sum(event[3] == "solved" for event in of_day),
                "quiz_average": sum(quizzes) / len(quizzes) if quizzes else 0.0,
            }
        )
    totals = {
        "concepts_completed": len({event[1] for event in events if event[3] == "completed"}),
        "concepts_mastered": len({event[1] for event in events if event[3] == "mastered"}),
        "total_time_spent": sum(event[4] for event in events),
        "average_mastery_score": sum(scores.values()) / len(scores) if scores else 0.0,
    }
    return {"history": entries, "totals": totals}


def _progress(
    known: dict[str, Any],
    standings: Any,
    events: Any,
    recent: Any,
    ready: Any,
    level: float,
) -> Any:
    completed = Counter(row[2] for row in standings if row[6] is not None)
    areas: defaultdict[str, list[Any]] = defaultdict(list)
    for row in standings:
        areas[row[3]].append(row)
    done = {row[1] for row in standings if row[4] == "mastered" or row[6] is not None}
    total = sum(known["milestones"].values())
    mastered = sum(1 for row in standings if row[7] is not None)
    return {
        "overall_progress": {
            "total_concepts": total,
            "completed_concepts": completed.total(),
            "mastered_concepts": mastered,
            "in_progress_concepts": len(standings) - len(done),
            "completion_percentage": round(100 * completed.total() / total, 1),
            "mastery_percentage": round(100 * mastered / total, 1),
        },
        "milestones": [
            {
                "name": name,
                "total_concepts": of_name,
                "completed": completed[name],
                "progress_percentage": round(100 * completed[name] / of_name, 1),
                "estimated_completion": None,
            }
            for name, of_name in sorted(known["milestones"].items())
        ],
        "recent_activity": [
            {
                "concept_id": row[0],
                "title": row[1],
                "action": row[2],
                "timestamp": row[3],
                "time_spent": row[4],
            }
            for row in recent
        ],
        "learning_velocity": {
            "concepts_per_week": len({event[1] for event in events if event[3] == "completed"}) / 4,
            "hours_per_week": sum(event[4] for event in events) / 3600 / 4,
            "trend": "stable",
        },
        "strengths": [
            {
                "area": area,
                "mastery_level": sum(row[5] for row in rows) / len(rows),
                "concepts_mastered": sum(1 for row in rows if row[4] == "mastered"),
            }
            for area, rows in areas.items()
            if sum(row[5] for row in rows) / len(rows) >= 0.7
        ],
        "recommendations": [
            {
                "concept_id": number,
                "title": title,
                "reason": "",
                "difficulty_match": 1 - abs(difficulty - level) / 4,
            }
            for number, title, difficulty, *_ in ready[:5]
        ],
    }


async def _serve(database: str, port: int) -> None:
    read = await open_reader(database)
    hot = (
        PostgresReader(make_url(database), SCHEMA, 1, None) if database.startswith("postgres") else SqliteReader(Path())
    )
    await make_server(make_app(read, hot), host="127.0.0.1", port=port).serve()


def main() -> None:
    """Serve until ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", required=True)
    parser.add_argument("--port", type=int, required=True)
    given = parser.parse_args()
    uvloop.run(_serve(given.database, given.port))


if __name__ == "__main__":
    main()
