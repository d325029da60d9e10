"""What is bounded: minutes, connections, sizes and patience. Nothing is said here, so no engine has to listen."""

import asyncio
import base64
import json
import socket
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
import websockets

from learntrac.audit.service import NO_REQUEST
from learntrac.voice import sockets
from learntrac.voice import studio as studio_module
from tests.conftest import Api, Clock, TracCopy, eventually, serving
from tests.voice.clients import Learner, as_wav, learner_at, silence
from tests.voice.conftest import Live, listening
from tests.voice.gateway_emulator import SECRET


@asynccontextmanager
async def served(trac: TracCopy, **changes: object) -> AsyncIterator[Live]:
    async with serving(trac, Clock(), **changes) as api, listening(api) as live:
        yield live


async def used_milliseconds(api: Api, name: str) -> int:
    rows = await api.parts.database.hot.rows(
        "SELECT coalesce(sum(milliseconds), 0) FROM voice_usage WHERE user_id = $1", name
    )
    return int(rows[0][0])


async def stream_silence(learner: Learner, seconds: int) -> None:
    """So much sound without a word, in seconds, and wait until it was heard."""
    for _ in range(seconds):
        await learner.stream(silence(1.0), final=False, chunk_bytes=64_000)
    await learner.send("ping", id=seconds)


async def _nobody(api: Api) -> bool:
    return not api.parts.studio.open


class TestMinutes:
    async def test_live_and_uploaded_sound_share_the_day_s_minutes_to_the_millisecond(
        self, trac_copy: TracCopy
    ) -> None:
        async with served(trac_copy, voice_minutes_per_day=1) as live:
            alice = await live.api.sign_in("alice")
            async with learner_at(live.url(alice.token)) as learner:
                await learner.connect(audio_format="pcm16")
                await stream_silence(learner, 43)
                await learner.hear("pong")
                await learner.send("disconnect")
                assert await learner.end_code() == 1000
            assert await used_milliseconds(live.api, "alice") == 43_000

            long = {"audio_file": ("long.wav", as_wav(silence(18.0)), "audio/wav")}
            refused = await alice.post("/voice/transcribe", files=long)
            assert refused.error == (429, "RATE_LIMIT_EXCEEDED")
            assert 0 < int(refused.headers["retry-after"]) <= 86_400
            assert await used_milliseconds(live.api, "alice") == 43_000

            async with learner_at(live.url(alice.token)) as one, learner_at(live.url(alice.token)) as two:
                await one.connect(audio_format="pcm16")
                await two.connect(audio_format="pcm16")
                await stream_silence(one, 9)
                await one.hear("pong")
                await stream_silence(two, 9)
                told = await two.hear("error")
                assert await two.end_code() == 4429
            assert told["code"] == "RATE_LIMIT_EXCEEDED"

    async def test_another_day_has_its_own(self, trac_copy: TracCopy) -> None:
        async with served(trac_copy, voice_minutes_per_day=0) as live:
            alice = await live.api.sign_in("alice")
            async with learner_at(live.url(alice.token)) as learner:
                await learner.connect(audio_format="pcm16")
                await stream_silence(learner, 1)
                assert await learner.end_code() == 4429


class TestTokens:
    async def test_an_expired_token_closes_the_connection_unless_it_was_renewed(self, trac_copy: TracCopy) -> None:
        async with served(trac_copy, access_token_seconds=60) as live:
            alice = await live.api.sign_in("alice")
            live.api.clock.forward(seconds=30)
            async with learner_at(live.url(alice.token)) as learner, learner_at(live.url(alice.token)) as renewing:
                await learner.connect()
                await renewing.connect()
                later = await live.api.sign_in("alice")
                other = await live.api.sign_in("bob")
                await renewing.send("renew", token=other.token)
                assert (await renewing.hear("error"))["code"] == "AUTHENTICATION_ERROR"
                await renewing.send("renew", token=later.token)
                await renewing.hear("renewed")
                live.api.clock.forward(seconds=40)
                assert await learner.end_code() == 4401
                await renewing.send("ping", id=1)
                await renewing.hear("pong")

    async def test_an_expired_token_opens_nothing(self, trac_copy: TracCopy) -> None:
        async with served(trac_copy, access_token_seconds=60) as live:
            alice = await live.api.sign_in("alice")
            ticket = (await alice.post("/voice/ticket"))["ticket"]
            live.api.clock.forward(seconds=70)
            with pytest.raises(websockets.InvalidStatus):
                async with learner_at(live.url(alice.token)):
                    pass
            async with learner_at(live.url()) as learner:
                await learner.send("connect", ticket=ticket)
                assert await learner.end_code() == 4401


