"""The providers' own protocols, by Pydantic AI and the vendors' clients. Imported only where a provider is configured:
these libraries take seconds to load.
"""

import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

import boto3
import httpx2
from botocore.config import Config
from botocore.exceptions import BotoCoreError
from openai import AsyncOpenAI
from pydantic_ai.embeddings import EmbeddingModel
from pydantic_ai.embeddings.bedrock import BedrockEmbeddingModel
from pydantic_ai.embeddings.openai import OpenAIEmbeddingModel
from pydantic_ai.models import Model
from pydantic_ai.models.bedrock import BedrockConverseModel
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel, OpenAIResponsesModelSettings
from pydantic_ai.profiles.openai import OpenAIModelProfile
from pydantic_ai.providers import Provider
from pydantic_ai.providers.bedrock import BedrockProvider
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider
from pydantic_ai.settings import ModelSettings

CONNECT_WITHIN_SECONDS = 3.0
CONNECTIONS = 100
LARGEST_ANSWER_BYTES = 4 * 1024 * 1024
"""More than any answer that is asked for, and little enough to be held in memory many times."""
NO_KEY = "none"
"""What a server of one's own is sent where it wants no key: the protocol has a place for one."""

for _chatty in ("openai", "httpx2", "httpcore2", "boto3", "botocore", "urllib3"):
    # On DEBUG they write what is sent: learners' words, and headers with keys.
    logging.getLogger(_chatty).setLevel(logging.WARNING)


@dataclass(frozen=True)
class More:
    """What every provider may be told besides its model."""

    embedding_model: str | None = None
    timeout_seconds: float = 9.0


@dataclass(frozen=True)
class Wire:
    """One provider: its model, how it is asked for a form of answer, and its model for embeddings if there is one."""

    model: Model
    settings: ModelSettings
    structured: Literal["native", "tool"]
    embedding: EmbeddingModel | None
    close: Callable[[], Awaitable[None]]


def openai(model: str, *, api_key: str, more: More, base_url: str | None = None) -> Wire:
    """OpenAI itself, by its Responses API. Nothing is kept there."""
    client = _client(base_url, api_key, more.timeout_seconds)
    provider = OpenAIProvider(openai_client=client)
    settings = OpenAIResponsesModelSettings(max_retries=0, openai_store=False, cache=True)
    embedding = _openai_embedding(more, provider)
    return Wire(OpenAIResponsesModel(model, provider=provider), settings, "native", embedding, client.close)


def openai_compatible(model: str, *, base_url: str, api_key: str | None, more: More) -> Wire:
    """Any server that speaks OpenAI's chat completions: Ollama, vLLM, llama.cpp, a gateway."""
    client = _client(base_url, api_key or NO_KEY, more.timeout_seconds)
    # A stream that ends without one was cut off on its way.
    profile = OpenAIModelProfile(openai_chat_streaming_requires_finish_reason=True)
    provider = OpenAICompatibleProvider("openai_compatible", openai_client=client, profile=profile)
    embedding = _openai_embedding(more, provider)
    return Wire(
        OpenAIChatModel(model, provider=provider), ModelSettings(max_retries=0), "native", embedding, client.close
    )


def bedrock(model: str, *, base_url: str | None, more: More) -> Wire:
    """AWS Bedrock, with the credentials and the region that AWS's own variables or the machine's role give.

    Raises ValueError where there is no region.
    """
    limits = Config(
        connect_timeout=CONNECT_WITHIN_SECONDS,
        read_timeout=more.timeout_seconds,
        retries={"total_max_attempts": 1},
        max_pool_connections=CONNECTIONS,
    )
    try:
        # AWS's other tools read this variable, boto3 only its own AWS_DEFAULT_REGION.
        region = os.environ.get("AWS_REGION") or None
        client = boto3.client("bedrock-runtime", endpoint_url=base_url, region_name=region, config=limits)
    except BotoCoreError as error:
        raise ValueError(str(error).rstrip(".")) from error
    provider = BedrockProvider(bedrock_client=client)
    named = more.embedding_model
    embedding = BedrockEmbeddingModel(named, provider=provider) if named else None

    async def close() -> None:
        client.close()

    settings = ModelSettings(cache={"messages": False})
    return Wire(BedrockConverseModel(model, provider=provider), settings, "tool", embedding, close)


def _openai_embedding(more: More, provider: Provider[AsyncOpenAI]) -> EmbeddingModel | None:
    return OpenAIEmbeddingModel(more.embedding_model, provider=provider) if more.embedding_model else None


def _client(base_url: str | None, api_key: str, timeout_seconds: float) -> AsyncOpenAI:
    timeout = httpx2.Timeout(timeout_seconds, connect=CONNECT_WITHIN_SECONDS)
    http = httpx2.AsyncClient(
        timeout=timeout,
        limits=httpx2.Limits(max_connections=CONNECTIONS),
        # What is packed has no size that could be bounded before it is unpacked.
        headers={"accept-encoding": "identity"},
        event_hooks={"response": [_bound]},
    )
    return AsyncOpenAI(base_url=base_url, api_key=api_key, http_client=http, max_retries=0, timeout=timeout)


async def _bound(response: httpx2.Response) -> None:
    assert isinstance(response.stream, httpx2.AsyncByteStream)  # noqa: S101 - an asynchronous client has no other
    response.stream = _BoundedStream(response.stream)


class _BoundedStream(httpx2.AsyncByteStream):
    """Ends an answer that is larger than any should be: the client reads it into memory whole."""

    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream, self._left = stream, LARGEST_ANSWER_BYTES

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._stream:
            self._left -= len(piece)
            if self._left < 0:
                raise httpx2.ReadError(f"the answer is larger than {LARGEST_ANSWER_BYTES} bytes")
            yield piece

    async def aclose(self) -> None:
        with suppress(httpx2.HTTPError):
            await self._stream.aclose()
