"""Passwords against the hashes that Trac's password files hold."""

import base64
import hashlib
import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import argon2
import bcrypt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from passlib.hash import apr_md5_crypt, des_crypt, md5_crypt, sha256_crypt, sha512_crypt

from learntrac.trac import hashes

with warnings.catch_warnings():
    # Trac imports setuptools' pkg_resources and python-multipart by its old name, and both warn.
    warnings.simplefilter("ignore")
    from trac.web.auth import BasicAuthentication


def _sha(password: str) -> str:
    return "{SHA}" + base64.b64encode(hashlib.sha1(password.encode()).digest()).decode()


def _bcrypt(ident: str) -> Callable[[str], str]:
    def make(password: str) -> str:
        hashed = bcrypt.hashpw(password.encode()[:72], bcrypt.gensalt(rounds=4))
        return hashed.decode().replace("$2b$", ident, 1)

    return make


MAKERS: dict[str, Callable[[str], str]] = {
    "{SHA}": _sha,
    "$apr1$": apr_md5_crypt.hash,
    "$1$": md5_crypt.hash,
    "$2a$": _bcrypt("$2a$"),
    "$2b$": _bcrypt("$2b$"),
    "$2y$": _bcrypt("$2y$"),
    "$5$": sha256_crypt.using(rounds=1000).hash,
    "$5$ with 5000 rounds": sha256_crypt.using(rounds=5000).hash,
    "$6$": sha512_crypt.using(rounds=1000).hash,
    "DES": des_crypt.hash,
}
KINDS = list(MAKERS)
PASSWORDS = [
    "secret",
    "",
    "two words",
    " secret ",
    "Zwölf Boxkämpfer",
    "パスワード",
    "🔑🔑",
    "a:#c",
    "x" * 72,
]

