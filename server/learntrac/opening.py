"""What the settings name, found and opened: database, cache, graph, queue, the key and the learner model's file."""

import os
import re
import secrets
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from sqlalchemy.exc import ArgumentError

from learntrac.backends.cache import Cache
from learntrac.backends.cache.memory import MemoryCache
from learntrac.backends.cache.redis import RedisCache
from learntrac.backends.gateway import Gateway
from learntrac.backends.graph import Graph, opening
from learntrac.backends.llm import LanguageModel
from learntrac.backends.llm import opening as llm
from learntrac.backends.llm.budgets import Budgets, Ceilings
from learntrac.backends.objects import ObjectStorage
from learntrac.backends.queue import Queue
from learntrac.backends.queue.embedded import EmbeddedQueue
from learntrac.backends.queue.procrastinate import ProcrastinateQueue
from learntrac.backends.receivers.addresses import parse_networks
from learntrac.backends.receivers.sending import Receivers
from learntrac.backends.sandbox import Sandbox
from learntrac.backends.sandbox.boxed import BoxedSandbox
from learntrac.backends.speech import Speech
from learntrac.backends.speech.opening import SpeechSettings
from learntrac.backends.speech.opening import open_speech as open_engines
from learntrac.config import Settings
from learntrac.kit.away import cause_of
from learntrac.kit.clock import Clock
from learntrac.kit.db import Database, normalised
from learntrac.kit.metrics import Metrics
from learntrac.schema import SchemaProblem, migrate
from learntrac.trac.environment import EnvironmentProblem, trac_database
from learntrac.trac.ini import IniError, read_ini
from learntrac.trac.source import LACKS_GRANT
from learntrac.webhooks.trying import Store

if TYPE_CHECKING:
    from learntrac.backends.graph.copying import Neo4jCopy

SHORTEST_SECRET = 32
MODEL_FILE = "learntrac-model.json"


async def open_database(settings: Settings, *, answer_within_seconds: float | None = None) -> Database:
    """LearnTrac's database with this version's tables. What nobody waits for at a request gives it all the time it
    needs. Raises EnvironmentProblem.
    """
    database = Database(
        find_database_url(settings),
        connections=settings.database_connections,
        answer_within_seconds=answer_within_seconds,
    )
    shown = re.sub(r"\+\w+", "", database.url.render_as_string(hide_password=True), count=1)
    try:
        await migrate(database)
    except SchemaProblem as error:
        await database.close()
        raise EnvironmentProblem(f"LEARNTRAC_DATABASE_URL: {shown}: {error}") from error
    except Exception as error:
        await database.close()
        why = cause_of(error) or "it does not answer"
        if getattr(getattr(error, "orig", None), "sqlstate", None) == LACKS_GRANT:
            why += ". Run deploy/postgresql/roles.sql, which gives LearnTrac's role a schema of its own."
        raise EnvironmentProblem(f"LEARNTRAC_DATABASE_URL: {shown} cannot be used: {why}") from error
    return database


def find_database_url(settings: Settings) -> str:
    """The configured URL, or Trac's own PostgreSQL, or a file beside Trac's. Raises EnvironmentProblem."""
    if settings.database_url is not None:
        return _checked(settings.database_url)
    environment = _environment(settings)
    try:
        ini = read_ini(environment)
    except IniError as error:
        raise EnvironmentProblem(str(error)) from error
    found = trac_database(environment, ini, settings)
    if found.kind == "postgresql":
        return found.async_url()
    return f"sqlite:///{_beside(environment)}/learntrac.db"


def find_model_file(settings: Settings) -> Path:
    """The learner model's parameters: the setting, or a file beside the database. Raises EnvironmentProblem."""
    if settings.model_file is not None:
        return settings.model_file
    url = normalised(find_database_url(settings))
    folder = Path(url.database or "").parent if url.drivername.startswith("sqlite") else _beside(_environment(settings))
    return folder / MODEL_FILE


def _checked(url: str) -> str:
    try:
        normalised(url)
    except (ValueError, ArgumentError) as error:
        # Not a word of the URL itself: there is a password in it.
        raise EnvironmentProblem(
            "LEARNTRAC_DATABASE_URL: it must be sqlite:///path/to/file or postgresql://user:password@host/database."
        ) from error
    return url


def open_cache(settings: Settings, metrics: Metrics) -> Cache:
    """Redis where it is configured, its calls noted, else this process's memory. Raises EnvironmentProblem."""
    if settings.redis_url is None:
        return MemoryCache()
    try:
        return RedisCache(settings.redis_url, calls=metrics.calls("redis"))
    except ValueError as error:
        raise EnvironmentProblem(f"LEARNTRAC_REDIS_URL: {error}.") from error


def open_graph(settings: Settings, database: Database, clock: Clock) -> "tuple[Graph, Neo4jCopy | None]":
    """The graph, and its copy in Neo4j where one is configured. Raises EnvironmentProblem."""
    user, password = settings.neo4j_user, settings.neo4j_password
    try:
        return opening.open_graph(settings.neo4j_url, user=user, password=password, reader=database.hot, clock=clock)
    except ValueError as error:
        raise EnvironmentProblem(f"LEARNTRAC_NEO4J_URL: {error}.") from error


def open_llm(settings: Settings, database: Database, clock: Clock, metrics: Metrics) -> LanguageModel | None:
    """The language model, or None where no provider is configured. Raises EnvironmentProblem."""
    if settings.ai_provider is None:
        return None
    choice = llm.Choice(
        provider=settings.ai_provider,
        model=settings.ai_model,
        base_url=_ai_base_url(settings),
        api_key=settings.ai_api_key or os.environ.get("OPENAI_API_KEY"),
        embedding_model=settings.ai_embedding_model,
        input_price=settings.ai_input_price,
        output_price=settings.ai_output_price,
        cached_price=settings.ai_cached_price,
        embedding_price=settings.ai_embedding_price,
        timeout_seconds=settings.ai_timeout_seconds,
    )
    try:
        return llm.open_llm(choice, budgets=open_budgets(settings, database, clock), metrics=metrics)
    except llm.WrongSetting as error:
        raise EnvironmentProblem(f"LEARNTRAC_{error.setting.upper()}: {error}.") from error


