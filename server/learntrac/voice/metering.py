"""The day's minutes: counted in blocks before the sound is heard, so that no two connections use the same second."""

from collections.abc import Callable

from learntrac.kit.clock import Clock
from learntrac.kit.db import Database
from learntrac.voice import service
from learntrac.voice.conversation import Conversation
from learntrac.voice.tools import Place

BLOCK_MILLISECONDS = 10_000
"""So much is counted in at once: a statement for each chunk would cost more than hearing it."""


class DayMeter:
    """Of one learner."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        user_id: str,
        minutes_a_day: int,
        on_heard: Callable[[float], None],
    ) -> None:
        """`on_heard` is told of the seconds, for the server's figures."""
        self._database = database
        self._clock = clock
        self._user_id = user_id
        self._minutes_a_day = minutes_a_day
        self._on_heard = on_heard

    async def take(self, talk: Conversation, seconds: float) -> None:
        """So much more was sent. Raises MinutesUsedUp."""
        self._on_heard(seconds)
        talk.allowance_milliseconds -= round(seconds * 1000)
        while talk.allowance_milliseconds < 0:
            block = max(BLOCK_MILLISECONDS, -talk.allowance_milliseconds)
            async with self._database.begin() as session:
                talk.allowance_milliseconds += await service.reserve(
                    session,
                    user_id=self._user_id,
                    milliseconds=block,
                    minutes_a_day=self._minutes_a_day,
                    now=self._clock(),
                )

    async def settle(self, place: Place) -> None:
        """No more comes: what was counted in and not used is the learner's again."""
        async with place.taken() as talk:
            unused, talk.allowance_milliseconds = talk.allowance_milliseconds, 0
        if unused > 0:
            async with self._database.begin() as session:
                await service.give_back(session, user_id=self._user_id, milliseconds=unused, now=self._clock())