# Made by openssl passwd (-apr1, -1, -5, -6) and by the C library's crypt; the last three are examples of
# Apache's htpasswd and of crypt_blowfish.
MADE_ELSEWHERE = [
    ("secret", "$apr1$abcdefgh$h9FWgUz3n9YxylKLlR5SQ/"),
    ("Zwölf Boxkämpfer", "$apr1$qHDFfhPC$Qk3KflsPxO4eePzraiPPL0"),
    ("secret", "$1$abcdefgh$cHJi5PXp/ki/ktXzqlk6I1"),
    ("secret", "$5$abcdefgh$gruCpC7VkOTspMQTTSAR8mtlO9Upms.fwqE5y16JVM."),
    ("Hello world!", "$5$rounds=10000$saltstringsaltst$3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA"),
    (
        "Hello world!",
        "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
    ),
    ("secret", "abNANd1rDfiNc"),
    ("Zwölf Boxkämpfer", "qHpAJuk0j80LQ"),
    ("myPassword", "{SHA}VBPuJHI7uixaa6LQGWx4s+5GKNE="),
    ("myPassword", "$2y$05$c4WoMPo3SXsafkva.HHa6uXQZWr7oboPiC2bT/r7q1BB8I2s0BRqC"),
    ("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
]


@pytest.mark.parametrize(("password", "stored"), MADE_ELSEWHERE)
def test_knows_the_hashes_of_other_programs(password: str, stored: str) -> None:
    assert hashes.verify(stored, password)
    assert not hashes.verify(stored, password.swapcase())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("password", PASSWORDS)
def test_takes_the_right_password_and_no_other(kind: str, password: str) -> None:
    stored = MAKERS[kind](password)
    assert hashes.verify(stored, password)
    assert not hashes.verify(stored, "wrong")
    assert not hashes.verify(stored, f"~{password}")


def test_bcrypt_reads_72_bytes_as_htpasswd_does() -> None:
    stored = MAKERS["$2y$"]("x" * 72)
    assert hashes.verify(stored, "x" * 73)
    assert not hashes.verify(stored, "x" * 71)


def test_bcrypt_may_cut_within_a_letter() -> None:
    assert hashes.verify(MAKERS["$2b$"]("x" + "é" * 40), "x" + "é" * 40)


def test_des_reads_eight_bytes() -> None:
    assert hashes.verify("abNANd1rDfiNc", "secret") is True
    assert hashes.verify(des_crypt.hash("password"), "password and more")


@pytest.mark.parametrize("kind", KINDS)
def test_a_nul_does_not_end_a_password(kind: str) -> None:
    stored = MAKERS[kind]("secret")
    assert not hashes.verify(stored, "secret\0more")
    assert not hashes.verify(stored, "secret\0")


def test_a_nul_is_in_no_password() -> None:
    assert not hashes.verify(_sha("a\0b"), "a\0b")
    assert not hashes.verify_digest(hashlib.md5(b"name:realm:a\0b").hexdigest(), "name", "realm", "a\0b")
    assert not hashes.verify_plain("a\0b", "a\0b")


@pytest.mark.parametrize("kind", KINDS)
def test_a_lone_surrogate_is_in_no_password(kind: str) -> None:
    assert not hashes.verify(MAKERS[kind]("secret"), "secret\ud800")


@pytest.mark.parametrize("kind", ["{SHA}", "$apr1$", "$1$", "$5$", "$6$"])
@pytest.mark.parametrize("letter", ["x", "é", "🔑"])
def test_a_password_may_have_1024_characters(kind: str, letter: str) -> None:
    password = letter * 1024
    assert hashes.verify(MAKERS[kind](password), password)
    assert not hashes.verify(MAKERS[kind]("x"), password)


def test_a_longer_password_is_refused_before_any_hashing(monkeypatch: pytest.MonkeyPatch) -> None:
    stored = [_sha("x" * 1025), MAKERS["$2b$"]("x" * 72), des_crypt.hash("x" * 8)]
    hashed: list[str] = []
    monkeypatch.setattr(hashlib, "sha1", lambda *_args, **_kwargs: hashed.append("sha1"))
    monkeypatch.setattr(bcrypt, "checkpw", lambda *_args: hashed.append("bcrypt"))
    monkeypatch.setattr(argon2.PasswordHasher, "hash", lambda *_args: hashed.append("argon2"))
    assert not any(hashes.verify(one, "x" * 1025) for one in stored)
    hashes.verify_nothing("x" * 1025)
    assert hashed == []


@pytest.mark.parametrize(
    "stored",
    [
        "",
        "*",
        "!",
        "secret",
        "{SHA}",
        "{SHA}é",
        "{sha}W6ph5Mm5Pz8GgiULbPgzG37mj9g=",
        "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n",
        "{SHA}\ud800",
        "$apr1$",
        "$apr1$salt",
        "$apr1$salt$",
        "$apr1$saltsaltsalt$h9FWgUz3n9YxylKLlR5SQ/",
        "$apr1$abcdefgh$h9FWgUz3n9YxylKLlR5SQ/$",
        "$apr1$é$h9FWgUz3n9YxylKLlR5SQ/",
        "$5$rounds=$salt$",
        "$5$a salt longer than sixteen characters",
        "$5$rounds=1$abcdefgh$gruCpC7VkOTspMQTTSAR8mtlO9Upms.fwqE5y16JVM.",
        "$6$rounds=" + "9" * 5000 + "$a$b",
        "$2b$",
        "$2b$04$short",
        "$2b$99$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$2b$04$" + "é" * 53,
        "$2b$04$\ud800",
        "$2x$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$9$unknown$hash",
        "abNANd1rDfiN",
        "abNANd1rDfiN!",
        "!!NANd1rDfiNc",
        "abNANd1rDfiNé",
    ],
)
def test_a_malformed_hash_matches_nothing(stored: str) -> None:
    assert not any(hashes.verify(stored, password) for password in ("secret", "password", "U*U", ""))


@given(st.text(), st.text())
def test_never_raises(stored: str, password: str) -> None:
    assert hashes.verify(stored, password) is False
    assert hashes.verify_digest(stored, password, stored, password) is False


SHORT_HASHES = [stored for _, stored in MADE_ELSEWHERE if "rounds=" not in stored]


@given(st.sampled_from(SHORT_HASHES), st.integers(min_value=7), st.text(max_size=3), st.text(max_size=9))
def test_never_raises_on_a_damaged_hash(stored: str, place: int, damage: str, password: str) -> None:
    # The first seven characters stay: they hold bcrypt's cost, and the damage could make that days.
    cut = 7 + place % len(stored)
    assert hashes.verify(stored[:cut] + damage + stored[cut + 1 :], password) is False


@given(st.sampled_from(KINDS), st.text(st.characters(exclude_characters="\0"), max_size=20))
def test_any_text_is_a_password(kind: str, password: str) -> None:
    try:
        stored = MAKERS[kind](password)
    except UnicodeEncodeError:
        stored = MAKERS[kind]("")
        assert not hashes.verify(stored, password)
    else:
        assert hashes.verify(stored, password)


def test_a_digest_covers_name_realm_and_password() -> None:
    stored = hashlib.md5("zoë:Kurs 1:secret".encode()).hexdigest()
    assert hashes.verify_digest(stored, "zoë", "Kurs 1", "secret")
    assert not hashes.verify_digest(stored, "zoë", "Kurs 1", "Secret")
    assert not hashes.verify_digest(stored, "zoë", "Kurs 2", "secret")
    assert not hashes.verify_digest(stored, "zoe", "Kurs 1", "secret")
    assert not hashes.verify_digest(stored.upper(), "zoë", "Kurs 1", "secret")


@pytest.mark.parametrize(
    ("stored", "username", "password"),
    [("", "a", "b"), ("é", "a", "b"), ("\ud800", "a", "b"), ("0" * 32, "\ud800", "b")],
)
def test_a_digest_of_nonsense_matches_nothing(stored: str, username: str, password: str) -> None:
    assert not hashes.verify_digest(stored, username, "realm", password)


def test_plain_text_is_compared_as_it_is() -> None:
    assert hashes.verify_plain("päss", "päss")
    assert not hashes.verify_plain("päss", "pass")
    assert not hashes.verify_plain("", "")
    assert not hashes.verify_plain("\ud800", "\ud800")


def test_verifying_nothing_takes_one_argon2_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[bytes] = []
    monkeypatch.setattr(argon2.PasswordHasher, "hash", lambda _self, secret: hashed.append(secret))
    hashes.verify_nothing("päss")
    assert hashed == ["päss".encode()]


def test_nothing_is_left_to_build_when_threads_begin() -> None:
    # Asked of a new interpreter, since the other tests here have used every kind.
    asked = (
        "import learntrac.trac.hashes",
        "from passlib.crypto import des",
        "from passlib.utils import binary",
        "assert type(binary.h64) is type(binary.h64big) is binary.Base64Engine",
        "assert None not in (des.PCXROT, des.IE3264, des.SPE, des.CF6464)",
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", "\n".join(asked)], env=environment, check=True)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "$1$"])
def test_agrees_with_trac(kind: str, tmp_path: Path) -> None:
    # Trac knows "$1$" only on machines without passlib, where it asks the C library.
    for right in PASSWORDS:
        stored = MAKERS[kind](right)
        file = tmp_path / "trac.htpasswd"
        file.write_text(f"alice:{stored}\n")
        trac = BasicAuthentication(str(file), "realm")
        for password in PASSWORDS:
            assert hashes.verify(stored, password) == trac.test("alice", password)
