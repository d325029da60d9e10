"""Types for what clients send: strict where Python's own parsers are generous.

Measured traps: `limit= 1 `, `1_000`, `true` and `1.0` all parse as integers by default, JSON bodies may hold NaN
and lone surrogates, and PostgreSQL text cannot hold NUL.
"""

import math
import re
from datetime import datetime
from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    model_validator,
)

from learntrac.kit.clock import iso

MAX_ID = 2**31 - 1
"""Trac's ticket numbers are 32-bit."""

_WHOLE = re.compile(r"-?[0-9]{1,18}", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DECIMAL = re.compile(r"-?[0-9]{1,9}(\.[0-9]{1,30})?", re.ASCII)


def _whole(value: object) -> object:
    if isinstance(value, str):
        if not _WHOLE.fullmatch(value):
            raise ValueError("must be a whole number")
        return int(value)
    return value


def _decimal(value: object) -> object:
    if isinstance(value, str):
        if not _DECIMAL.fullmatch(value):
            raise ValueError("must be a number")
        return float(value)
    return value


def _yes_or_no(value: object) -> object:
    if isinstance(value, str):
        if value not in ("true", "false"):
            raise ValueError("must be true or false")
        return value == "true"
    return value


def written_date(value: object) -> object:
    """A date as it must be written, before it is parsed: Pydantic itself takes `0` and `1.0` as well, as seconds since
    1970.
    """
    if isinstance(value, str) and not _DATE.fullmatch(value):
        raise ValueError("must be a date such as 2024-01-15")
    return value


def storable(text: str) -> str:
    """`text` itself where every database can hold it; ValueError for NUL and lone surrogates."""
    if "\0" in text:
        raise ValueError("must not contain NUL")
    if not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text):
        raise ValueError("must be valid Unicode")
    return text


QueryInt = Annotated[int, BeforeValidator(_whole)]
QueryFloat = Annotated[float, BeforeValidator(_decimal)]
QueryBool = Annotated[bool, BeforeValidator(_yes_or_no)]
QueryText = Annotated[str, AfterValidator(storable), Field(max_length=500)]
TicketId = Annotated[int, BeforeValidator(_whole), Field(ge=1, le=MAX_ID)]
ApiTime = Annotated[datetime, PlainSerializer(iso, return_type=str, when_used="json")]
"""A time in an answer: `2024-01-15T10:00:00Z`, everywhere alike."""
UserId = Annotated[str, AfterValidator(storable), Field(min_length=1, max_length=255)]


def refuse_unstorable(value: object) -> None:
    """Walk a parsed JSON value; ValueError on NUL, lone surrogates, NaN and infinities, at any depth."""
    waiting = [value]  # not by recursion: a body may be nested deeper than Python's stack
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            storable(item)
        elif isinstance(item, float) and not math.isfinite(item):
            raise ValueError("must be a finite number")
        elif isinstance(item, dict):
            waiting += [*item.keys(), *item.values()]
        elif isinstance(item, list):
            waiting += item


class Body(BaseModel):
    """A request body: strict types, storable text, finite numbers. Unknown keys are passed over, as clients grow."""

    model_config = ConfigDict(strict=True, extra="ignore")

    @model_validator(mode="before")
    @classmethod
    def _only_storable(cls, value: object) -> object:
        refuse_unstorable(value)
        return value
