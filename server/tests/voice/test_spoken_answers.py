"""Spoken answers: fetched while they are made, gone after an hour, in a bucket where there is one."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from learntrac.kit.http.doors import API
from learntrac.voice import fetching, jobs, service
from learntrac.voice.recording import Recording, Shelf
from tests.backends.object_server import BUCKET, CREDENTIALS, ObjectServer, object_server
from tests.conftest import Answer, Api, Person, TracCopy, eventually, serving


def recording_of(api: Api, user_id: str = "alice") -> Recording:
    return Recording(Shelf(api.parts.database, api.parts.objects, api.parts.clock), user_id=user_id)


async def tidy(api: Api) -> None:
    """What is done every ten minutes."""
    (task,) = jobs.tasks(api.parts.database, api.parts.objects, clock=api.parts.clock)
    await task.handler({})


async def fetch(person: Person, recording: Recording) -> Answer:
    return await person.get(f"/voice/audio/{recording.audio_id}.mp3")


async def test_it_is_fetched_while_it_is_made(api: Api) -> None:
    alice = await api.sign_in("alice")
    recording = recording_of(api)
    recording.add(b"one ")
    recording.flush()

    async def is_there() -> bool:
        return bool(await service.read_parts(api.parts.database.hot, audio_id=recording.audio_id, after=0))

    await eventually(is_there)
    fetching_it = asyncio.create_task(fetch(alice, recording))
    await asyncio.sleep(0.2)
    assert not fetching_it.done(), "it waits for the rest"
    recording.add(b"two")
    await recording.complete()
    answer = await fetching_it

    assert (answer.status, answer.body) == (200, "one two")


async def test_who_makes_it_may_die(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "GIVEN_UP_AFTER_SECONDS", 0.2)
    alice = await api.sign_in("alice")
    recording = recording_of(api)
    recording.add(b"one")
    recording.flush()
    await asyncio.sleep(0.2)

    assert (await fetch(alice, recording)).body == "one"
    await recording.complete()


async def test_it_is_gone_after_an_hour(api: Api) -> None:
    alice = await api.sign_in("alice")
    recording = recording_of(api)
    recording.add(b"one")
    await recording.complete()
    assert (await fetch(alice, recording)).status == 200

    api.clock.forward(minutes=61)
    alice = await api.sign_in("alice")
    assert (await fetch(alice, recording)).error == (404, "NOT_FOUND")
    await tidy(api)
    assert not await api.parts.database.hot.rows("SELECT place FROM voice_audio_part")


async def test_export_and_erasure_cover_it(api: Api) -> None:
    alice = await api.sign_in("alice")
    recording = recording_of(api)
    recording.add(b"one")
    await recording.complete()

    export = await alice.get("/users/me/export")

    assert [one["id"] for one in export["spoken_answers"]["rows"]] == [recording.audio_id]
    assert "mp3" not in export["spoken_answers_sound"]["rows"][0]


@pytest.fixture
async def bucket(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ObjectServer]:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    async with object_server() as running:
        yield running


class TestBucket:
    async def test_a_finished_answer_lies_in_the_bucket_and_its_address_leads_there(
        self, trac_copy: TracCopy, bucket: ObjectServer
    ) -> None:
        async with serving(trac_copy, voice_bucket=BUCKET, voice_bucket_url=bucket.url) as api:
            alice, bob = await api.sign_in("alice"), await api.sign_in("bob")
            recording = recording_of(api)
            recording.add(b"one")
            await recording.complete()

            address = f"{API}/voice/audio/{recording.audio_id}.mp3"
            leads = await api.client.get(address, headers={"Authorization": f"Bearer {alice.token}"})
            assert leads.status_code == 307
            assert (await fetch(bob, recording)).error == (404, "NOT_FOUND")
            assert bucket.objects == {f"voice/{recording.audio_id}.mp3": (b"one", "audio/mpeg")}
            assert leads.headers["location"].startswith(f"{bucket.url}/{BUCKET}/voice/{recording.audio_id}.mp3?")
            assert not await api.parts.database.hot.rows("SELECT place FROM voice_audio_part")

            api.clock.forward(minutes=61)
            await tidy(api)
            assert bucket.objects == {}

    async def test_while_the_bucket_is_away_the_answer_stays_in_the_database(
        self, trac_copy: TracCopy, bucket: ObjectServer
    ) -> None:
        async with serving(trac_copy, voice_bucket="another", voice_bucket_url=bucket.url) as api:
            alice = await api.sign_in("alice")
            recording = recording_of(api)
            recording.add(b"one")
            await recording.complete()

            assert (await fetch(alice, recording)).body == "one"
