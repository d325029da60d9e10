"""Writing exercises: make one, give it a new version, retire it. What is wrong with one is found before, outside every
transaction (`running.prove`).
"""

import hashlib
import secrets
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from learntrac.exercises import queries, showing
from learntrac.exercises.definition import AnyDefinition, plain, write_content
from learntrac.exercises.schemas import (
    DefinitionReply,
    RetiredReply,
    VersionItem,
    VersionList,
)
from learntrac.exercises.service import ExerciseNotFound, get_exercise
from learntrac.kit.clock import from_micros, to_micros
from learntrac.kit.errors import Conflict, Detail, ValidationFailed
from learntrac.trac import catalog
from learntrac.trac.visibility import Visibility


class ExerciseExists(Conflict):
    """409: the id is taken."""

    def __init__(self, exercise_id: str) -> None:
        super().__init__(f"There is an exercise {exercise_id} already: change it with PUT.")


class NotProved(ValidationFailed):
    """400: the model solution does not pass, or the starter does."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("This exercise cannot be taken.", details=[Detail("definition", one) for one in problems])


def new_id() -> str:
    """An id for an exercise whose author named none."""
    return f"ex-{secrets.token_hex(6)}"


async def check_concepts(session: AsyncSession, *, visibility: Visibility, definition: AnyDefinition) -> None:
    """Raise ValidationFailed where the exercise names a concept that is not there for its author."""
    for name, numbers in (("concept", [definition.concept]), ("suggested_reading", definition.suggested_reading)):
        for number in numbers:
            row = (await session.execute(queries.FIND_CONCEPT, {"concept_id": number})).one_or_none()
            if row is None or not visibility.allows(number):
                raise ValidationFailed(
                    "This exercise cannot be taken.", details=[Detail(name, f"there is no concept {number}")]
                )


async def create(
    session: AsyncSession,
    *,
    visibility: Visibility,
    author: str,
    exercise_id: str,
    definition: AnyDefinition,
    now: datetime,
) -> DefinitionReply:
    """Add an exercise. Raises ExerciseExists, and ValidationFailed for a concept that is not there."""
    await check_concepts(session, visibility=visibility, definition=definition)
    added = await session.execute(queries.ADD, _columns(definition, exercise_id, author, now))
    if added.one_or_none() is None:
        raise ExerciseExists(exercise_id)
    await _add_version(session, exercise_id, 1, definition, author, now)
    await catalog.mark(session, now=now)
    return await show_definition(session, visibility=visibility, exercise_id=exercise_id, version=None)


async def change(
    session: AsyncSession,
    *,
    visibility: Visibility,
    author: str,
    exercise_id: str,
    definition: AnyDefinition,
    now: datetime,
) -> DefinitionReply:
    """Give an exercise a new version, and bring back one that was retired; the same again changes nothing. Sessions
    that go on keep their version. Raises ExerciseNotFound and ValidationFailed.
    """
    before = await get_exercise(session, visibility=visibility, exercise_id=exercise_id, with_retired=True)
    await check_concepts(session, visibility=visibility, definition=definition)
    if before.digest == digest_of(definition) and not before.is_retired:
        return await show_definition(session, visibility=visibility, exercise_id=exercise_id, version=None)
    version = (await session.execute(queries.CHANGE, _columns(definition, exercise_id, author, now))).scalar_one()
    await _add_version(session, exercise_id, version, definition, author, now)
    await catalog.mark(session, now=now)
    return await show_definition(session, visibility=visibility, exercise_id=exercise_id, version=None)


async def retire(session: AsyncSession, *, visibility: Visibility, exercise_id: str, now: datetime) -> RetiredReply:
    """Take an exercise out of every list; attempts, and what they proved, stay. Raises ExerciseNotFound."""
    await get_exercise(session, visibility=visibility, exercise_id=exercise_id)
    await session.execute(queries.RETIRE, {"id": exercise_id, "now": to_micros(now)})
    await catalog.mark(session, now=now)
    return RetiredReply(id=exercise_id, is_retired=True)


async def show_definition(
    session: AsyncSession, *, visibility: Visibility, exercise_id: str, version: int | None
) -> DefinitionReply:
    """The exercise as its author wrote it. Raises ExerciseNotFound."""
    found = await get_exercise(
        session, visibility=visibility, exercise_id=exercise_id, version=version, with_retired=True
    )
    return DefinitionReply(
        id=found.id,
        version=found.version,
        is_retired=found.is_retired,
        updated_at=from_micros(found.updated_at),
        definition=plain(found.definition),
    )


async def list_versions(session: AsyncSession, *, visibility: Visibility, exercise_id: str) -> VersionList:
    """All versions, the latest first. Raises ExerciseNotFound."""
    found = await get_exercise(session, visibility=visibility, exercise_id=exercise_id, with_retired=True)
    rows = await session.execute(queries.VERSIONS, {"id": exercise_id})
    return VersionList(
        versions=[
            VersionItem(
                version=row.version,
                created_by=row.created_by,
                created_at=from_micros(row.created_at),
                digest=row.digest,
                is_current=row.version == found.version,
            )
            for row in rows
        ]
    )


async def put(
    session: AsyncSession,
    *,
    visibility: Visibility,
    author: str,
    exercise_id: str,
    definition: AnyDefinition,
    now: datetime,
) -> str:
    """Add the exercise or give it a new version, whichever it takes: `new`, `changed` or `unchanged`."""
    try:
        before = await get_exercise(session, visibility=visibility, exercise_id=exercise_id, with_retired=True)
    except ExerciseNotFound:
        await create(
            session, visibility=visibility, author=author, exercise_id=exercise_id, definition=definition, now=now
        )
        return "new"
    if before.digest == digest_of(definition) and not before.is_retired:
        return "unchanged"
    await change(session, visibility=visibility, author=author, exercise_id=exercise_id, definition=definition, now=now)
    return "changed"


def digest_of(definition: AnyDefinition) -> str:
    """A name for what was written, whatever id it has."""
    written = write_content(definition.model_copy(update={"id": None}) if definition.id else definition)
    return hashlib.sha256(written.encode()).hexdigest()


async def _add_version(
    session: AsyncSession, exercise_id: str, version: int, definition: AnyDefinition, author: str, now: datetime
) -> None:
    values = {
        "id": exercise_id,
        "version": version,
        "content": write_content(definition),
        "digest": digest_of(definition),
        "author": author,
        "now": to_micros(now),
    }
    await session.execute(queries.ADD_VERSION, values)


def _columns(definition: AnyDefinition, exercise_id: str, author: str, now: datetime) -> dict[str, Any]:
    return {
        "id": exercise_id,
        "concept_id": definition.concept,
        "type": definition.type,
        "title": definition.title,
        "difficulty": definition.difficulty,
        "level": int(definition.difficulty),
        "points": definition.points,
        "estimated_minutes": definition.estimated_minutes,
        "doc_head": showing.head(definition, exercise_id),
        "author": author,
        "now": to_micros(now),
    }
