"""Access tokens: JWTs that name a user and a sign-in, good for an hour, checked without the database.

PyJWT accepts a token without `exp` and keys of any length; both are refused here.
"""

import secrets
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

import jwt
from jwt.types import Options

ALGORITHM = "HS256"
ISSUER = "learntrac"
KIND = "access"
LONGEST_TOKEN = 2048
REMEMBERED = 10_000


@dataclass(frozen=True)
class Claims:
    """What a verified token says; `expires_at` in epoch seconds."""

    user_id: str
    session_id: str
    expires_at: int


class Tokens:
    """Makes and verifies access tokens with one key. A token that was verified once is known by heart until it
    expires.
    """

    def __init__(self, key: bytes, *, lifetime_seconds: int) -> None:
        if len(key) < 32:
            raise ValueError("the secret key must have at least 32 bytes")
        self._key = key
        self.lifetime_seconds = lifetime_seconds
        self._known: OrderedDict[str, Claims] = OrderedDict()

    def issue(self, *, user_id: str, session_id: str, now: datetime) -> str:
        """A new access token for this sign-in."""
        claims = {
            "iss": ISSUER,
            "sub": user_id,
            "sid": session_id,
            "jti": secrets.token_hex(8),
            "typ": KIND,
            "iat": now,
            "exp": now + timedelta(seconds=self.lifetime_seconds),
        }
        return jwt.encode(claims, self._key, algorithm=ALGORITHM)

    def find_claims(self, token: str, *, now: datetime) -> Claims | None:
        """The claims of a token of ours that has not expired, else None."""
        claims = self._known.get(token) or self._verified(token)
        if claims is None or claims.expires_at <= now.timestamp():
            return None
        return claims

    def _verified(self, token: str) -> Claims | None:
        claims = self._decoded(token)
        if claims is not None:
            self._known[token] = claims
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return claims

    def _decoded(self, token: str) -> Claims | None:
        if len(token) > LONGEST_TOKEN:
            return None
        # Expiry is compared with the clock that was handed in, not with PyJWT's own.
        options: Options = {"require": ["exp", "sub", "sid", "typ", "iss"], "verify_exp": False, "verify_iat": False}
        try:
            found = jwt.decode(token, self._key, algorithms=[ALGORITHM], issuer=ISSUER, options=options)
        except (jwt.PyJWTError, ValueError):
            return None
        if found["typ"] != KIND or not isinstance(found["sid"], str) or not isinstance(found["exp"], int):
            return None
        return Claims(found["sub"], found["sid"], found["exp"])
