"""Exports through the door: ordered, made by a job, fetched; limits, cancelling, and workers that die."""

import asyncio
import csv
import io
import zipfile
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from learntrac.analytics import exports
from learntrac.main import all_tasks
from learntrac.operations import erase_user
from tests.conftest import Answer, Api, Person, make_settings
from tests.progress.studying import RIGHT, WRONG, days_ago, study

MESSAGES, FUNCTIONS = 1, 2
SECTIONS = ["summary", "detailed_progress", "recommendations"]


def body(format_: str = "csv", report: str = "learner_progress", **filters: Any) -> dict[str, Any]:
    return {"report_type": report, "format": format_, "filters": filters, "include_sections": SECTIONS}


async def have_learned(api: Api) -> None:
    await study(api, "alice", MESSAGES, days_ago(api, 2), RIGHT, RIGHT, minutes=60)
    await study(api, "alice", FUNCTIONS, days_ago(api, 1), *[WRONG] * 5, minutes=30, abandon=True)
    await study(api, "bob", MESSAGES, days_ago(api, 40), RIGHT, minutes=30)


async def fetch(api: Api, person: Person, order: dict[str, Any]) -> tuple[Answer, bytes]:
    """Order, let a worker work, download."""
    ordered = await person.post("/analytics/export", order)
    assert ordered.status == 200, ordered.body
    assert (ordered["status"], ordered["download_url"]) == ("processing", None)
    await api.drain()
    status = await person.get(f"/analytics/export/{ordered['export_id']}/status")
    assert (status["status"], status["progress"]) == ("completed", 100), status.body
    response = await api.client.get(status["download_url"], headers={"Authorization": f"Bearer {person.token}"})
    assert response.status_code == 200
    assert int(response.headers["content-length"]) == len(response.content) == status["size"]
    assert response.headers["content-disposition"].endswith(f'.{order["format"]}"')
    return status, response.content


def parts_of(content: bytes) -> list[list[list[str]]]:
    """The parts of a CSV, each as rows."""
    parts: list[list[list[str]]] = [[]]
    for row in csv.reader(io.StringIO(content.decode("utf-8-sig"))):
        if row:
            parts[-1].append(row)
        else:
            parts.append([])
    return parts


async def test_a_report_of_learners(api: Api) -> None:
    await have_learned(api)
    ivan = await api.sign_in("ivan")

    _, content = await fetch(api, ivan, body())

    assert content.startswith(b"\xef\xbb\xbf")
    summary, details, advice = parts_of(content)
    assert ["Concepts completed", "2"] in summary
    assert [row[0] for row in details] == ["User", "alice", "bob"]
    alice = dict(zip(details[0], details[1], strict=True))
    assert (alice["Completed"], alice["Answers"], alice["Hours"]) == ("1", "7", "1.5")
    assert float(alice["Failure rate"]) == pytest.approx(5 / 7, abs=1e-4)
    assert advice[1][2].startswith("the last 5 answers to Python functions failed")


async def test_dates_learners_and_milestones_narrow_it(api: Api) -> None:
    await have_learned(api)
    ivan, today = await api.sign_in("ivan"), api.clock().date()
    since = str(today - timedelta(days=10))

    _, recent = await fetch(api, ivan, body(start_date=since, end_date=str(today)))
    _, of_bob = await fetch(api, ivan, body(user_ids=["bob"]))
    _, beyond = await fetch(api, ivan, body(milestones=["Beyond"]))

    assert ["Concepts completed", "1"] in parts_of(recent)[0]
    assert [row[0] for row in parts_of(of_bob)[1]] == ["User", "bob"]
    assert ["Concepts completed", "0"] in parts_of(beyond)[0]


