"""Log lines: JSON for machines, plain text for a terminal; each carries the request it belongs to, none a secret."""

import json
import logging
import sys
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Literal

import orjson
import structlog

from learntrac.kit.clock import utc_now
from learntrac.kit.redaction import HIDDEN, hider, is_telling, redact

_access = logging.getLogger("learntrac.access")
_written = SimpleNamespace(as_json=False)
"""How lines are written, as `configure` said."""
_TALKATIVE = ("aiosqlite", "httpcore")
"""Libraries that log values and headers below INFO."""


@dataclass
class LogContext:
    """What every line of one request or job names; filled in as it becomes known."""

    request_id: str
    user_id: str | None = None
    trace_id: str | None = None

    def secrets(self) -> Iterable[str]:
        """Words that no line of this request may hold; asked only when a line beside the access log is written."""
        return ()


def bind_job(job_id: int, task: str) -> None:
    """From here on, in this task, every line names this job of the queue."""
    _job.set((job_id, task))


_job: ContextVar[tuple[int, str] | None] = ContextVar("job", default=None)
_context: ContextVar[LogContext | None] = ContextVar("log_context", default=None)


def bind_request(request: LogContext | str) -> None:
    """From here on, in this task and those it starts, every line names this request."""
    _context.set(LogContext(request) if isinstance(request, str) else request)


def find_context() -> LogContext | None:
    """The request or job that this task works for."""
    return _context.get()


def _add_context(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    context = _context.get()
    if context is not None:
        event["request_id"] = context.request_id
        if context.user_id is not None:
            event["user_id"] = context.user_id
        if context.trace_id is not None:
            event["trace_id"] = context.trace_id
    job = _job.get()
    if job is not None:
        event["job_id"], event["task"] = job
    return event


class _Redact:
    """Takes secrets out of a line. The access log's lines hold none by construction, and are too many to search."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._hide = hider(secrets)

    def __call__(self, logger: Any, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        if logger is _access:
            return event
        context = _context.get()
        hide = hider(context.secrets()) if context is not None else None
        for name, value in event.items():
            if not name.startswith("_"):
                event[name] = self._clean(name, value, hide)
        return event

    def _clean(self, name: str, value: Any, hide: Callable[[str], str] | None) -> Any:
        if value is None or isinstance(value, bool | int | float):
            return value
        if is_telling(name):
            return HIDDEN
        if isinstance(value, dict):
            return {str(key): self._clean(str(key), inner, hide) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self._clean("", inner, hide) for inner in value]
        text = self._hide(str(value))
        return redact(hide(text) if hide else text)


def configure(style: Literal["json", "console"], level: str = "INFO", *, secrets: Iterable[str] = ()) -> None:
    """Send every log line, the libraries' included, to standard error in one style.

    `secrets` are words that no line may hold, such as this server's own keys and passwords.
    """
    _written.as_json = style == "json"
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_context,
    ]
    last: list[structlog.typing.Processor] = [structlog.processors.format_exc_info, _Redact(secrets)]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer(serializer=_dumps)
        if style == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            *last,
            renderer,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    formatter = structlog.stdlib.ProcessorFormatter(foreign_pre_chain=[*shared, *last], processor=_foreign(renderer))
    handler.setFormatter(_Either(formatter))
    # On the handler too: a library that sets its own logger's level is not heard below ours.
    handler.setLevel(level.upper())
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(logging.INFO, logging.getLogger().level))


def _dumps(value: object, **_: Any) -> str:
    try:
        return orjson.dumps(value, default=str).decode()
    except TypeError:
        # A lone surrogate or a very long number: a line is worth more than its speed.
        return json.dumps(value, default=str, ensure_ascii=False).encode("utf-8", "replace").decode()


class _Either(logging.Formatter):
    """Lines of our own come rendered; a library's are rendered here."""

    def __init__(self, foreign: logging.Formatter) -> None:
        super().__init__()
        self._foreign = foreign

    def format(self, record: logging.LogRecord) -> str:
        if record.name.startswith("learntrac"):
            return record.getMessage()
        return self._foreign.format(record)


def _foreign(renderer: structlog.typing.Processor) -> structlog.typing.Processor:
    def render(logger: Any, name: str, event: structlog.typing.EventDict) -> Any:
        event.pop("_record", None)
        event.pop("_from_structlog", None)
        return renderer(logger, name, event)

    return render


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """The logger of a feature; `name` begins with `learntrac`."""
    logger: structlog.stdlib.BoundLogger = structlog.get_logger(name)
    return logger


def error_log(error: BaseException, *, path: str) -> None:
    """An error that no handler expected, with its trace: for the operator, never for the caller."""
    get_logger("learntrac.error").error("unexpected error", path=path, exc_info=error)


def access_log(**fields: Any) -> None:
    """One line for a request that was answered."""
    if not _access.isEnabledFor(logging.INFO):
        return
    if not _written.as_json:
        get_logger("learntrac.access").info("request", **fields)
        return
    # Written without structlog, which takes as long for it as the checks of sign-in and limit: nobody else writes so
    # many lines, and this one holds no secret by construction.
    at = utc_now().isoformat().replace("+00:00", "Z")
    event = _add_context(None, "info", fields | {"event": "request", "level": "info", "timestamp": at})
    _access.handle(logging.LogRecord(_access.name, logging.INFO, "", 0, _dumps(event), None, None))
