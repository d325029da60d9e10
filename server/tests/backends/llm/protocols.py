"""What each provider's protocol looks like on the wire, from the provider's side."""

import hashlib
import hmac
import json
import re
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote, unquote

from learntrac.backends.llm import providers
from learntrac.backends.llm.providers import More, Wire
from tests.backends.llm.wire import Act, Exchange, Received, WireServer, json_reply, sending

KEY = "sk-test-key-that-nobody-may-read"
AWS_ID, AWS_SECRET, REGION = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "eu-central-1"
SSE, EVENT_STREAM = "text/event-stream", "application/vnd.amazon.eventstream"


@dataclass(frozen=True)
class Count:
    """Tokens as a provider reports them."""

    read: int = 100
    cached: int = 0
    made: int = 20


class Speaks(Protocol):
    """A provider: how it is reached, and its well-formed answers."""

    name: str
    model: str
    stream_type: str
    closing: int
    """How many pieces of a stream come after the last word."""

    def wire(self, url: str, timeout_seconds: float) -> Wire: ...

    def form(self, value: Any, count: Count = Count()) -> Act:
        """A structured answer, as a whole."""
        ...

    def pieces(self, words: Iterable[str], count: Count = Count(), finish: str = "stop") -> Iterator[bytes]:
        """A streamed answer in words."""
        ...

    def check(self, received: Received) -> str | None:
        """Why a real server would not have taken this request."""
        ...

    def instructions(self, received: Received) -> str:
        """What the model was told before the talk."""
        ...

    def embeddings(self, vectors: dict[str, list[float]], tokens: int) -> Act: ...


def words_of(speaks: Speaks, *words: str, count: Count = Count(), finish: str = "stop", **more: Any) -> Act:
    """A streamed answer in words that ends well, unless it is told otherwise."""
    return sending(speaks.stream_type, speaks.pieces(words, count, finish), **more)


def begun(speaks: Speaks, *words: str, **more: Any) -> Act:
    """A streamed answer that stops after these words."""
    pieces = list(speaks.pieces(words))[: -speaks.closing]
    return sending(speaks.stream_type, pieces, **more)


def checked(speaks: Speaks, server: WireServer, act: Act) -> Act:
    """An act for requests that the protocol allows; others are noted."""

    async def check(exchange: Exchange) -> None:
        if problem := speaks.check(exchange.received):
            server.problems.append(problem)
        await act(exchange)

    return check


def _event(data: Any) -> bytes:
    return f"data: {data if isinstance(data, str) else json.dumps(data)}\n\n".encode()


def _check_key(received: Received) -> str | None:
    return None if received.headers.get("authorization") == f"Bearer {KEY}" else "401: the key is wrong"


class ChatCompletions:
    """OpenAI's older protocol, which everybody's servers speak."""

    name, model, stream_type, closing = "openai_compatible", "qwen3:8b", SSE, 3

    def wire(self, url: str, timeout_seconds: float) -> Wire:
        more = More("nomic-embed-text", timeout_seconds)
        return providers.openai_compatible(self.model, base_url=f"{url}/v1", api_key=KEY, more=more)

    def _usage(self, count: Count) -> dict[str, Any]:
        return {
            "prompt_tokens": count.read,
            "completion_tokens": count.made,
            "total_tokens": count.read + count.made,
            "prompt_tokens_details": {"cached_tokens": count.cached},
        }

    def form(self, value: Any, count: Count = Count()) -> Act:
        message = {"role": "assistant", "content": value if isinstance(value, str) else json.dumps(value)}
        return json_reply(
            {
                "id": "chatcmpl-1",
                "object": "chat.completion",
                "created": 1767225600,
                "model": "qwen3:8b-q4",
                "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
                "usage": self._usage(count),
            }
        )

    def pieces(self, words: Iterable[str], count: Count = Count(), finish: str = "stop") -> Iterator[bytes]:
        def chunk(choices: list[dict[str, Any]], **more: Any) -> bytes:
            head = {
                "id": "chatcmpl-1",
                "object": "chat.completion.chunk",
                "created": 1767225600,
                "model": "qwen3:8b-q4",
            }
            return _event({**head, "choices": choices, **more})

        for word in words:
            yield chunk([{"index": 0, "delta": {"role": "assistant", "content": word}, "finish_reason": None}])
        yield chunk([{"index": 0, "delta": {}, "finish_reason": finish}])
        yield chunk([], usage=self._usage(count))
        yield _event("[DONE]")

    def check(self, received: Received) -> str | None:
        if (received.method, received.target) != ("POST", "/v1/chat/completions"):
            return f"404: {received.method} {received.target}"
        body = received.json
        if body.get("stream") and not body.get("stream_options", {}).get("include_usage"):
            return "a stream without usage"
        if not body.get("stream") and body["response_format"]["type"] != "json_schema":
            return "no schema was asked for"
        if not (body.get("max_completion_tokens") or body.get("max_tokens")):
            return "no bound of the answer"
        return _check_key(received)

    def instructions(self, received: Received) -> str:
        return "\n".join(said["content"] for said in received.json["messages"] if said["role"] == "system")

    def embeddings(self, vectors: dict[str, list[float]], tokens: int) -> Act:
        data = [{"object": "embedding", "index": at, "embedding": vector} for at, vector in enumerate(vectors.values())]
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return json_reply({"object": "list", "data": data, "model": "nomic-embed-text", "usage": usage})


