"""Does a password match what a Trac installation stores for it: every kind of htpasswd hash, and htdigest.

Nothing here raises: what cannot be a password (too long, a NUL, a lone surrogate) and what is no hash of a
known kind match nothing. Comparisons take the same time wherever the first difference lies.
"""

import base64
import contextlib
import hashlib
import hmac
import re

import argon2
import bcrypt
from passlib.hash import apr_md5_crypt, des_crypt, md5_crypt, sha256_crypt, sha512_crypt

MAX_PASSWORD_CHARACTERS = 1024

_SHA1 = "{SHA}"
_LETTER = "[./0-9A-Za-z]"
_ROUNDS = r"(rounds=[1-9][0-9]{3,8}\$)?"
# Whole shapes, because libpass warns of some malformed hashes instead of raising.
_CRYPTS = (
    (re.compile(rf"\$apr1\${_LETTER}{{0,8}}\${_LETTER}{{22}}"), apr_md5_crypt),
    (re.compile(rf"\$1\${_LETTER}{{0,8}}\${_LETTER}{{22}}"), md5_crypt),
    (re.compile(rf"\$5\${_ROUNDS}{_LETTER}{{0,16}}\${_LETTER}{{43}}"), sha256_crypt),
    (re.compile(rf"\$6\${_ROUNDS}{_LETTER}{{0,16}}\${_LETTER}{{86}}"), sha512_crypt),
    (re.compile(rf"{_LETTER}{{13}}"), des_crypt),
)
_BCRYPTS = ("$2a$", "$2b$", "$2y$")
_BCRYPT_BYTES = 72
_ARGON2 = argon2.PasswordHasher()

# libpass builds its tables when they are first used, and fails where two threads do so at once.
md5_crypt.verify("", "$1$a$" + "." * 22)
sha256_crypt.verify("", "$5$rounds=1000$a$" + "." * 43)
des_crypt.verify("", "." * 13)


def verify(stored: str, password: str) -> bool:
    """Whether the password is the one behind `stored`, the second field of an htpasswd line.

    Kinds: `{SHA}`, `$apr1$`, bcrypt (`$2a$`, `$2b$`, `$2y$`), SHA-256 and SHA-512 crypt (`$5$`, `$6$`),
    MD5 crypt (`$1$`) and the 13 characters of DES crypt.
    """
    try:
        return _matches(stored, _get_secret(password))
    except ValueError:
        return False


def verify_digest(stored_hex: str, username: str, realm: str, password: str) -> bool:
    """Whether `stored_hex`, the third field of an htdigest line, is the MD5 of `username:realm:password`."""
    try:
        joined = b":".join((username.encode(), realm.encode(), _get_secret(password)))
        return _same(stored_hex, hashlib.md5(joined, usedforsecurity=False).hexdigest().encode())
    except ValueError:
        return False


def verify_plain(stored: str, password: str) -> bool:
    """Whether the password is `stored` itself; an empty `stored` is no password and matches nothing."""
    try:
        return _same(stored, _get_secret(password)) and stored != ""
    except ValueError:
        return False


def verify_nothing(password: str) -> None:
    """Take the time of one sound password hash, for when there is nothing to compare with."""
    with contextlib.suppress(ValueError):
        _ARGON2.hash(_get_secret(password))


def _get_secret(password: str) -> bytes:
    """The password as UTF-8. Raises ValueError where no hash is to be spent on it."""
    if len(password) > MAX_PASSWORD_CHARACTERS:
        raise ValueError("the password is too long")
    if "\0" in password:
        # C libraries stop at it, so "a\0b" would pass for "a".
        raise ValueError("the password holds a NUL")
    return password.encode()


def _matches(stored: str, secret: bytes) -> bool:
    """As `verify`, but may raise ValueError where `stored` is malformed."""
    if stored.startswith(_SHA1):
        digest = hashlib.sha1(secret, usedforsecurity=False).digest()
        return _same(stored.removeprefix(_SHA1), base64.b64encode(digest))
    if stored.startswith(_BCRYPTS):
        # Apache's htpasswd reads no further than this; the library would raise instead.
        return bcrypt.checkpw(secret[:_BCRYPT_BYTES], stored.encode())
    crypt = next((crypt for shape, crypt in _CRYPTS if shape.fullmatch(stored)), None)
    return crypt is not None and bool(crypt.verify(secret, stored))


def _same(stored: str, computed: bytes) -> bool:
    return hmac.compare_digest(stored.encode(), computed)
