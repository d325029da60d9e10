"""One person's data erased: none of it is left, and nobody else's is touched."""

import asyncio
from typing import Any

import orjson
import pytest

from learntrac.activity.service import rebuild
from learntrac.operations import erase_user
from learntrac.privacy.pseudonyms import pseudonym
from learntrac.privacy.sections import SECTIONS
from tests.accounts.helpers import is_signed_in, log_in, rows
from tests.audit.looking import acts, entries
from tests.conftest import SECRET, Api, Person, eventually, make_settings
from tests.exercises.conftest import DESIGN, QUIZ, Room
from tests.privacy.people import have_learned, naming, tables
from tests.progress.studying import RIGHT, days_ago, study

SUMS = {"day_total", "window_change", "concept_window", "activity_state"}
ALICE, IVAN = pseudonym(SECRET.encode(), "alice"), pseudonym(SECRET.encode(), "ivan")
BY_HAND = {"points": {"Clarity": 0.5}}
MESSAGES = 1


async def erase(api: Api, name: str, *, write: bool = True) -> dict[str, int]:
    settings = make_settings(api.trac.folder)
    return await erase_user(settings, name=name, write=write, settle_seconds=0)


async def test_a_dry_run_counts_and_changes_nothing(api: Api) -> None:
    await have_learned(api, "alice", "bob")
    before = await tables(api)

    counts = await erase(api, "alice", write=False)

    assert await tables(api) == before
    assert list(counts) == [section.name for section in SECTIONS]
    assert all(counts.values()), counts


async def test_nothing_names_an_erased_person_any_more(api: Api) -> None:
    await have_learned(api, "alice", "bob")
    on_their_way = {"webhook_delivery", "webhook_attempt"}
    assert await naming(api, "alice") == {section.table.name for section in SECTIONS} | on_their_way

    would = await erase(api, "alice", write=False)
    assert await erase(api, "alice") == would

    assert await naming(api, "alice") == set()


async def test_everybody_else_keeps_everything(api: Api) -> None:
    await have_learned(api, "alice", "bob")

    def without_alice(found: dict[str, list[object]]) -> dict[str, list[object]]:
        return {name: [row for row in rows if "alice" not in repr(row)] for name, rows in found.items()}

    before = without_alice(await tables(api))
    await erase(api, "alice")
    after = {name: [row for row in rows if "erased-" not in repr(row)] for name, rows in (await tables(api)).items()}

    for name in SUMS:
        del before[name], after[name]
    assert after == before


async def test_sums_over_all_learners_are_as_if_the_person_had_never_been_there(api: Api) -> None:
    await have_learned(api, "alice", "bob")
    await erase(api, "alice")
    found = await tables(api)

    await rebuild(api.parts.database, now=api.clock())

    anew = await tables(api)
    nothing = dict.fromkeys(("day", "concept_id", "timeframe"), 0)
    for name in SUMS - {"activity_state"}:
        left = [row for row in found[name] if any(value for key, value in row.items() if key not in nothing)]
        assert sorted(map(repr, left)) == sorted(map(repr, anew[name])), name


async def test_sign_ins_end(api: Api) -> None:
    people = await have_learned(api, "alice", "bob")
    await erase(api, "alice")
    api.parts.live_sessions.forget()  # as if five seconds were over: the command is another process

    assert not await is_signed_in(api, people["alice"].token or "")
    refreshed = await api.anybody.post("/auth/refresh", {"refresh_token": people["alice"].login["refresh_token"]})
    assert refreshed.error == (401, "AUTHENTICATION_ERROR")
    assert await is_signed_in(api, people["bob"].token or "")


async def test_sign_ins_are_over_before_anything_is_erased(api: Api) -> None:
    """A server believes in a sign-in for some seconds more: what it writes meanwhile must be erased as well."""
    alice = (await have_learned(api, "alice"))["alice"]
    assert await is_signed_in(api, alice.token or "")
    settings = make_settings(api.trac.folder)
    erasing = asyncio.create_task(erase_user(settings, name="alice", write=True, settle_seconds=1))

    async def signed_out() -> bool:
        (row,) = await rows(api, "SELECT revoked_at FROM auth_session")
        return row.revoked_at is not None

    await eventually(signed_out)
    # On SQLite the sign-in is still remembered here; at PostgreSQL every request is checked.
    remembered = api.parts.database.is_sqlite
    assert (await alice.post("/concepts/6/start", {})).status == (200 if remembered else 401)
    assert not erasing.done()
    await erasing

    assert await naming(api, "alice") == set()


async def test_the_log_keeps_what_concerned_others_under_a_pseudonym(api: Api) -> None:
    await have_learned(api, "alice")
    counts = await erase(api, "alice")

    assert await acts(api) == [
        ("ivan", "progress.view", ALICE),
        ("cli", "account.add", ALICE),
        (ALICE, "progress.view", "carol"),
        ("cli", "user.erase", ALICE),
    ]
    *_, erasure = await entries(api)
    assert orjson.loads(erasure.details) == counts


async def test_no_request_or_address_leads_back_to_an_erased_person(api: Api) -> None:
    ivan, alice = await api.sign_in("ivan"), await api.sign_in("alice")
    assert (await ivan.get("/progress/alice")).status == 200
    await erase(api, "alice")

    (look,) = await entries(api, "progress.view")
    assert (look.actor, look.subject, look.request_id, look.address) == ("ivan", ALICE, "", "127.0.0.1")
    await erase(api, "ivan")
    (look,) = await entries(api, "progress.view")
    assert (look.actor, look.subject, look.address) == (pseudonym(SECRET.encode(), "ivan"), ALICE, "")
    assert alice.login["user"]["id"] == "alice"


