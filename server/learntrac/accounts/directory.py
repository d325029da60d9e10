"""What accounts need to know of Trac, as a protocol: `trac/` implements it, `main` hands it in."""

from dataclasses import dataclass
from typing import Protocol


class UserProfile(Protocol):
    """How a user is known; empty where nobody said."""

    @property
    def email(self) -> str:
        """The e-mail address."""
        ...

    @property
    def full_name(self) -> str:
        """The name that people use."""
        ...


@dataclass(frozen=True)
class LocalProfile:
    """The profile of an account of LearnTrac's own, which has a name and a password only."""

    email: str = ""
    full_name: str = ""


class Directory(Protocol):
    """Trac's users. Every call raises `Unavailable` where what it needs of Trac is gone."""

    async def authenticate(self, username: str, password: str) -> str | None:
        """The user's id where the password is right, else None. An unknown user costs as much as a known one."""
        ...

    async def has_account(self, user_id: str) -> bool:
        """Whether Trac's password stores still know the user."""
        ...

    async def get_profile(self, user_id: str) -> UserProfile:
        """The user's e-mail address and name."""
        ...

    def roles(self, user_id: str) -> tuple[str, ...]:
        """The roles that Trac's permissions give: student, instructor, admin."""
        ...
