"""The demo's exercises: plain files beside the course, offered without running each at a start. A test proves them."""

from datetime import datetime
from pathlib import Path

from sqlalchemy import text

from learntrac.backends.sandbox import Sandbox
from learntrac.demo.reading import read_course
from learntrac.exercises.attempts import Grader
from learntrac.exercises.definition import AnyDefinition
from learntrac.exercises.files import list_folders, read_folder
from learntrac.exercises.pushing import push
from learntrac.kit.db import Database
from learntrac.mastery.parameter_file import Model

FOLDER = Path(__file__).parent / "course" / "exercises"
AUTHOR = "ivan"
_OFFERED = text("SELECT count(*) FROM exercise")
_CONCEPTS = text("SELECT id, title FROM concept")


def read_exercises(concepts: dict[str, int]) -> list[AnyDefinition]:
    """All of them, by id; `concepts` are the ticket numbers of the course's keys."""
    return [read_folder(folder, concepts=concepts) for folder in list_folders(FOLDER)]


async def find_concepts(database: Database) -> dict[str, int]:
    """{key: ticket number} of the course's concepts, which Trac has under their titles."""
    async with database.read() as session:
        numbers = {row.title: row.id for row in await session.execute(_CONCEPTS)}
    return {one.key: numbers[one.title] for one in read_course().concepts if one.title in numbers}


async def offer(database: Database, sandbox: Sandbox, model: Model, *, now: datetime) -> None:
    """Offer the exercises, where there are none yet."""
    async with database.read() as session:
        if (await session.execute(_OFFERED)).scalar_one():
            return
    definitions = read_exercises(await find_concepts(database))
    grader = Grader(database, sandbox, model, lambda: now)
    await push(grader, definitions, author=AUTHOR, proved=False)
