"""Trac's users as accounts see them: the protocol `accounts.directory.Directory`, over the password stores and
permissions of a Trac.
"""

import asyncio
from dataclasses import dataclass

from learntrac.kit.errors import Unavailable
from learntrac.trac.credentials import CredentialsUnavailable
from learntrac.trac.environment import TracEnvironment

CHECKS_AT_ONCE = 4
"""Hashing keeps a core busy; more at once would only starve everything else."""


@dataclass(frozen=True)
class TracUser:
    """How Trac knows a user; empty where the user's preferences say nothing."""

    email: str
    full_name: str


class TracDirectory:
    """The users of one Trac."""

    def __init__(self, environment: TracEnvironment) -> None:
        self._environment = environment
        self._room = asyncio.Semaphore(CHECKS_AT_ONCE)

    async def authenticate(self, username: str, password: str) -> str | None:
        """The user's id where the password is right, else None. Raises Unavailable where a store cannot be read."""
        credentials = self._environment.credentials
        user_id = credentials.account_name(username)
        stored = await self._session_hash(user_id)
        sample = await self._environment.source.find_any_session_hash() if credentials.uses_sessions else None
        async with self._room:
            try:
                fits = await asyncio.to_thread(credentials.check, username, password, stored, sample)
            except CredentialsUnavailable as error:
                raise Unavailable("Trac's passwords cannot be read now.", retry_after_seconds=5) from error
        return user_id if fits else None

    async def has_account(self, user_id: str) -> bool:
        """Whether a password store still has the user. Raises Unavailable where a store cannot be read."""
        stored = await self._session_hash(user_id)
        try:
            return await asyncio.to_thread(self._environment.credentials.exists, user_id, stored)
        except CredentialsUnavailable as error:
            raise Unavailable("Trac's passwords cannot be read now.", retry_after_seconds=5) from error

    async def get_profile(self, user_id: str) -> TracUser:
        """E-mail address and name as the user's preferences in Trac have them."""
        found = await self._environment.source.session_attributes(user_id)
        return TracUser(email=found.get("email", ""), full_name=found.get("name", ""))

    def roles(self, user_id: str) -> tuple[str, ...]:
        """The roles that Trac's permissions give."""
        return self._environment.roles(user_id)

    async def _session_hash(self, user_id: str) -> str | None:
        if not self._environment.credentials.uses_sessions:
            return None
        return (await self._environment.source.session_attributes(user_id)).get("password") or None
