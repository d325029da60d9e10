"""Bodies of the audit log; the specification has no such section."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from learntrac.kit.fields import ApiTime, QueryText, UserId
from learntrac.kit.paging import Limit, Offset

_TIME = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?)?", re.ASCII)


def _read_time(value: object) -> datetime:
    """The aware moment of `2024-01-15` (its beginning) or `2024-01-15T10:00:00Z`; without a zone it is UTC.

    Raises ValueError for any other text: the framework would take `0` and `1e9` as well.
    """
    written = str(value)
    try:
        found = datetime.fromisoformat(written) if _TIME.fullmatch(written) else None
    except ValueError:
        found = None
    if found is None:
        raise ValueError("must be a time such as 2024-01-15T10:00:00Z")
    return found if found.tzinfo else found.replace(tzinfo=UTC)


QueryTime = Annotated[datetime, BeforeValidator(_read_time)]


class AuditQuery(BaseModel):
    """Which entries; without a filter all of them."""

    model_config = ConfigDict(extra="ignore")

    actor: UserId | None = Field(None, description="Who did it: a user, `cli` or `system`")
    subject: UserId | None = Field(None, description="Whose data it was about")
    person: UserId | None = Field(None, description="Who did it or whose data it was about")
    action: QueryText | None = Field(None, description="How the action's name begins, such as `login.`")
    since: QueryTime | None = Field(None, description="From this time on (ISO 8601)")
    until: QueryTime | None = Field(None, description="Before this time (ISO 8601)")
    limit: Limit = 20
    offset: Offset = 0


class AuditEntryItem(BaseModel):
    """One act. `request_id` finds its request in the server's log; it and `address` are empty without one."""

    id: int
    at: ApiTime
    actor: str
    action: str
    subject: str | None
    request_id: str
    address: str
    details: dict[str, Any]


class AuditList(BaseModel):
    """A page of the log, newest first."""

    entries: list[AuditEntryItem]
    total: int
    limit: int
    offset: int
