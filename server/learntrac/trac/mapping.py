"""Which of Trac's fields mean what: the mapping, and a ticket read by it as a concept. Pure."""

import tomllib
from collections.abc import Mapping as Fields
from dataclasses import dataclass, field
from typing import Any

import orjson

from learntrac.kit.clock import iso
from learntrac.trac import values, wikitext

LONGEST_FIELD = 80
"""Characters of a custom field's name, which the catalog keeps with every prerequisite."""
LONGEST_NAME = 500
"""Characters of a component and its like: as many as a filter takes, and as an index of PostgreSQL holds."""


@dataclass(frozen=True)
class Mapping:
    """Custom fields by meaning, and where prerequisites come from.

    `prerequisites` are custom fields that hold ticket numbers; `mastertickets` and `subtickets` tell whether those
    plugins' tables are read. A parent of SubTickets needs its children only where an operator says so: to Trac they
    are parts.
    """

    difficulty: str = "learning_difficulty"
    mastery_threshold: str = "mastery_threshold"
    estimated_time: str = "time_estimate"
    prerequisites: tuple[str, ...] = ("prerequisites", "blockedby")
    mastertickets: bool = True
    subtickets: bool = False
    default_mastery_threshold: float = 0.8
    default_estimated_minutes: int = 60


def read_mapping(text: str, *, default_mastery_threshold: float, default_estimated_minutes: int) -> Mapping:
    """The mapping of a `learntrac.toml`; ValueError, with one clear sentence, where it is not readable."""
    try:
        table = tomllib.loads(text).get("mapping", {})
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"is not TOML: {error}") from None
    if not isinstance(table, dict):
        raise ValueError("mapping is no table: write [mapping] above its settings")  # noqa: TRY004 - a wrong file, not a wrong call
    known: dict[str, Any] = {
        "default_mastery_threshold": default_mastery_threshold,
        "default_estimated_minutes": default_estimated_minutes,
    }
    for name, value in table.items():
        known[name] = _checked(name, value)
    return Mapping(**known)


def _checked(name: str, value: object) -> object:
    if name in ("difficulty", "mastery_threshold", "estimated_time") and _is_field(value):
        return value
    if name in ("mastertickets", "subtickets") and isinstance(value, bool):
        return value
    if name == "prerequisites" and isinstance(value, list) and all(_is_field(item) for item in value):
        return tuple(value)
    raise ValueError(f"[mapping] {name} = {value!r} is not a setting that the guide's page on mapping names")


def _is_field(value: object) -> bool:
    return isinstance(value, str) and len(value) <= LONGEST_FIELD and "\0" not in value


def write_mapping(mapping: Mapping) -> str:
    """The `learntrac.toml` that `read_mapping` reads back; the defaults belong to the settings and are left out."""
    fields = ", ".join(f'"{name}"' for name in mapping.prerequisites)
    return (
        "# What Trac's fields mean to LearnTrac. A change takes effect within two seconds.\n"
        "[mapping]\n"
        f'difficulty = "{mapping.difficulty}"\n'
        f'mastery_threshold = "{mapping.mastery_threshold}"\n'
        f'estimated_time = "{mapping.estimated_time}"\n'
        "# custom fields that hold ticket numbers\n"
        f"prerequisites = [{fields}]\n"
        "# the tables of the plugins MasterTickets and SubTickets, read where they exist\n"
        f"mastertickets = {str(mapping.mastertickets).lower()}\n"
        f"subtickets = {str(mapping.subtickets).lower()}\n"
    )


