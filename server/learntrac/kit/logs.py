"""Log lines: JSON for machines, plain text for a terminal; each carries the request it belongs to, none a secret."""

import json
import logging
import sys
from contextvars import ContextVar
from typing import Any, Literal

import orjson
import structlog

_request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
_access = logging.getLogger("learntrac.access")


def bind_request(request_id: str) -> None:
    """From here on, in this task, every line names this request."""
    _request_id.set(request_id)


def _add_request(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    request_id = _request_id.get()
    if request_id is not None:
        event["request_id"] = request_id
    return event


def configure(style: Literal["json", "console"], level: str = "INFO") -> None:
    """Send every log line, the libraries' included, to standard error in one style."""
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_request,
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer(serializer=_dumps)
        if style == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.processors.format_exc_info,
            renderer,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*shared, structlog.processors.format_exc_info], processor=_foreign(renderer)
    )
    handler.setFormatter(_Either(formatter))
    # On the handler too: a library that sets its own logger's level is not heard below ours.
    handler.setLevel(level.upper())
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)


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
    if _access.isEnabledFor(logging.INFO):
        get_logger("learntrac.access").info("request", **fields)
