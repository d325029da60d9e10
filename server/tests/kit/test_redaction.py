"""What looks like a secret is hidden, wherever it stands in a text; what does not stays readable."""

import pytest

from learntrac.kit.redaction import HIDDEN, hider, is_telling, passwords_in, redact

SECRET = "Zork-42"
OPAQUE = "Ab3_" * 10 + "xYz"


@pytest.mark.parametrize(
    "text",
    [
        f"cannot reach postgresql://learn:{SECRET}@db.example.org:5432/learn",
        f"redis://:{SECRET}@127.0.0.1/0 is away",
        f"redis://:a@b{SECRET}@127.0.0.1/0 is away",
        f"Authorization: Bearer {SECRET}",
        f"{{'authorization': 'Basic {SECRET}'}}",
        f"cookie={SECRET}; path=/",
        f'{{"username": "alice", "password": "{SECRET} \\" and more {SECRET}"}}',
        f"LoginRequest(username='alice', password='{SECRET}')",
        f"GET /voice?lang=en&token={SECRET}&x=1",
        f"refresh_token={SECRET}, mode='a'",
        f"LEARNTRAC_SECRET_KEY={SECRET}",
        f"duplicate key value violates unique constraint\nDETAIL:  Key (name)=({SECRET}) already exists.",
        f"invalid input for query argument $1: '{SECRET}' ('str' object cannot be interpreted as an integer)",
        f'invalid input syntax for type integer: "{SECRET}"',
        f'value "{SECRET}" is out of range for type integer',
        f"[SQL: SELECT 1]\n[parameters: ('{SECRET}', [1])]",
        f"Input should be valid [type=int_type, input_value='{SECRET}', input_type=str]",
    ],
)
def test_a_secret_is_hidden_where_its_place_tells(text: str) -> None:
    assert SECRET not in redact(text)
    assert HIDDEN in redact(text)


@pytest.mark.parametrize(
    "secret",
    [
        OPAQUE,
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl",
        "$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA",
        "$2b$12$abcdefghijklmnopqrstuv",
        "$apr1$salt$hash",
    ],
)
def test_a_secret_is_hidden_where_its_form_tells(secret: str) -> None:
    assert redact(f"it was {secret} they said") == f"it was {HIDDEN} they said"


@pytest.mark.parametrize(
    "text",
    [
        'File "server/learntrac/accounts/tokens.py", line 48, in make',
        "postgresql://127.0.0.1:5432/learn does not answer",
        "request req-1f0c5a2b9d3e4f60 of 8c0e3c1a-7a40-4d8e-8d3e-0d6f0a9a3f11",
        "INSERT INTO learner (id, email) VALUES ($1, $2)",
        "sha256 0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0",
        "the_name_of_some_function_that_is_rather_long_0",
        "mail alice@example.org about http://learn.example.org/ticket/1",
    ],
)
def test_what_an_operator_needs_stays(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize("name", ["password", "Authorization", "refresh_token", "X-Api-Key", "cookie", "secret_key"])
def test_a_name_tells(name: str) -> None:
    assert is_telling(name)


@pytest.mark.parametrize("name", ["path", "user_id", "event", "tokenizer", "mode"])
def test_other_names_do_not(name: str) -> None:
    assert not is_telling(name)


def test_known_words_are_hidden_wherever_they_are_but_not_short_ones() -> None:
    hide = hider(["long", "longer", "a", ""])

    assert hide("a longer way, as long as it is") == f"a {HIDDEN} way, as {HIDDEN} as it is"
    assert hider(["abc"])("abc") == "abc"


def test_the_password_of_a_url_is_known_as_it_is_written_and_meant() -> None:
    assert passwords_in("postgresql://learn:p%40ss@db/learn") == ("p%40ss", "p@ss")
    assert passwords_in("sqlite:///learn.db") == ("", "")
    assert passwords_in("http://[broken") == ()
    assert passwords_in(None) == ("", "")
