"""Traces of requests and jobs, by OpenTelemetry: only where the standard variable OTEL_EXPORTER_OTLP_ENDPOINT names a
collector. Without it nothing of OpenTelemetry is even imported, and everything here does nothing.
"""

import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncEngine

from learntrac.kit.asgi import ASGI
from learntrac.kit.db import Database

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


class Tracer(Protocol):
    """What a tracer at work can do."""

    def around(self, app: ASGI, *, except_paths: Collection[str]) -> ASGI:
        """`app` with a span around each request."""
        ...

    def watch(self, database: Database, trac: AsyncEngine) -> None:
        """Give every statement a span."""
        ...

    def carrier(self) -> dict[str, str]:
        """The current span as headers."""
        ...

    def job_span(self, name: str, carrier: Mapping[str, str]) -> AbstractContextManager[None]:
        """A span for a job."""
        ...

    def stop(self) -> None:
        """Send what is left, and take every watch away."""
        ...


class _State:
    """Whether this process traces. OpenTelemetry itself patches the drivers, so there can be but one."""

    tracer: Tracer | None = None


@contextmanager
def traced(*, version: str) -> Iterator[None]:
    """Trace for as long as the context lasts, where a collector is named; what is left is sent at its end."""
    if not _is_wanted() or _State.tracer is not None:
        yield
        return
    from learntrac.kit.otel import OtelTracer  # noqa: PLC0415 - half a second, for those only who asked for it

    tracer = _State.tracer = OtelTracer(version=version)
    try:
        yield
    finally:
        _State.tracer = None
        tracer.stop()


def _is_wanted() -> bool:
    disabled = os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true"
    return not disabled and any(os.environ.get(name) for name in _ENDPOINTS)


def around(app: ASGI, *, except_paths: Collection[str] = ()) -> ASGI:
    """`app` with a span around each request but those to `except_paths`; `app` itself where nothing is traced."""
    return app if _State.tracer is None else _State.tracer.around(app, except_paths=except_paths)


def watch(database: Database, trac: AsyncEngine) -> None:
    """Give every statement to LearnTrac's own database and to Trac's a span inside its request or job."""
    if _State.tracer is not None:
        _State.tracer.watch(database, trac)


def carrier() -> dict[str, str]:
    """The current span as headers (`traceparent`), to be kept in a job's payload; empty where nothing is traced."""
    return {} if _State.tracer is None else _State.tracer.carrier()


def job_span(name: str, carrier: Mapping[str, str]) -> AbstractContextManager[None]:
    """A span around a job, within the trace of the request that asked for it, as `carrier()` noted it there.

    An error that leaves the block marks the span, by its class only.
    """
    return nullcontext() if _State.tracer is None else _State.tracer.job_span(name, carrier)
