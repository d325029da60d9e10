"""OpenTelemetry at work. Imported by `tracing` only, and only where a collector is named.

On PostgreSQL the driver is watched, which sees the hot reads and every COMMIT too; on SQLite the engines and the hot
reader. A statement outside of any request or job gets no span: the sync looks at Trac twice a second.
"""

import os
import threading
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from opentelemetry import propagate, trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from opentelemetry.instrumentation.asyncpg import AsyncPGInstrumentor
from opentelemetry.instrumentation.redis import RedisInstrumentor
from opentelemetry.instrumentation.sqlalchemy import SQLAlchemyInstrumentor
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace import SpanKind, Status
from opentelemetry.util.types import Attributes, AttributeValue
from sqlalchemy.ext.asyncio import AsyncEngine

from learntrac.kit.asgi import ASGI, Message, Receive, Scope, Send, route_of
from learntrac.kit.db import Database
from learntrac.kit.logs import find_context
from learntrac.kit.readers import Row, WideReader
from learntrac.kit.redaction import is_telling, redact

STOPPED_WITHIN_SECONDS = 3
_WITH_QUERY = ("http.url", "http.target", "url.full")
_BEGINNINGS = ("http.response.start", "websocket.accept")
_NEVER = ("url.query", "db.statement.parameters")


class OtelTracer:
    """Sends spans to the collector of the standard variables (OTEL_…), by OTLP over HTTP."""

    def __init__(self, *, version: str) -> None:
        # The names of attributes that are stable; whoever wants the old ones says so.
        os.environ.setdefault("OTEL_SEMCONV_STABILITY_OPT_IN", "http,database")
        self._provider = TracerProvider(resource=_resource(version))
        self._provider.sampler = _Rooted(self._provider.sampler)
        self._exporter = DiscreetExporter(OTLPSpanExporter())
        self._provider.add_span_processor(BatchSpanProcessor(self._exporter))
        self._tracer = self._provider.get_tracer("learntrac", version)
        self._instrumentors: list[Any] = []
        self._instrument(RedisInstrumentor())

    def _instrument(self, instrumentor: Any, **more: object) -> None:
        instrumentor.instrument(tracer_provider=self._provider, skip_dep_check=True, **more)
        self._instrumentors.append(instrumentor)

    def around(self, app: ASGI, *, except_paths: Collection[str]) -> ASGI:
        spanned = OpenTelemetryMiddleware(
            _named(app),
            tracer_provider=self._provider,
            default_span_details=lambda scope: (scope.get("method", scope["type"]), {}),
            server_request_hook=_introduce,
            exclude_spans=["receive", "send"],
        )

        async def either(scope: Scope, receive: Receive, send: Send) -> None:
            await (app if scope.get("path") in except_paths else spanned)(scope, receive, send)

        return either

    def watch(self, database: Database, trac: AsyncEngine) -> None:
        engines = [engine.sync_engine for engine in (*database.engines.values(), trac)]
        on_sqlite = [engine for engine in engines if engine.dialect.name == "sqlite"]
        if len(on_sqlite) < len(engines):
            self._instrument(AsyncPGInstrumentor())  # type: ignore[no-untyped-call] # the library leaves this one out
        if on_sqlite:
            self._instrument(SQLAlchemyInstrumentor(), engines=on_sqlite)
        if database.is_sqlite:
            database.hot = _TracedReader(database.hot, self._tracer)

    def carrier(self) -> dict[str, str]:
        headers: dict[str, str] = {}
        propagate.inject(headers)
        return headers

    @contextmanager
    def job_span(self, name: str, carrier: Mapping[str, str]) -> Iterator[None]:
        parent = propagate.extract(carrier)
        with self._tracer.start_as_current_span(name, context=parent, kind=SpanKind.CONSUMER) as span:
            _tell_the_log(span)
            yield

    def stop(self) -> None:
        for instrumentor in self._instrumentors:
            instrumentor.uninstrument()
        stopping = threading.Thread(target=self._provider.shutdown, daemon=True)
        stopping.start()
        stopping.join(STOPPED_WITHIN_SECONDS)
        if stopping.is_alive():  # the collector is away, and the provider would wait half a minute for it
            self._exporter.shutdown()


def _resource(version: str) -> Resource:
    ours: dict[str, AttributeValue] = {
        "service.name": "learntrac",
        "service.version": version,
        "service.instance.id": str(uuid.uuid4()),
        "process.pid": os.getpid(),
    }
    # What the operator's variables say wins, and Resource.create() reads them first.
    return Resource.create(ours).merge(OTELResourceDetector().detect())


class _Rooted(Sampler):
    """Lets no trace begin with a call to a backend; for the rest it asks the sampler that the operator chose."""

    def __init__(self, inner: Sampler) -> None:
        self._inner = inner

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[trace.Link] | None = None,
        trace_state: trace.TraceState | None = None,
    ) -> SamplingResult:
        within = trace.get_current_span(parent_context).get_span_context().is_valid
        if kind is SpanKind.CLIENT and not within:
            return SamplingResult(Decision.DROP)
        return self._inner.should_sample(parent_context, trace_id, name, kind, attributes, links, trace_state)

    def get_description(self) -> str:
        return f"Rooted({self._inner.get_description()})"


class DiscreetExporter(SpanExporter):
    """Passes spans on without what an error said, what a query held, or anything else that looks like a secret: these
    may leave the machine. What went wrong is in the log, under the same trace id.
    """

    def __init__(self, inner: SpanExporter) -> None:
        self._inner = inner

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return self._inner.export([_discreet(span) for span in spans])

    def shutdown(self) -> None:
        self._inner.shutdown()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        return self._inner.force_flush(timeout_millis)


def _discreet(span: ReadableSpan) -> ReadableSpan:
    return ReadableSpan(
        name=redact(span.name),
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=_clean(span.attributes),
        events=[Event(event.name, _class_of_error(event.attributes), event.timestamp) for event in span.events],
        links=span.links,
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _clean(attributes: Attributes) -> dict[str, Any]:
    kept = {name: value for name, value in (attributes or {}).items() if name not in _NEVER and not is_telling(name)}
    kept = {name: redact(value) if isinstance(value, str) else value for name, value in kept.items()}
    return kept | {name: str(kept[name]).partition("?")[0] for name in _WITH_QUERY if name in kept}


def _class_of_error(attributes: Attributes) -> dict[str, Any]:
    return {name: value for name, value in (attributes or {}).items() if name == "exception.type"}


def _introduce(span: trace.Span, scope: Scope) -> None:
    if (edge := scope.get("edge")) is not None:
        span.set_attribute("learntrac.request_id", edge.request_id)
    _tell_the_log(span)


def _tell_the_log(span: trace.Span) -> None:
    context = find_context()
    if context is not None:
        context.trace_id = trace.format_trace_id(span.get_span_context().trace_id)


def _named(app: ASGI) -> ASGI:
    """Names the request's span after the door that took it, which is known once the answer begins."""

    async def named(scope: Scope, receive: Receive, send: Send) -> None:
        span = trace.get_current_span()

        async def send_named(message: Message) -> None:
            if message["type"] in _BEGINNINGS and (route := route_of(scope)):
                span.update_name(f"{scope.get('method', scope['type'])} {route}")
                span.set_attribute("http.route", route)
            await send(message)

        await app(scope, receive, send_named)

    return named


class _TracedReader:
    """A hot reader on SQLite whose reads are spans; the engines know nothing of them."""

    def __init__(self, reader: WideReader, tracer: trace.Tracer) -> None:
        self._reader, self._tracer = reader, tracer

    async def rows(self, sql: str, *args: object) -> Sequence[Row]:
        with self._span(sql):
            return await self._reader.rows(sql, *args)

    async def slow_rows(self, sql: str, *args: object) -> Sequence[Row]:
        with self._span(sql):
            return await self._reader.slow_rows(sql, *args)

    def among(self, column: str, parameter: int) -> str:
        return self._reader.among(column, parameter)

    def ids(self, numbers: Iterable[int]) -> object:
        return self._reader.ids(numbers)

    def as_json(self, select: str, *columns: str) -> str:
        return self._reader.as_json(select, *columns)

    async def close(self) -> None:
        await self._reader.close()

    @contextmanager
    def _span(self, sql: str) -> Iterator[None]:
        attributes = {"db.system.name": "sqlite", "db.query.text": sql}
        with self._tracer.start_as_current_span(sql.split(maxsplit=1)[0], kind=SpanKind.CLIENT, attributes=attributes):
            yield
