"""Bodies of the section "Authentication & Authorization"."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from learntrac.kit.fields import ApiTime, Body

Password = Annotated[str, Field(min_length=1, max_length=1024)]


class LoginRequest(Body):
    """A user's name and password."""

    username: Annotated[str, Field(min_length=1, max_length=255)]
    password: Password
    grant_type: Literal["password"] = "password"


class RefreshRequest(Body):
    """The refresh token of a login."""

    refresh_token: Annotated[str, Field(min_length=1, max_length=512)]


class User(BaseModel):
    """The user who signed in; `id` is the Trac username."""

    id: str
    username: str
    email: str
    roles: list[str]
    preferences: dict[str, Any]


class LoginReply(BaseModel):
    """Tokens for the user; `expires_in` is the access token's life in seconds."""

    access_token: str
    refresh_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 - the name of a kind of token
    expires_in: int
    user: User


class RefreshReply(BaseModel):
    """A new access token; a new refresh token too where the installation rotates them."""

    access_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 - the name of a kind of token
    expires_in: int


class RotatedReply(RefreshReply):
    """The reply of an installation that rotates refresh tokens: the one sent is used up."""

    refresh_token: str


class LogoutReply(BaseModel):
    """Said once the sign-in is over."""

    message: str = "Successfully logged out"


class LearningProfile(BaseModel):
    """What the evidence says of a learner. `preferred_learning_style` is the format asked for most: a preference
    only.
    """

    level: Literal["beginner", "intermediate", "advanced"]
    preferred_learning_style: str
    strengths: list[str]
    areas_for_improvement: list[str]


class Me(BaseModel):
    """The signed-in user; `created_at` is the first sign-in."""

    id: str
    username: str
    email: str
    roles: list[str]
    created_at: ApiTime
    learning_profile: LearningProfile