class Responses:
    """OpenAI's own protocol of today."""

    name, model, stream_type, closing = "openai", "gpt-4o-mini", SSE, 2

    def wire(self, url: str, timeout_seconds: float) -> Wire:
        more = More("text-embedding-3-small", timeout_seconds)
        return providers.openai(self.model, api_key=KEY, base_url=f"{url}/v1", more=more)

    def _response(self, text: str | None, count: Count | None, status: str = "completed") -> dict[str, Any]:
        content: dict[str, Any] = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
        message = {"id": "msg_1", "type": "message", "role": "assistant", "status": status, "content": [content]}
        usage = count and {
            "input_tokens": count.read,
            "input_tokens_details": {"cached_tokens": count.cached},
            "output_tokens": count.made,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": count.read + count.made,
        }
        return {
            "id": "resp_1",
            "object": "response",
            "created_at": 1767225600,
            "status": status,
            "model": "gpt-4o-mini-2026-01-01",
            "output": [] if text is None else [message],
            "incomplete_details": {"reason": "max_output_tokens"} if status == "incomplete" else None,
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
            "usage": usage,
        }

    def form(self, value: Any, count: Count = Count()) -> Act:
        return json_reply(self._response(value if isinstance(value, str) else json.dumps(value), count))

    def pieces(self, words: Iterable[str], count: Count = Count(), finish: str = "stop") -> Iterator[bytes]:
        number = iter(range(1_000_000))

        def event(kind: str, **more: Any) -> bytes:
            data = {"type": kind, "sequence_number": next(number), **more}
            return f"event: {kind}\n".encode() + _event(data)

        place = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
        item = {"id": "msg_1", "type": "message", "role": "assistant", "status": "in_progress", "content": []}
        part = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
        yield event("response.created", response=self._response(None, None, "in_progress"))
        yield event("response.output_item.added", output_index=0, item=item)
        yield event("response.content_part.added", **place, part=part)
        said = ""
        for word in words:
            said += word
            yield event("response.output_text.delta", **place, delta=word, logprobs=[])
        yield event("response.output_text.done", **place, text=said, logprobs=[])
        status = "incomplete" if finish == "length" else "completed"
        yield event(f"response.{status}", response=self._response(said, count, status))

    def check(self, received: Received) -> str | None:
        if (received.method, received.target) != ("POST", "/v1/responses"):
            return f"404: {received.method} {received.target}"
        body = received.json
        if body.get("store") is not False:
            return "what is sent would be kept"
        if not body.get("stream") and body["text"]["format"]["type"] != "json_schema":
            return "no schema was asked for"
        if not body.get("max_output_tokens"):
            return "no bound of the answer"
        return _check_key(received)

    def instructions(self, received: Received) -> str:
        return json.dumps([received.json.get("instructions"), *received.json["input"]], ensure_ascii=False)

    embeddings = ChatCompletions.embeddings