async def test_whoever_is_named_twice_is_one_learner(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("learntrac.analytics.gathering.LEARNERS_AT_ONCE", 1)
    await have_learned(api)

    _, content = await fetch(api, await api.sign_in("ivan"), body(user_ids=["alice", "bob", "alice"]))

    summary, details, _ = parts_of(content)
    assert ["Active learners", "2"] in summary
    assert [row[0] for row in details] == ["User", "alice", "bob"]


async def test_reviews_are_counted_in_the_concepts_of_the_report(api: Api) -> None:
    """Others may be hidden from whoever ordered it, or of other milestones."""
    await study(api, "alice", MESSAGES, days_ago(api, 400), RIGHT, RIGHT)
    ivan = await api.sign_in("ivan")

    _, everything = await fetch(api, ivan, body())
    _, beyond = await fetch(api, ivan, body(milestones=["Beyond"]))

    assert [row[2] for row in parts_of(everything)[2][1:]] == ["1 mastered concept is due for review"]
    assert parts_of(beyond)[2][1:] == []


@pytest.mark.parametrize("report", ["learner_progress", "concept_analytics", "milestone_summary"])
@pytest.mark.parametrize(("format_", "magic"), [("pdf", b"%PDF"), ("xlsx", b"PK"), ("csv", b"\xef\xbb\xbf")])
async def test_every_report_in_every_format(api: Api, report: str, format_: str, magic: bytes) -> None:
    await have_learned(api)

    _, content = await fetch(api, await api.sign_in("ivan"), body(format_, report))

    assert content.startswith(magic)
    if format_ == "xlsx":
        names = zipfile.ZipFile(io.BytesIO(content)).namelist()
        assert any(name.startswith("xl/chartsheets/") for name in names)


async def test_reports_say_what_the_dashboard_says(api: Api) -> None:
    """The same history in every figure that two places show."""
    await have_learned(api)
    ivan, alice, today = await api.sign_in("ivan"), await api.sign_in("alice"), api.clock().date()
    month = {"start_date": str(today - timedelta(days=29)), "end_date": str(today)}

    _, learners = await fetch(api, ivan, body(**month))
    _, concepts = await fetch(api, ivan, body(report="concept_analytics", **month))
    shown = await ivan.get("/analytics/dashboard", timeframe="month")
    own = await alice.get("/analytics/dashboard", timeframe="month")
    history = await alice.get("/progress/history", **month)
    progress = await alice.get("/progress", timeframe="month")
    detail = await alice.get("/analytics/learner/alice")

    figures = {row[0]: row[1] for row in parts_of(learners)[0]}
    summary = shown["summary"]
    assert summary == own["summary"], "only alice learned this month"
    assert int(figures["Active learners"]) == summary["active_learners"] == 1
    completed = summary["concepts_completed"]
    assert int(figures["Concepts completed"]) == completed == history["totals"]["concepts_completed"]
    assert completed == progress["overall_progress"]["completed_concepts"]
    mastery = summary["average_mastery_score"]
    assert float(figures["Average mastery"]) == mastery == history["totals"]["average_mastery_score"]
    assert mastery == detail["performance_metrics"]["overall_mastery"]
    hours = summary["total_learning_hours"]
    assert float(figures["Learning hours"]) == hours == history["totals"]["total_time_spent"] / 3600
    assert float(figures["Completion rate"]) == shown["trends"]["completion_rate"]["current"]
    (struggling,) = shown["struggling_areas"]
    rows = parts_of(concepts)[1]
    of_functions = dict(zip(rows[0], rows[2], strict=True))
    assert float(of_functions["Failure rate"]) == struggling["failure_rate"]
    assert float(of_functions["Answers each"]) == struggling["average_attempts"]


async def test_bad_orders(api: Api) -> None:
    ivan, alice = await api.sign_in("ivan"), await api.sign_in("alice")
    assert (await alice.post("/analytics/export", body())).error == (403, "AUTHORIZATION_ERROR")
    assert (await api.anybody.post("/analytics/export", body())).error == (401, "AUTHENTICATION_ERROR")
    bad = [
        body("docx"),
        body(report="everything"),
        body(start_date="2026-02-02", end_date="2026-02-01"),
        body(start_date="yesterday"),
        body(start_date=1700000000),
        body(user_ids=["nobody-at-all"]),
        body(user_ids=[""]),
        body(user_ids=["a\0b"]),
        body(milestones=["No such milestone"]),
        body(user_ids=["x"] * 1001),
        body() | {"include_sections": []},
        body() | {"include_sections": ["secrets"]},
        body() | {"filters": None},
    ]
    for order in bad:
        answer = await ivan.post("/analytics/export", order)
        assert answer.error == (400, "VALIDATION_ERROR"), order
    assert (await ivan.get("/analytics/export"))["total"] == 0


async def test_others_orders_are_not_there(api: Api) -> None:
    ivan, admin = await api.sign_in("ivan"), await api.sign_in("admin")
    status, _ = await fetch(api, ivan, body())
    there = f"/analytics/export/{status['export_id']}"

    assert (await admin.get(f"{there}/status")).error == (404, "NOT_FOUND")
    assert (await admin.get(f"{there}/download")).error == (404, "NOT_FOUND")
    assert (await admin.post(f"{there}/cancel")).error == (404, "NOT_FOUND")
    assert (await ivan.get("/analytics/export"))["exports"][0]["export_id"] == status["export_id"]


async def test_ten_a_day_and_failed_ones_do_not_count(api: Api) -> None:
    ivan = await api.sign_in("ivan")
    answers = await asyncio.gather(*(ivan.post("/analytics/export", body()) for _ in range(13)))
    assert sorted(answer.status for answer in answers) == [200] * 10 + [429] * 3
    refused = next(answer for answer in answers if answer.status == 429)
    assert refused.error == (429, "RATE_LIMIT_EXCEEDED")
    assert 86_000 < int(refused.headers["retry-after"]) <= 86_401

    async with api.parts.database.begin() as session:
        await session.execute(text("UPDATE export SET status = 'failed' WHERE id = (SELECT min(id) FROM export)"))
    assert (await ivan.post("/analytics/export", body())).status == 200
    assert (await ivan.post("/analytics/export", body())).status == 429
    api.clock.forward(hours=24, minutes=1)
    assert (await (await api.sign_in("ivan")).post("/analytics/export", body())).status == 200


async def test_the_same_key_orders_once(api: Api) -> None:
    ivan, key = await api.sign_in("ivan"), {"Idempotency-Key": "report of today"}

    first, again = [await ivan.post("/analytics/export", body(), headers=key) for _ in range(2)]

    assert first.body == again.body
    assert (await ivan.get("/analytics/export"))["total"] == 1


async def test_cancelling(api: Api) -> None:
    ivan = await api.sign_in("ivan")
    ordered = await ivan.post("/analytics/export", body())
    there = f"/analytics/export/{ordered['export_id']}"
    assert (await ivan.get(f"{there}/download")).error == (409, "CONFLICT")

    cancelled = await ivan.post(f"{there}/cancel")
    drained = await api.drain()

    assert cancelled["status"] == "cancelled"
    assert (drained.failed, drained.retrying) == (0, 0)
    assert (await ivan.get(f"{there}/status"))["status"] == "cancelled"
    assert (await ivan.post(f"{there}/cancel")).error == (409, "CONFLICT")


async def test_one_that_is_cancelled_while_it_is_made_stops(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    await have_learned(api)
    ivan = await api.sign_in("ivan")
    ordered = await ivan.post("/analytics/export", body())
    write = exports._write

    async def cancel_then_write(*args: Any) -> None:
        assert (await ivan.post(f"/analytics/export/{ordered['export_id']}/cancel")).status == 200
        await write(*args)

    monkeypatch.setattr(exports, "_write", cancel_then_write)
    await api.drain()

    assert (await ivan.get(f"/analytics/export/{ordered['export_id']}/status"))["status"] == "cancelled"
    async with api.parts.database.read() as session:
        assert (await session.execute(text("SELECT count(*) FROM export_piece"))).scalar_one() == 0


async def test_a_worker_that_dies_leaves_it_to_the_next(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    await have_learned(api)
    ivan = await api.sign_in("ivan")
    ordered = await ivan.post("/analytics/export", body("xlsx"))
    write = exports._write

    async def die(*_args: Any) -> None:
        raise asyncio.CancelledError  # what a worker's end is for its job

    monkeypatch.setattr(exports, "_write", die)
    (task,) = [task for task in all_tasks(api.parts) if task.name == exports.TASK]
    with pytest.raises(asyncio.CancelledError):
        await task.handler({"export_id": ordered["export_id"]})
    monkeypatch.setattr(exports, "_write", write)
    await api.drain()
    await task.handler({"export_id": ordered["export_id"]})  # once more does no harm

    assert (await ivan.get(f"/analytics/export/{ordered['export_id']}/status"))["status"] == "completed"


async def test_one_that_cannot_be_made_is_failed(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    ivan = await api.sign_in("ivan")
    ordered = await ivan.post("/analytics/export", body())

    async def break_down(*_args: Any) -> None:
        raise ValueError("a detail that is nobody's business")

    monkeypatch.setattr(exports, "_write", break_down)
    assert (await api.drain()).failed == 1

    status = await ivan.get(f"/analytics/export/{ordered['export_id']}/status")
    assert (status["status"], status["error"]) == ("failed", "The report could not be made.")


async def test_files_are_gone_after_a_day_and_lost_orders_are_failed(api: Api) -> None:
    ivan = await api.sign_in("ivan")
    status, _ = await fetch(api, ivan, body())
    api.clock.forward(hours=24, seconds=1)
    there, ivan = f"/analytics/export/{status['export_id']}", await api.sign_in("ivan")
    assert (await ivan.get(f"{there}/download")).error == (409, "CONFLICT"), "though its file is still there"
    lost = await ivan.post("/analytics/export", body())
    api.clock.forward(hours=7)

    async with api.parts.database.begin() as session:
        await exports.tend(session, now=api.clock())

    ivan = await api.sign_in("ivan")
    gone = await ivan.get(f"{there}/status")
    assert (gone["status"], gone["download_url"]) == ("expired", None)
    assert (await ivan.get(f"/analytics/export/{lost['export_id']}/status"))["status"] == "failed"
    async with api.parts.database.read() as session:
        assert (await session.execute(text("SELECT count(*) FROM export_piece"))).scalar_one() == 0
    api.clock.forward(days=31)
    async with api.parts.database.begin() as session:
        await exports.tend(session, now=api.clock())
    assert (await (await api.sign_in("ivan")).get("/analytics/export"))["total"] == 0


async def test_somebody_who_is_erased_is_in_no_report(api: Api) -> None:
    await have_learned(api)
    ivan = await api.sign_in("ivan")
    status, _ = await fetch(api, ivan, body(user_ids=["alice", "bob"]))

    await erase_user(make_settings(api.trac.folder), name="alice", write=True, settle_seconds=0)

    there = f"/analytics/export/{status['export_id']}"
    assert (await ivan.get(f"{there}/status"))["status"] == "expired"
    assert (await ivan.get(f"{there}/download")).error == (409, "CONFLICT")
    async with api.parts.database.read() as session:
        filters = (await session.execute(text("SELECT filters FROM export"))).scalar_one()
    assert "alice" not in filters
    assert "bob" in filters


async def test_looks_are_in_the_audit_log(api: Api) -> None:
    ivan, admin = await api.sign_in("ivan"), await api.sign_in("admin")
    await fetch(api, ivan, body())
    await ivan.get("/analytics/at-risk")

    acts = [entry["action"] for entry in (await admin.get("/audit", actor="ivan"))["entries"]]

    assert {"export.order", "export.download", "at_risk.view"} <= set(acts)