@pytest.fixture
async def here(sqlite_live: Live) -> Live:
    return sqlite_live


@pytest.fixture
async def sqlite_live(module_trac: TracCopy) -> AsyncIterator[Live]:
    async with serving(module_trac, Clock()) as api, listening(api) as live:
        yield live


class TestAbuse:
    async def test_a_large_frame_is_not_read(self, here: Live) -> None:
        alice = await here.api.sign_in("alice")
        async with learner_at(here.url(alice.token)) as learner:
            await learner.connect()
            with suppress(websockets.ConnectionClosed):
                await learner.socket.send("x" * (15 * 1024 * 1024))
            assert await learner.closed() == 1009

    async def test_who_says_nothing_is_let_go(self, here: Live, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sockets, "FIRST_MESSAGE_WITHIN_SECONDS", 0.1)
        async with learner_at(here.url()) as learner:
            assert await learner.end_code() == 4408

    async def test_too_many_who_say_nothing_are_refused(self, here: Live, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sockets, "MOST_UNKNOWN", 1)
        async with learner_at(here.url()):
            await asyncio.sleep(0.1)
            with pytest.raises(websockets.InvalidStatus) as refused:
                async with learner_at(here.url()):
                    pass
        assert refused.value.response.status_code == 503

    async def test_who_does_not_read_is_let_go(self, here: Live, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sockets, "MOST_WAITING_BYTES", 20_000)
        monkeypatch.setattr(sockets, "READ_WITHIN_SECONDS", 0.5)
        alice = await here.api.sign_in("alice")
        narrow = socket.socket()
        narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        narrow.connect(("127.0.0.1", here.port))
        async with websockets.connect(here.url(alice.token), sock=narrow, max_queue=1) as deaf:
            await deaf.send(json.dumps({"action": "connect", "data": {}}))
            with pytest.raises(websockets.ConnectionClosed):  # noqa: PT012 - it is closed somewhere in between
                for number in range(200_000):
                    await deaf.send(json.dumps({"action": "ping", "data": {"id": number}}))
            deaf.transport.abort()
        await eventually(lambda: _nobody(here.api))

    async def test_binary_messages_are_told_what_to_send(self, here: Live) -> None:
        alice = await here.api.sign_in("alice")
        async with learner_at(here.url(alice.token)) as learner:
            await learner.connect()
            await learner.socket.send(b"\x00\x01")
            assert (await learner.hear("error"))["reason"] == "not_text"

    async def test_who_is_never_understood_is_let_go(self, here: Live) -> None:
        alice = await here.api.sign_in("alice")
        async with learner_at(here.url(alice.token)) as learner:
            await learner.connect()
            for _ in range(20):
                await learner.socket.send("{")
            assert await learner.end_code() == 4400

    async def test_a_header_that_claims_ten_hours_is_not_believed(self, here: Live) -> None:
        alice = await here.api.sign_in("alice")
        wav = bytearray(as_wav(silence(0.5)))
        wav[40:44] = (36_000 * 32_000).to_bytes(4, "little")
        async with learner_at(here.url(alice.token)) as learner:
            await learner.connect(stream_audio=False)
            await learner.send("audio_stream", audio=base64.b64encode(wav).decode(), chunk_id=1, is_final=True)
            assert (await learner.hear("transcription", is_final=True))["text"] == ""
            await learner.send("disconnect")
            await learner.end_code()
        assert await used_milliseconds(here.api, "alice") == 500