async def test_an_instructor_who_graded_again_is_forgotten_and_the_grade_stays(api: Api) -> None:
    """Regrading, and judging a design: the name is nowhere, the learner keeps the verdict and the evidence."""
    room = Room(api, await api.sign_in("ivan"), await api.sign_in("alice"), await api.sign_in("bob"))
    attempts = [await _graded_again(room, QUIZ, "regrade", {}), await _graded_again(room, DESIGN, "override", BY_HAND)]
    before = await tables(api)

    counts = await erase(api, "ivan")

    after = await tables(api)
    assert counts["submissions"] == 2
    assert await naming(api, "ivan") <= {"concept"}, "Trac's word for who owns a ticket"
    assert [(row["regraded_by"], row["note"]) for row in after["submission"]] == [(IVAN, "")] * 2
    assert after["evidence"] == before["evidence"]
    kept = [await _only_attempt(room, exercise) for exercise in (QUIZ, DESIGN)]
    assert kept == [attempt | {"regraded_by": IVAN, "note": ""} for attempt in attempts]


async def _graded_again(room: Room, exercise: dict[str, Any], how: str, more: dict[str, Any]) -> dict[str, Any]:
    """Alice's attempt, as she sees it after ivan graded it again."""
    name = await room.offer(exercise)
    session_id = (await room.start(room.alice, name))["session_id"]
    given: dict[str, Any] = {"answers": {}} if exercise is QUIZ else {"code": DESIGN["solution"]}
    done = await room.hand_in(room.alice, name, session_id, **given)
    path = f"/exercises/{name}/attempts/{done['attempt_id']}/{how}"
    assert (await room.ivan.post(path, more | {"note": "I, ivan, looked again"})).status == 200
    return await _only_attempt(room, exercise)


async def _only_attempt(room: Room, exercise: dict[str, Any]) -> dict[str, Any]:
    (attempt,) = (await room.alice.get(f"/exercises/{exercise['id']}/attempts"))["attempts"]
    return dict(attempt)


async def test_an_erased_learner_is_in_no_order_of_a_report_that_others_keep(api: Api) -> None:
    """Orders that are done, waiting and cancelled, of two people; a name that merely holds the other stays."""
    people = await have_learned(api, "alice", "bob")
    await study(api, "alice2", MESSAGES, days_ago(api, 2), RIGHT)
    ivan, admin = await api.sign_in("ivan"), await api.sign_in("admin")
    done = await _order_report(ivan, "alice", "bob")
    await api.drain()
    gone = await _order_report(admin, "alice2", "alice")
    assert (await admin.post(f"/analytics/export/{gone}/cancel")).status == 200
    waiting, others = await _order_report(admin, "alice"), await _order_report(ivan, "alice2", "bob")

    await erase(api, "alice")

    found = {row["id"]: orjson.loads(row["filters"]).get("user_ids") for row in (await tables(api))["export"]}
    assert {name: found[name] for name in (done, gone, waiting, others)} == {
        done: ["bob"],
        gone: ["alice2"],
        waiting: [],
        others: ["alice2", "bob"],
    }
    await api.drain()  # an order that lost its only learner must not become one of everybody
    assert (await admin.get(f"/analytics/export/{waiting}/status"))["status"] == "cancelled"
    assert people["bob"].token


async def _order_report(person: Person, *names: str) -> str:
    order = {"report_type": "learner_progress", "format": "csv", "filters": {"user_ids": list(names)}}
    answer = await person.post("/analytics/export", order | {"include_sections": ["summary"]})
    assert answer.status == 200, answer.body
    return str(answer["export_id"])


async def test_whoever_comes_back_begins_anew(api: Api) -> None:
    await have_learned(api, "bob")
    async with api.parts.database.begin() as session:
        await session.run_sync(lambda sync: sync.connection().exec_driver_sql("DELETE FROM local_account"))
    await erase(api, "bob")

    again = await api.sign_in("bob")
    assert (await again.get("/progress"))["overall_progress"]["in_progress_concepts"] == 0
    assert (await erase(api, "bob"))["events"] == 0
    assert await naming(api, "bob") == set()


async def test_a_local_account_is_gone_too(api: Api) -> None:
    await have_learned(api, "alice")
    assert (await log_in(api.anybody, "alice")).status == 401, "the local account's password counts, not Trac's"

    await erase(api, "alice")
    assert (await log_in(api.anybody, "alice")).status == 200


async def test_a_person_nothing_is_held_about_cannot_be_erased(api: Api) -> None:
    await have_learned(api, "alice")
    for write in (False, True):
        with pytest.raises(ValueError, match="LearnTrac holds nothing about zoe"):
            await erase(api, "zoe", write=write)
    await erase(api, "alice")
    with pytest.raises(ValueError, match="holds nothing about alice"):
        await erase(api, "alice")


async def test_trac_is_not_written_to(api: Api) -> None:
    await have_learned(api, "alice")
    wanted = "SELECT sid, name, value FROM session_attribute ORDER BY sid, name"
    before = api.trac.execute(wanted)
    await erase(api, "alice")

    assert api.trac.execute(wanted) == before
    assert any(row[0] == "alice" for row in before)


def test_a_pseudonym_needs_the_key() -> None:
    assert pseudonym(b"one key", "alice") == pseudonym(b"one key", "alice")
    others = {pseudonym(b"one key", "bob"), pseudonym(b"another key", "alice"), pseudonym(b"one key", "Alice")}
    assert pseudonym(b"one key", "alice") not in others
    assert len(others) == 3
    assert len(ALICE) <= 255
