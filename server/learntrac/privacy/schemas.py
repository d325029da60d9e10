"""The bodies of an export; the specification has no such section."""

from typing import Any

from pydantic import BaseModel, create_model

from learntrac.kit.fields import ApiTime
from learntrac.privacy.sections import SECTIONS


class ExportHead(BaseModel):
    """Whose data it is, when it was read, by which version, and what is not in it."""

    user: str
    exported_at: ApiTime
    learntrac: str
    note: str


class ExportSection(BaseModel):
    """One table's part: what it means, and its rows."""

    meaning: str
    rows: list[dict[str, Any]]


_SECTIONS: dict[str, Any] = {section.name: (ExportSection, ...) for section in SECTIONS}

Export = create_model(
    "Export",
    __doc__="Everything LearnTrac holds about the caller, section by section.",
    about=(ExportHead, ...),
    **_SECTIONS,
)