class TestTheEnd:
    """What a server that stops does about talks that are being ended."""

    async def test_it_waits_for_what_is_being_written_down(self, here: Live) -> None:
        studio, written = here.api.parts.studio, []

        async def ending() -> None:
            await asyncio.sleep(0.1)
            written.append("what was heard")

        studio.see_off(ending())
        await studio.close()

        assert written == ["what was heard"]

    async def test_it_does_not_wait_for_ever(self, here: Live, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(studio_module, "ENDED_WITHIN_SECONDS", 0.1)
        studio, given_up = here.api.parts.studio, []

        async def endless() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                given_up.append("in order")

        late = studio.see_off(endless())
        async with asyncio.timeout(5):
            await studio.close()
            await studio.close()

        assert late.cancelled()
        assert given_up == ["in order"]


def rename_table(trac: TracCopy, old: str, new: str) -> None:
    """Take a table away, or bring it back."""
    with sqlite3.connect(trac.folder / "db" / "learntrac.db") as connection:
        connection.execute(f"ALTER TABLE {old} RENAME TO {new}")
    connection.close()


async def test_a_server_that_fails_says_so_and_counts_the_connection_out(here: Live, module_trac: TracCopy) -> None:
    alice = await here.api.sign_in("alice")
    async with learner_at(here.url(alice.token)) as learner:
        await learner.connect(audio_format="pcm16")
        await asyncio.to_thread(rename_table, module_trac, "voice_usage", "away")
        try:
            await learner.stream(silence(1.0), final=False)
            assert await learner.end_code() == 1011
        finally:
            await asyncio.to_thread(rename_table, module_trac, "away", "voice_usage")
    await eventually(lambda: _nobody(here.api))
    assert not await here.api.parts.database.hot.rows("SELECT id FROM voice_connection")


async def test_a_restart_says_come_back(trac_copy: TracCopy) -> None:
    async with serving(trac_copy, Clock()) as api:
        async with listening(api) as live:
            alice = await api.sign_in("alice")
            learner = await websockets.connect(live.url(alice.token))
            await learner.send(json.dumps({"action": "connect", "data": {}}))
            await learner.recv()
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await learner.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1012


class TestGatewayDoor:
    async def test_without_a_gateway_there_is_no_door(self, here: Live) -> None:
        answer = await here.api.client.post("/ws/voice/gateway", headers={"X-Gateway-Route": "$connect"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "NOT_FOUND")

    async def test_only_the_gateway_may_call(self, module_trac: TracCopy) -> None:
        settings = {"voice_gateway_url": "http://127.0.0.1:9", "voice_gateway_secret": SECRET}
        async with serving(module_trac, Clock(), **settings) as api:

            async def call(**headers: str) -> int:
                named = {name.replace("_", "-"): value for name, value in headers.items()}
                return (await api.client.post("/ws/voice/gateway", headers=named)).status_code

            mine = {"x_gateway_secret": SECRET, "x_gateway_connection": "c1"}
            assert await call(x_gateway_route="$connect", x_gateway_connection="c1") == 401
            assert await call(x_gateway_route="$connect", **mine | {"x_gateway_secret": "a guess"}) == 401
            assert await call(x_gateway_route="$connect", x_gateway_secret=SECRET) == 400
            assert await call(x_gateway_route="$fly", **mine) == 400
            assert await call(x_gateway_route="$connect", **mine) == 200
            assert await call(x_gateway_route="$disconnect", **mine) == 200
            assert await call(x_gateway_route="$default", **mine | {"x_gateway_connection": "c2"}) == 404

    async def test_messages_that_come_at_once_belong_to_one_talk(self, module_trac: TracCopy) -> None:
        settings = {"voice_gateway_url": "http://127.0.0.1:9", "voice_gateway_secret": SECRET}
        async with serving(module_trac, Clock(), **settings) as api:
            talks, alice = api.parts.gateway_talks, await api.sign_in("alice")
            assert talks is not None
            await talks.connected("c3", alice.token)
            await talks.message("c3", b'{"action": "connect", "data": {}}', NO_REQUEST)
            first, second = await asyncio.gather(talks._find("c3"), talks._find("c3"))
            await talks.disconnected("c3")

        assert first is second is not None
