"""How a delivery is written and signed. Pure.

Twice, for two kinds of receivers. In the body, as the API specification says: `signature` is `sha256=` and the
HMAC-SHA256, in hex, over the canonical JSON of event, timestamp and data. In the headers, as Standard Webhooks say
(https://www.standardwebhooks.com): `webhook-signature` is `v1,` and the HMAC-SHA256, in base64, over id, time of the
attempt and the raw body. One secret, the same bytes, signs both.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

PREFIX = "whsec_"
SECRET_BYTES = 32


def make_secret() -> str:
    """A new secret in the writing of Standard Webhooks."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def key_of(secret: str) -> bytes:
    """The bytes that sign: what `whsec_` stands before in base64, else the secret's own letters in UTF-8.

    Raises ValueError for `whsec_` with no base64 behind it.
    """
    if not secret.startswith(PREFIX):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError(f"after {PREFIX} there must be base64") from error


def canonical(event: str, timestamp: str, data: Mapping[str, Any]) -> bytes:
    """The JSON that is signed: keys sorted at every depth, no blanks, UTF-8."""
    return orjson.dumps({"event": event, "timestamp": timestamp, "data": data}, option=orjson.OPT_SORT_KEYS)


def signature(secret: str, signed: bytes) -> str:
    """The body's `signature` over its canonical JSON."""
    return "sha256=" + hmac.new(key_of(secret), signed, hashlib.sha256).hexdigest()


def body(secret: str, event: str, timestamp: str, data: Mapping[str, Any]) -> bytes:
    """What is sent."""
    signed = signature(secret, canonical(event, timestamp, data))
    return orjson.dumps({"event": event, "timestamp": timestamp, "data": data, "signature": signed})


def headers(secrets_: Sequence[str], *, message_id: str, at_seconds: int, raw: bytes) -> dict[str, str]:
    """The headers of Standard Webhooks, with a signature by each secret, the newest first."""
    content = f"{message_id}.{at_seconds}.".encode() + raw
    signed = (hmac.new(key_of(secret), content, hashlib.sha256).digest() for secret in secrets_)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(at_seconds),
        "webhook-signature": " ".join("v1," + base64.b64encode(one).decode() for one in signed),
    }
