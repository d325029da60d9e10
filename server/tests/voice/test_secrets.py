"""What the log says of voice connections, and what it does not."""

import pytest
import websockets

from tests.kit.conftest import Log, log
from tests.voice.clients import learner_at
from tests.voice.conftest import Live, listening
from tests.voice.test_bounds import sqlite_live

__all__ = ["Live", "listening", "log", "sqlite_live"]


async def test_a_token_in_the_address_is_not_logged(sqlite_live: Live, log: Log) -> None:
    alice = await sqlite_live.api.sign_in("alice")
    assert alice.token is not None
    async with learner_at(sqlite_live.url(alice.token)) as learner:
        await learner.connect()
        await learner.send("disconnect")
        await learner.end_code()

    assert "/ws/voice" in log.text, "the connection itself is logged"
    assert alice.token not in log.text
    assert alice.token.rpartition(".")[2] not in log.text


async def test_who_is_refused_is_no_error_of_the_server(sqlite_live: Live, log: Log) -> None:
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with learner_at(sqlite_live.url("forged")):
            pass

    answer = refused.value.response
    assert (answer.status_code, answer.headers["content-type"]) == (401, "application/json")
    assert b"AUTHENTICATION_ERROR" in (answer.body or b"")
    assert "/ws/voice" in log.text
    assert "handshake" not in log.text
    assert '"error"' not in log.text
