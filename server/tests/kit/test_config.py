"""Settings, as an operator gives them."""

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from learntrac.config import Settings


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of the machine that runs the tests."""
    for name in os.environ:
        if name.startswith("LEARNTRAC_"):
            monkeypatch.delenv(name)


def test_nothing_has_to_be_set() -> None:
    settings = Settings()

    assert (settings.trac_env, settings.database_url, settings.redis_url, settings.secret_key) == (None,) * 4
    assert (settings.access_token_seconds, settings.rate_limit_per_hour) == (3600, 1000)
    assert settings.refresh_rotation is False
    assert settings.cors_origins == ()


def test_variables_are_read_and_an_empty_one_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEARNTRAC_TRAC_ENV", "/srv/trac")
    monkeypatch.setenv("LEARNTRAC_REFRESH_ROTATION", "true")
    monkeypatch.setenv("LEARNTRAC_DEFAULT_MASTERY_THRESHOLD", "0.9")
    monkeypatch.setenv("LEARNTRAC_REDIS_URL", "")
    monkeypatch.setenv("LEARNTRAC_RATE_LIMIT_PER_HOUR", "")
    monkeypatch.setenv("LEARNTRAC_OF_A_LATER_VERSION", "1")
    settings = Settings()

    assert settings.trac_env == Path("/srv/trac")
    assert settings.refresh_rotation is True
    assert settings.default_mastery_threshold == 0.9
    assert settings.redis_url is None
    assert settings.rate_limit_per_hour == 1000


@pytest.mark.parametrize("names", ["a,b", "a b", " a ,  b,", "a\nb", ",a,,b,"])
def test_several_names_go_into_one_variable(monkeypatch: pytest.MonkeyPatch, names: str) -> None:
    for variable in ("CORS_ORIGINS", "TRUSTED_PROXIES", "IGNORED_POLICIES"):
        monkeypatch.setenv(f"LEARNTRAC_{variable}", names)
    settings = Settings()

    assert settings.cors_origins == settings.trusted_proxies == settings.ignored_policies == ("a", "b")
    assert Settings(cors_origins=("a", "b")).cors_origins == ("a", "b")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", "x" * 31),
        ("ACCESS_TOKEN_SECONDS", "59"),
        ("ACCESS_TOKEN_SECONDS", "soon"),
        ("RATE_LIMIT_PER_HOUR", "0"),
        ("MAX_BODY_BYTES", "1"),
        ("DATABASE_CONNECTIONS", "1"),
        ("DEFAULT_MASTERY_THRESHOLD", "1.1"),
        ("REPORTED_QUIZ_WEIGHT", "-0.1"),
        ("LOG_LEVEL", "LOUD"),
        ("LOG_FORMAT", "xml"),
        ("DEMO_PASSWORD", "short"),
        ("METRICS_TOKEN", "too short"),
        ("METRICS_FROM", "10.0.0.0/24, my-prometheus"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"LEARNTRAC_{name}", value)
    with pytest.raises(ValidationError) as refused:
        Settings()

    assert refused.value.errors()[0]["loc"] == (name.lower(),)


def test_every_setting_says_what_it_is_for() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []
