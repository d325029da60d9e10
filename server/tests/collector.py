"""A collector of traces: a real HTTP server that takes OTLP and keeps what it was sent."""

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass
class Span:
    """One span as it arrived."""

    name: str
    kind: int
    trace_id: str
    span_id: str
    parent_id: str
    attributes: dict[str, object]
    events: list[tuple[str, dict[str, object]]]
    is_error: bool
    message: str


@dataclass
class Collector:
    """What arrived: spans, the resources they came from, and every byte."""

    url: str
    spans: list[Span] = field(default_factory=list)
    resources: list[dict[str, object]] = field(default_factory=list)
    raw: bytes = b""

    def request(self, route: str) -> Span:
        """The one request that took this door."""
        (found,) = [span for span in self.spans if span.attributes.get("http.route") == route]
        return found

    def children(self, parent: Span) -> list[Span]:
        """The spans right below one."""
        return [span for span in self.spans if span.parent_id == parent.span_id]


def _values(pairs: object) -> dict[str, object]:
    found: dict[str, object] = {}
    for pair in pairs:  # type: ignore[attr-defined] # what protobuf makes has no types
        kind = pair.value.WhichOneof("value")
        found[pair.key] = getattr(pair.value, kind) if kind else None
    return found


def _take(collector: Collector, body: bytes) -> None:
    collector.raw += body
    sent = ExportTraceServiceRequest.FromString(body)
    for part in sent.resource_spans:
        collector.resources.append(_values(part.resource.attributes))
        for scope in part.scope_spans:
            collector.spans += [
                Span(
                    span.name,
                    span.kind,
                    span.trace_id.hex(),
                    span.span_id.hex(),
                    span.parent_span_id.hex(),
                    _values(span.attributes),
                    [(event.name, _values(event.attributes)) for event in span.events],
                    span.status.code == 2,
                    span.status.message,
                )
                for span in scope.spans
            ]


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector for as long as the context lasts."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            if self.path == "/v1/traces":
                _take(collector, body)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return None

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    collector = Collector(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield collector
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