def _ai_base_url(settings: Settings) -> str | None:
    return settings.ai_base_url or os.environ.get("OPENAI_BASE_URL") or None


def open_budgets(settings: Settings, database: Database, clock: Clock) -> Budgets:
    """The ceilings of what may be spent on language models, and what was spent."""
    ceilings = Ceilings(
        user_day=_micro(settings.ai_user_daily_usd),
        day=_micro(settings.ai_daily_usd),
        month=_micro(settings.ai_monthly_usd),
        user_day_tokens=settings.ai_user_daily_tokens,
    )
    return Budgets(database, clock, ceilings)


def _micro(usd: float) -> int:
    return round(usd * 1_000_000)


def open_objects(settings: Settings) -> ObjectStorage | None:
    """The bucket for spoken answers, if there is one."""
    if settings.voice_bucket is None:
        return None
    from learntrac.backends.objects.s3 import S3Storage  # noqa: PLC0415 - a third of a second, for those who have one

    return S3Storage(settings.voice_bucket, endpoint_url=settings.voice_bucket_url)


def open_gateway(settings: Settings) -> Gateway | None:
    """The gateway that holds the clients' sockets, if there is one."""
    if settings.voice_gateway_url is None:
        return None
    from learntrac.backends.gateway.aws import AwsGateway  # noqa: PLC0415 - as above

    return AwsGateway(settings.voice_gateway_url)


def open_queue(settings: Settings, database: Database, clock: Clock) -> Queue:
    """The queue that lives in this database."""
    if database.is_sqlite:
        return EmbeddedQueue(database, clock=clock)
    return ProcrastinateQueue(database, clock=clock, worker_timeout_seconds=settings.worker_timeout_seconds)


def open_sandbox(settings: Settings, metrics: Metrics) -> Sandbox:
    """The sandbox of this process. Nothing of it runs before `start`, or the first submission."""
    return BoxedSandbox(settings.sandbox_folder, places=settings.sandbox_places, metrics=metrics)


def open_speech(settings: Settings) -> Speech:
    """The speech engines of this process. Nothing of them runs before the first call. Raises EnvironmentProblem."""
    try:
        return open_engines(_speech_settings(settings))
    except ValueError as error:
        raise EnvironmentProblem(f"LEARNTRAC_SPEECH_PROVIDER: {error}.") from error


def _speech_settings(settings: Settings) -> SpeechSettings:
    of_tutor: dict[str | None, Literal["openai", "aws"]] = {"bedrock": "aws"}
    if not _ai_base_url(settings):
        # Whoever has the tutor's model on a server of their own does not mean sound to go to OpenAI.
        of_tutor["openai"] = "openai"
    provider = settings.speech_provider
    return SpeechSettings(
        provider=of_tutor.get(settings.ai_provider, "local") if provider == "auto" else provider,
        processes=settings.speech_processes,
        whisper_model=settings.speech_whisper_model,
        piper_voices=settings.speech_piper_voices,
        api_key=settings.speech_api_key or settings.ai_api_key,
        base_url=settings.speech_base_url,
        recognition_model=settings.speech_recognition_model,
        speech_model=settings.speech_voice_model,
        aws_vocabulary=settings.speech_aws_vocabulary,
    )


def find_secret(settings: Settings) -> bytes:
    """The key that signs tokens: the setting, or the one in `learntrac.key`, made at the first start."""
    if settings.secret_key is not None:
        return settings.secret_key.encode()
    file = _beside(_environment(settings)) / "learntrac.key"
    try:
        if not file.exists():
            _make_secret(file)
        secret = file.read_bytes().strip()
    except OSError as error:
        raise EnvironmentProblem(f"Set LEARNTRAC_SECRET_KEY: {file} cannot be used ({error.strerror}).") from error
    if len(secret) < SHORTEST_SECRET:
        raise EnvironmentProblem(f"{file}: this key is too short. Remove the file, and the next start makes another.")
    return secret


def _make_secret(file: Path) -> None:
    """A new key, whole or not at all; where two processes start at once, both use the first one's."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as out:
        out.write(secrets.token_urlsafe(48))
    with suppress(FileExistsError):
        file.hardlink_to(part)
    part.unlink()


def _environment(settings: Settings) -> Path:
    if settings.trac_env is None:
        raise EnvironmentProblem("Say which Trac: `--trac-env DIR` or LEARNTRAC_TRAC_ENV.")
    if not (settings.trac_env / "conf" / "trac.ini").is_file():
        raise EnvironmentProblem(f"{settings.trac_env}: this is no Trac environment: it has no conf/trac.ini.")
    return settings.trac_env.resolve()


def _beside(environment: Path) -> Path:
    return environment / "db"


def open_receivers(settings: Settings) -> Receivers:
    """What sends to other people's servers."""
    return Receivers(networks=parse_networks(settings.webhook_networks))


def find_store(settings: Settings) -> Store | None:
    """The learning record store that is configured, if any."""
    if settings.xapi_endpoint is None:
        return None
    endpoint = settings.xapi_endpoint.rstrip("/").removesuffix("/statements") + "/statements"
    home = (settings.public_url or "http://learntrac.invalid").rstrip("/")
    return Store(endpoint, settings.xapi_key, settings.xapi_secret, home)