class Converse:
    """AWS Bedrock: Converse and ConverseStream, signed."""

    name, stream_type, closing = "bedrock", EVENT_STREAM, 3
    model = "anthropic.claude-sonnet-4-5-20250929-v1:0"

    def wire(self, url: str, timeout_seconds: float) -> Wire:
        more = More("amazon.titan-embed-text-v2:0", timeout_seconds)
        return providers.bedrock(self.model, base_url=url, more=more)

    def _usage(self, count: Count) -> dict[str, int]:
        # Bedrock does not count what it had read before among what it read.
        return {
            "inputTokens": count.read - count.cached,
            "outputTokens": count.made,
            "totalTokens": count.read + count.made,
            "cacheReadInputTokens": count.cached,
            "cacheWriteInputTokens": 0,
        }

    def form(self, value: Any, count: Count = Count()) -> Act:
        use = {"toolUse": {"toolUseId": "tooluse_1", "name": "answer", "input": value}}
        content = {"text": value} if isinstance(value, str) else use
        return json_reply(
            {
                "output": {"message": {"role": "assistant", "content": [content]}},
                "stopReason": "end_turn" if isinstance(value, str) else "tool_use",
                "usage": self._usage(count),
                "metrics": {"latencyMs": 12},
            }
        )

    def pieces(self, words: Iterable[str], count: Count = Count(), finish: str = "stop") -> Iterator[bytes]:
        yield frame("messageStart", {"role": "assistant"})
        for word in words:
            yield frame("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": word}})
        yield frame("contentBlockStop", {"contentBlockIndex": 0})
        yield frame("messageStop", {"stopReason": {"stop": "end_turn", "length": "max_tokens"}[finish]})
        yield frame("metadata", {"usage": self._usage(count), "metrics": {"latencyMs": 12}})

    def check(self, received: Received) -> str | None:
        if not re.fullmatch(rf"/model/{re.escape(quote(self.model, safe=''))}/converse(-stream)?", received.target):
            return f"404: {received.target}"
        if not received.json["inferenceConfig"].get("maxTokens"):
            return "no bound of the answer"
        return check_signature(received)

    def instructions(self, received: Received) -> str:
        return "\n".join(block.get("text", "<cachePoint>") for block in received.json["system"])

    def embeddings(self, vectors: dict[str, list[float]], tokens: int) -> Act:
        async def embed(exchange: Exchange) -> None:  # one text each time
            counted = {"x-amzn-bedrock-input-token-count": str(tokens // len(vectors))}
            await json_reply({"embedding": vectors[exchange.received.json["inputText"]]}, counted)(exchange)

        return embed


def frame(kind: str, payload: Any, message_type: str = "event") -> bytes:
    """A message of AWS's event stream: lengths and their checksum, headers, payload, checksum of all."""
    name = ":event-type" if message_type == "event" else ":exception-type"
    headers = {name: kind, ":content-type": "application/json", ":message-type": message_type}
    encoded = b"".join(
        struct.pack("!B", len(key)) + key.encode() + struct.pack("!BH", 7, len(value)) + value.encode()
        for key, value in headers.items()
    )
    body = json.dumps(payload).encode()
    lengths = struct.pack("!II", 12 + len(encoded) + len(body) + 4, len(encoded))
    message = lengths + struct.pack("!I", zlib.crc32(lengths)) + encoded + body
    return message + struct.pack("!I", zlib.crc32(message))


_SIGNED = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<id>[^/]+)/"
    r"(?P<scope>(?P<day>\d{8})/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request),"
    r" SignedHeaders=(?P<names>[^,]+), Signature=(?P<signature>[0-9a-f]{64})"
)


def check_signature(received: Received) -> str | None:
    """Why AWS would refuse this signature, by its Signature Version 4."""
    signed = _SIGNED.fullmatch(received.headers.get("authorization", ""))
    if signed is None or (signed["id"], signed["region"], signed["service"]) != (AWS_ID, REGION, "bedrock"):
        return f"403: not signed for us: {received.headers.get('authorization')}"
    names = signed["names"].split(";")
    if not {"host", "x-amz-date"} <= set(names):
        return "403: host and date must be signed"
    path, _, query = received.target.partition("?")
    canonical = "\n".join(
        [
            received.method,
            quote(path, safe="/-_.~"),
            query,
            *(f"{name}:{' '.join(received.headers[name].split())}" for name in names),
            "",
            signed["names"],
            hashlib.sha256(received.body).hexdigest(),
        ]
    )
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    to_sign = "\n".join(["AWS4-HMAC-SHA256", received.headers["x-amz-date"], signed["scope"], digest])
    key = b"AWS4" + AWS_SECRET.encode()
    for part in signed["scope"].split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    right = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
    return None if hmac.compare_digest(right, signed["signature"]) else f"403: wrong signature over {unquote(path)}"


PROTOCOLS: tuple[Speaks, ...] = (ChatCompletions(), Responses(), Converse())
