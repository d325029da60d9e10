"""A token in the address of a voice connection is in no line of the log."""

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