@dataclass(frozen=True)
class TicketRow:
    """A row of Trac's ticket table as it is stored, with its custom fields."""

    id: int
    type: str | None
    time: int | None
    changetime: int | None
    component: str | None
    owner: str | None
    status: str | None
    summary: str | None
    description: str | None
    keywords: str | None
    milestone: str | None
    custom: Fields[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Concept:
    """A ticket read as a concept; prerequisites are resolved elsewhere, against the other tickets."""

    id: int
    title: str
    description: str
    type: str
    difficulty: float
    mastery_threshold: float
    component: str
    milestone: str
    owner: str
    standing: str
    estimated_minutes: int
    tags: tuple[str, ...]
    created_at: int
    updated_at: int
    objectives: tuple[str, ...]
    links: tuple[wikitext.Link, ...]
    custom_fields: Fields[str, str]
    problems: tuple[str, ...]


def to_concept(row: TicketRow, mapping: Mapping) -> Concept:
    """Read a ticket by the rules of the guide's page "Where a concept comes from"."""
    problems: list[str] = []
    description = row.description or ""
    return Concept(
        id=row.id,
        title=row.summary or "",
        description=description,
        type=values.concept_type(row.type)[:LONGEST_NAME],
        difficulty=_read(row, mapping.difficulty, values.read_difficulty, 3.0, problems),
        mastery_threshold=_read(
            row, mapping.mastery_threshold, values.read_threshold, mapping.default_mastery_threshold, problems
        ),
        component=(row.component or "")[:LONGEST_NAME],
        milestone=(row.milestone or "")[:LONGEST_NAME],
        owner=values.owner_name(row.owner)[:LONGEST_NAME],
        standing=values.ticket_standing(row.status),
        estimated_minutes=_read(
            row, mapping.estimated_time, values.read_minutes, mapping.default_estimated_minutes, problems
        ),
        tags=tuple(values.read_tags(row.keywords)),
        created_at=row.time or 0,
        updated_at=row.changetime or row.time or 0,
        objectives=tuple(wikitext.read_objectives(description)),
        links=tuple(wikitext.read_links(description)),
        custom_fields=row.custom,
        problems=tuple(problems),
    )


def written_prerequisites(custom: Fields[str, str], mapping: Mapping) -> tuple[dict[int, str], list[str]]:
    """{ticket number: the field that names it} of a ticket's custom fields, and what in them could not be read."""
    found: dict[int, str] = {}
    unread: list[str] = []
    for name in mapping.prerequisites:
        numbers, leftovers = values.read_ids(custom.get(name))
        for number in numbers:
            found.setdefault(number, name)
        unread += [f"{name} {leftover!r} is not a ticket number" for leftover in leftovers]
    return found, unread


def list_json(concept: Concept, prerequisites: list[int]) -> tuple[str, str]:
    """The concept as the list shows it, cut in two where the status of the learner who asks belongs."""
    head = {
        "id": concept.id,
        "title": concept.title,
        "description": concept.description,
        "type": concept.type,
    }
    tail = {
        "difficulty": concept.difficulty,
        "mastery_threshold": concept.mastery_threshold,
        "component": concept.component,
        "milestone": concept.milestone,
        "owner": concept.owner,
        "prerequisites": prerequisites,
        "estimated_time": values.show_minutes(concept.estimated_minutes),
        "tags": list(concept.tags),
        "created_at": iso(values.from_microseconds(concept.created_at)),
        "updated_at": iso(values.from_microseconds(concept.updated_at)),
    }
    return orjson.dumps(head).decode()[:-1] + ',"status":"', write_tail(tail)


def write_tail(fields: Fields[str, Any]) -> str:
    """What follows the status in a concept's list JSON."""
    return '",' + orjson.dumps(fields).decode()[1:]


def read_tail(doc_tail: str) -> dict[str, Any]:
    """The fields of `write_tail`."""
    fields: dict[str, Any] = orjson.loads("{" + doc_tail.removeprefix('",'))
    return fields


def _read(row: TicketRow, name: str, reader: Any, default: Any, problems: list[str]) -> Any:
    text = row.custom.get(name)
    value = reader(text)
    if value is not None:
        return value
    if text and text.strip():
        problems.append(f"{name} {text.strip()[:80]!r} could not be read")
    return default
