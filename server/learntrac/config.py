"""Every setting, from the environment: `LEARNTRAC_…`. The guide's table of settings is held to this class by a test."""

import os
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from learntrac.kit.redaction import passwords_in

Names = Annotated[tuple[str, ...], NoDecode]
"""Several names in one variable, with commas or blanks between."""
OTHERS_SECRETS = ("OPENAI_API_KEY", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_BEARER_TOKEN_BEDROCK")
"""Variables that libraries read by themselves."""


class Settings(BaseSettings):
    """What an operator may set. An empty value counts as not set."""

    model_config = SettingsConfigDict(env_prefix="LEARNTRAC_", env_ignore_empty=True, extra="ignore")

    trac_env: Path | None = Field(None, description="The Trac environment's folder")
    database_url: str | None = Field(
        None,
        description="LearnTrac's database; by default Trac's own PostgreSQL, or SQLite beside Trac's file",
    )
    trac_database_url: str | None = Field(
        None,
        description="Trac's tables and the login that reads them, written as in trac.ini; by default trac.ini's, "
        "with the login of `LEARNTRAC_DATABASE_URL` where that is the same database",
    )
    redis_url: str | None = Field(
        None,
        description="Redis for what all processes share: limits, short-lived answers, messages; "
        "by default each process is by itself",
    )
    neo4j_url: str | None = Field(
        None,
        description="Neo4j for the knowledge graph, such as bolt://user:password@host:7687; "
        "by default the graph is held in memory",
    )
    neo4j_user: str | None = Field(None, description="Where the URL names no user")
    neo4j_password: str | None = Field(None, description="Where the URL names no password")
    secret_key: str | None = Field(
        None, min_length=32, description="Signs tokens; by default made once and kept beside the database"
    )
    public_url: str | None = Field(None, description="The address people use, such as https://learn.example.org")
    trac_url: str = Field("/trac", description="Where Trac itself is found; wiki links lead there")
    database_connections: int = Field(
        10, ge=2, le=500, description="Connections to PostgreSQL of each process, at most"
    )
    database_timeout_seconds: float = Field(
        20, ge=1, le=3600, description="A statement at PostgreSQL that takes longer is given up, and the answer is 503"
    )
    workers: int = Field(1, ge=1, le=64, description="Processes of `learntrac serve`; many need Redis and PostgreSQL")

    access_token_seconds: int = Field(3600, ge=60, le=86400, description="How long an access token is good for")
    refresh_rotation: bool = Field(default=False, description="Whether each refresh hands out a new refresh token")
    htpasswd_file: Path | None = Field(None, description="The htpasswd file that tracd or the web server uses")
    htdigest_file: Path | None = Field(None, description="The htdigest file that tracd or the web server uses")
    htdigest_realm: str = Field("", description="The realm of the htdigest file")
    ignored_policies: Names = Field((), description="Permission policies of trac.ini that do not hide tickets")

    rate_limit_per_hour: int = Field(1000, ge=1, description="Requests an hour for each user")
    chat_messages_per_hour: int = Field(100, ge=1, description="Messages to the tutor an hour for each user")
    max_body_bytes: int = Field(1_048_576, ge=1024, description="Largest request body")
    cors_origins: Names = Field((), description="Origins whose pages may call the API")
    trusted_proxies: Names = Field((), description="Addresses whose X-Forwarded-For is believed")

    voice_minutes_per_day: int = Field(
        60, ge=0, le=1440, description="Minutes of speech a day for each user, live and uploaded together"
    )
    voice_connections: int = Field(5, ge=1, le=100, description="Voice connections of each user at once")
    voice_bucket: str | None = Field(
        None, description="S3 bucket for spoken answers; by default they stay in the database for their hour"
    )
    voice_bucket_url: str | None = Field(None, description="Address of a storage that speaks S3 and is not AWS's")
    voice_gateway_url: str | None = Field(
        None,
        description="AWS API Gateway's address for `@connections`, such as"
        " https://abc.execute-api.eu-central-1.amazonaws.com/live",
    )
    voice_gateway_secret: str | None = Field(
        None, min_length=32, description="What the gateway sends with each call; needed with its address"
    )

    default_mastery_threshold: float = Field(0.8, ge=0, le=1, description="Where a ticket names none")
    default_estimated_minutes: int = Field(60, ge=1, le=525_600, description="Where a ticket names none")
    model_file: Path | None = Field(
        None, description="The learner model's parameters; by default learntrac-model.json beside the database"
    )
    reported_quiz_weight: float = Field(
        0,
        ge=0,
        le=1,
        description="How much a quiz score that a client reports counts as evidence; 0: it is only kept",
    )
    sync_interval_seconds: float = Field(0.5, ge=0.05, le=60, description="How often Trac is asked for changes")

    run_jobs: bool = Field(default=True, description="Whether a server runs jobs itself, beside `learntrac worker`")
    worker_timeout_seconds: int = Field(
        20, ge=2, le=3600, description="After so long a silence of a worker on PostgreSQL others run its jobs again"
    )
    audit_days: int = Field(365, ge=1, le=36_500, description="How many days the audit log is kept")

    webhook_networks: Names = Field(
        (),
        description="Internal networks that webhooks may reach all the same, also by http://, such as 127.0.0.0/8; "
        "for development and tests",
    )
    xapi_endpoint: str | None = Field(
        None, description="A learning record store that is sent xAPI statements, such as https://lrs.example.org/xAPI"
    )
    xapi_key: str = Field("", description="The key that it knows LearnTrac by")
    xapi_secret: str = Field("", description="The secret of that key")
    sandbox_folder: Path | None = Field(
        None, description="Where the sandbox keeps the interpreters it builds; by default ~/.cache/learntrac"
    )
    sandbox_places: int | None = Field(
        None,
        ge=1,
        le=256,
        description="Submissions that each process runs at once; by default as many as processors, at least 2",
    )

    ai_provider: Literal["openai", "openai_compatible", "bedrock"] | None = Field(
        None,
        description="The language model behind the tutor: openai, openai_compatible or bedrock; "
        "by default none, and the tutor answers from the course alone",
    )
    ai_model: str | None = Field(None, description="The model, by its provider's name")
    ai_base_url: str | None = Field(
        None, description="Where a server is that speaks OpenAI's protocol, such as http://127.0.0.1:11434/v1"
    )
    ai_api_key: str | None = Field(None, description="The provider's key; by default `OPENAI_API_KEY`")
    ai_embedding_model: str | None = Field(
        None, description="A model of the same provider that finds passages by meaning; by default they are by words"
    )
    ai_embedding_timeout_seconds: float = Field(
        1,
        ge=0.05,
        le=60,
        description="After so long without a question's vector the tutor finds passages by words alone",
    )
    ai_timeout_seconds: float = Field(
        9, ge=1, le=300, description="After so long without the whole of a model's answer the tutor does without it"
    )
    ai_input_price: float | None = Field(
        None, ge=0, le=10_000, description="US dollars for a million tokens read; by default by the list of prices"
    )
    ai_cached_price: float | None = Field(
        None, ge=0, le=10_000, description="The same for tokens read before; by default as for others"
    )
    ai_output_price: float | None = Field(
        None, ge=0, le=10_000, description="US dollars for a million tokens made; by default by the list of prices"
    )
    ai_embedding_price: float | None = Field(
        None, ge=0, le=10_000, description="US dollars for a million tokens embedded; by default by the list of prices"
    )
    ai_user_daily_usd: float = Field(0.5, ge=0, le=1_000_000, description="What one user may cost in a day (UTC)")
    ai_user_daily_tokens: int = Field(
        500_000, ge=0, le=10**12, description="Tokens for one user in a day, where a model costs nothing too"
    )
    ai_daily_usd: float = Field(10, ge=0, le=1_000_000, description="What all users may cost in a day (UTC)")
    ai_monthly_usd: float = Field(100, ge=0, le=1_000_000, description="What all users may cost in a month (UTC)")

    speech_provider: Literal["auto", "local", "openai", "aws"] = Field(
        "auto",
        description="Who hears and speaks; auto: the tutor's provider where it is openai or bedrock, else this machine",
    )
    speech_processes: int = Field(
        2,
        ge=1,
        le=64,
        description="Utterances that each process has heard, and spoken, at once by this machine's engines",
    )
    speech_start_early: bool = Field(
        default=True,
        description="Whether a server starts an engine of this machine that hears before anybody speaks; "
        "else the first who does waits for it",
    )
    speech_api_key: str | None = Field(None, description="OpenAI's key for speech; by default the tutor's")
    speech_base_url: str | None = Field(None, description="Where a server is that speaks OpenAI's protocol for speech")
    speech_recognition_model: str | None = Field(
        None, description="OpenAI's model that hears; by default gpt-4o-mini-transcribe"
    )
    speech_voice_model: str | None = Field(None, description="OpenAI's model that speaks; by default gpt-4o-mini-tts")
    speech_aws_vocabulary: str | None = Field(
        None, description="A custom vocabulary of Amazon Transcribe, made in AWS, with the words of the course"
    )
    speech_whisper_model: Path | None = Field(
        None, description="The folder of a faster-whisper model, which then hears instead of pocketsphinx"
    )
    speech_piper_voices: Path | None = Field(
        None, description="The folder of piper's voices, which then speak instead of espeak-ng's"
    )
    metrics_token: str | None = Field(
        None, min_length=16, description="What a scraper must send to read /metrics; unset: only metrics_from may"
    )
    metrics_from: Names = Field(
        (), description="Addresses or networks that read /metrics without a token; by default this machine only"
    )
    log_format: Literal["auto", "json", "console"] = Field("auto", description="auto: console on a terminal, else JSON")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Least level that is logged")
    demo_password: str | None = Field(None, min_length=8, description="One password for the demo's accounts")

    @field_validator(
        "ignored_policies", "cors_origins", "trusted_proxies", "metrics_from", "webhook_networks", mode="before"
    )
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value

    @field_validator("metrics_from", "webhook_networks")
    @classmethod
    def _must_be_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            ip_network(name)
        return value

    @model_validator(mode="after")
    def _gateway_needs_its_secret(self) -> Self:
        if self.voice_gateway_url and not self.voice_gateway_secret:
            raise ValueError("LEARNTRAC_VOICE_GATEWAY_URL needs LEARNTRAC_VOICE_GATEWAY_SECRET")
        return self

    def secrets(self) -> tuple[str, ...]:
        """The words of these settings that nobody may read in a log."""
        own = (
            self.secret_key,
            self.metrics_token,
            self.demo_password,
            self.xapi_secret,
            self.ai_api_key,
            self.speech_api_key,
        )
        urls = (self.database_url, self.redis_url)
        others = (self.voice_gateway_secret, *(os.environ.get(name) for name in OTHERS_SECRETS))
        return (*(word for word in (*own, *others) if word), *(word for url in urls for word in passwords_in(url)))
