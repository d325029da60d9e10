"""Bodies of certificates; the specification has their address only."""

import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from learntrac.kit.fields import ApiTime, Body, UserId
from learntrac.kit.paging import Limit, Offset

Kind = Literal["concept", "achievement"]
_NUMBER = re.compile(r"certificate-([1-9][0-9]{0,17})", re.ASCII)


def number_of(name: str) -> int:
    """`certificate-12` as 12; what is no such name as 0, which no certificate has."""
    found = _NUMBER.fullmatch(name)
    return int(found[1]) if found else 0


class CertificateRequest(Body):
    """What is to be certified: a concept that you have mastered, or an achievement that you have earned."""

    concept_id: int | None = Field(None, ge=1, le=2**31 - 1)
    achievement_id: str | None = Field(None, min_length=1, max_length=40)

    @model_validator(mode="after")
    def _one_of_them(self) -> "CertificateRequest":
        if (self.concept_id is None) == (self.achievement_id is None):
            raise ValueError("name either concept_id or achievement_id")
        return self


class NameRequest(Body):
    """Whether the page of verification and the credential name you."""

    show_name: bool


class RevokeRequest(Body):
    """Why a certificate is revoked; the page of verification says so."""

    reason: str = Field(min_length=1, max_length=500)


class CertificateItem(BaseModel):
    """A certificate with its addresses; each of them opens for whoever has it.

    `badge_url` is an Open Badges 3.0 credential as JSON, `badge_jwt_url` the same as a JWT.
    """

    certificate_id: str
    kind: Kind
    concept_id: int | None
    achievement_id: str | None
    title: str
    issued_at: ApiTime
    earned_at: ApiTime
    show_name: bool
    revoked: bool
    revoked_at: ApiTime | None
    reason: str
    certificate_url: str
    verify_url: str
    badge_url: str
    badge_jwt_url: str


class CertificateQuery(BaseModel):
    """Whose certificates; somebody else's for instructors."""

    model_config = ConfigDict(extra="ignore")

    user_id: UserId | None = Field(None, description="Another learner (instructors)")
    limit: Limit = 20
    offset: Offset = 0


class CertificateList(BaseModel):
    """Certificates and badges, oldest first."""

    certificates: list[CertificateItem]
    total: int
    limit: int
    offset: int
