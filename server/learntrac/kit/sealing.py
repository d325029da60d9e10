"""Keeping secrets that have to be read again, such as those that sign: encrypted in the database, under a key that is
not there.
"""

import base64
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE_BYTES = 12


class Unsealable(ValueError):
    """It was sealed with another key, for something else, or is damaged."""


class Sealer:
    """Seals for one `purpose` with a key made from the server's secret (AES-256-GCM)."""

    def __init__(self, secret: bytes, purpose: str) -> None:
        key = HKDF(SHA256(), 32, salt=None, info=f"learntrac {purpose}".encode()).derive(secret)
        self._cipher = AESGCM(key)

    def seal(self, text: str, *, about: str) -> str:
        """The text sealed, as text; it opens again only for what it is `about`."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._cipher.encrypt(nonce, text.encode(), about.encode())
        return base64.urlsafe_b64encode(nonce + sealed).decode()

    def open(self, sealed: str, *, about: str) -> str:
        """The text that was sealed. Raises Unsealable."""
        try:
            raw = base64.urlsafe_b64decode(sealed)
            return self._cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], about.encode()).decode()
        except (InvalidTag, ValueError) as error:
            raise Unsealable("sealed with another key") from error
