"""Every setting, from the environment: `LEARNTRAC_…`. The guide's table of settings is held to this class by a test."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

Names = Annotated[tuple[str, ...], NoDecode]
"""Several names in one variable, with commas or blanks between."""


class Settings(BaseSettings):
    """What an operator may set. An empty value counts as not set."""

    model_config = SettingsConfigDict(env_prefix="LEARNTRAC_", env_ignore_empty=True, extra="ignore")

    trac_env: Path | None = Field(None, description="The Trac environment's folder")
    database_url: str | None = Field(
        None,
        description="LearnTrac's database; by default Trac's own PostgreSQL, or SQLite beside Trac's file",
    )
    redis_url: str | None = Field(None, description="Redis for limits shared by all workers; by default in process")
    secret_key: str | None = Field(
        None, min_length=32, description="Signs tokens; by default made once and kept beside the database"
    )
    public_url: str | None = Field(None, description="The address people use, such as https://learn.example.org")
    trac_url: str = Field("/trac", description="Where Trac itself is found; wiki links lead there")
    database_pool_size: int = Field(10, ge=1, le=500, description="Connections to PostgreSQL in each process")

    access_token_seconds: int = Field(3600, ge=60, le=86400, description="How long an access token is good for")
    refresh_rotation: bool = Field(default=False, description="Whether each refresh hands out a new refresh token")
    htpasswd_file: Path | None = Field(None, description="The htpasswd file that tracd or the web server uses")
    htdigest_file: Path | None = Field(None, description="The htdigest file that tracd or the web server uses")
    htdigest_realm: str = Field("", description="The realm of the htdigest file")
    ignored_policies: Names = Field((), description="Permission policies of trac.ini that do not hide tickets")

    rate_limit_per_hour: int = Field(1000, ge=1, description="Requests an hour for each user")
    max_body_bytes: int = Field(1_048_576, ge=1024, description="Largest request body")
    cors_origins: Names = Field((), description="Origins whose pages may call the API")
    trusted_proxies: Names = Field((), description="Addresses whose X-Forwarded-For is believed")

    default_mastery_threshold: float = Field(0.8, ge=0, le=1, description="Where a ticket names none")
    default_estimated_minutes: int = Field(60, ge=1, le=525_600, description="Where a ticket names none")
    reported_quiz_weight: float = Field(
        0,
        ge=0,
        le=1,
        description="How much a quiz score that a client reports counts as evidence; 0: it is only kept",
    )
    sync_interval_seconds: float = Field(0.5, ge=0.05, le=60, description="How often Trac is asked for changes")

    log_format: Literal["auto", "json", "console"] = Field("auto", description="auto: console on a terminal, else JSON")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Least level that is logged")
    demo_password: str | None = Field(None, min_length=8, description="One password for the demo's accounts")

    @field_validator("ignored_policies", "cors_origins", "trusted_proxies", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value
